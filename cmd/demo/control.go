package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// control lets a person break and fix the receiver while the demo runs, by POST to an address on loopback.
type control struct {
	url    string
	server *http.Server
}

// startControl serves until close.
func (d *demo) startControl(ctx context.Context) (*control, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for commands about the receiver: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /break", func(w http.ResponseWriter, _ *http.Request) {
		d.breakReceiver()
		_, _ = fmt.Fprintln(w, "The receiver answers 503 from now on.")
	})
	mux.HandleFunc("POST /fix", func(w http.ResponseWriter, _ *http.Request) {
		d.fixReceiver()
		_, _ = fmt.Fprintln(w, "The receiver takes events again.")
	})
	c := &control{
		url:    "http://" + listener.Addr().String(),
		server: &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second},
	}
	go func() { _ = c.server.Serve(listener) }()
	return c, nil
}

func (c *control) close() error {
	if err := c.server.Close(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (d *demo) breakReceiver() {
	d.say(receiverSide, "breaks: it answers 503 from now on")
	d.receiver.Break()
}

func (d *demo) fixReceiver() {
	d.say(receiverSide, "is fixed")
	d.receiver.Fix()
}
