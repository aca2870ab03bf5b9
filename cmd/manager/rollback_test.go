package main

import (
	"context"
	"errors"
	"testing"
	"time"
)

var errDown = errors.New("connection refused")

// answers are what the reads of a test return, one after the other: a resourceVersion, or "" for an error.
type answers []string

func (a *answers) next(context.Context) (string, error) {
	answer := (*a)[0]
	*a = (*a)[1:]
	if answer == "" {
		return "", errDown
	}
	return answer, nil
}

func TestRollbackWatchdog(t *testing.T) {
	for name, test := range map[string]struct {
		versions answers
		// highest and now are what the process ends with; "" when it does not end.
		highest, now string
	}{
		"nothing changes → goes on":                      {versions: answers{"700", "700", "700"}},
		"versions rise → goes on":                        {versions: answers{"9", "10", "11"}},
		"the first read is lower than a later → goes on": {versions: answers{"1", "1000"}},
		"the version falls → ends":                       {versions: answers{"700", "650"}, highest: "700", now: "650"},
		"it falls by a digit → ends":                     {versions: answers{"1000", "999"}, highest: "1000", now: "999"},
		"it falls after rising → ends":                   {versions: answers{"5", "8", "6"}, highest: "8", now: "6"},
		"reads fail in between → ends":                   {versions: answers{"700", "", "", "650"}, highest: "700", now: "650"},
		"only reads that fail → goes on":                 {versions: answers{"", "", ""}},
		"reads fail, and versions rise → goes on":        {versions: answers{"", "700", "", "701"}},
		"versions are no numbers → goes on":              {versions: answers{"b", "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ticks, done := make(chan time.Time), make(chan error, 1)
			var highest, now string
			remaining := test.versions
			w := &rollbackWatchdog{
				version: remaining.next, ticks: ticks, end: func(h, n string) { highest, now = h, n },
			}
			go func() { done <- w.Start(ctx) }()
			for range len(test.versions) - 1 {
				ticks <- time.Time{}
			}
			if test.highest == "" {
				cancel()
			}
			if err := <-done; err != nil || highest != test.highest || now != test.now || len(remaining) > 0 {
				t.Errorf("ended with %q after %q, error %v, %d answers left", now, highest, err, len(remaining))
			}
		})
	}
}

func TestStandbyIsWatchedForRollbacksToo(t *testing.T) {
	if (&rollbackWatchdog{}).NeedLeaderElection() {
		t.Error("only a leader is watched")
	}
}
