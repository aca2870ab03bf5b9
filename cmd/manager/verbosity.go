package main

import (
	"go.uber.org/zap/zapcore"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// mostVerbose is the highest --zap-log-level that has an effect. From 8 on, client-go writes what it sends to the API
// server and gets from there into the log: with it every Secret that the operator reads or makes.
const mostVerbose = 7

// bound is the last of zap's options: it keeps bodies out of the log, whatever the flags say.
func bound(o *zap.Options) {
	if o.Level != nil {
		o.Level = boundedLevel{o.Level}
	}
}

type boundedLevel struct{ zapcore.LevelEnabler }

func (b boundedLevel) Enabled(level zapcore.Level) bool {
	return level >= -mostVerbose && b.LevelEnabler.Enabled(level)
}
