package main

import (
	"slices"

	"github.com/go-logr/logr"
)

// lazy returns a logger that encodes the values it carries when a line is written, not when they are added. Each
// reconcile gets a logger with half a dozen values, and mostly writes nothing: at a start with tens of thousands of
// objects, encoding them was a sixth of all that the process allocated.
func lazy(log logr.Logger) logr.Logger {
	// The sink between adds a frame to the stack of callers.
	return logr.New(lazySink{LogSink: log.WithCallDepth(1).GetSink()})
}

type lazySink struct {
	logr.LogSink

	values []any
}

// Init leaves the sink behind as it is, which has been initialized.
func (s lazySink) Init(logr.RuntimeInfo) {}

func (s lazySink) Info(level int, message string, values ...any) {
	s.LogSink.Info(level, message, s.with(values)...)
}

func (s lazySink) Error(err error, message string, values ...any) {
	s.LogSink.Error(err, message, s.with(values)...)
}

func (s lazySink) WithValues(values ...any) logr.LogSink {
	return lazySink{LogSink: s.LogSink, values: s.with(values)}
}

func (s lazySink) WithName(name string) logr.LogSink {
	return lazySink{LogSink: s.LogSink.WithName(name), values: s.values}
}

// WithCallDepth implements logr.CallDepthLogSink.
func (s lazySink) WithCallDepth(depth int) logr.LogSink {
	sink := s.LogSink
	if deep, is := sink.(logr.CallDepthLogSink); is {
		sink = deep.WithCallDepth(depth)
	}
	return lazySink{LogSink: sink, values: s.values}
}

// with returns the values of the logger, and some more.
func (s lazySink) with(more []any) []any { return append(slices.Clip(s.values), more...) }
