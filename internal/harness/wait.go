package harness

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// poll is how often a condition is looked at.
	poll = 50 * time.Millisecond
	// Timeout is how long a condition is waited for. It bounds a failure; nothing that works takes so long.
	Timeout = time.Minute
)

// Until waits until check is content, and returns what it complained of last when that takes too long.
func Until(ctx context.Context, what string, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if final, ok := errors.AsType[*finalError](err); ok {
			return fmt.Errorf("%s: %w", what, final.error)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w: %w", what, context.Cause(ctx), err)
		case <-ticker.C:
		}
	}
}

// Final marks an error after which waiting is of no use; nil stays nil.
func Final(err error) error {
	if err == nil {
		return nil
	}
	return &finalError{err}
}

type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }
