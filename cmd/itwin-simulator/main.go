// The itwin-simulator program stands in for Bentley's iTwin Platform in the development and tests of programs that use
// its webhooks; docs/simulator.md tells how to use it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"webhook-operator.io/itwin/internal/buildinfo"
	"webhook-operator.io/itwin/simulator"
)

// version and revision are stamped by the build.
var version, revision = "dev", ""

// errVersion is the end of a program that was only asked for its version.
var errVersion = errors.New("the version was asked for")

// shutdownTimeout is how long calls under way may take to finish after a signal to end.
const shutdownTimeout = 5 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "itwin-simulator:", err)
		os.Exit(1)
	}
}

// run serves until the context ends. The address is the first line on out, and nothing follows it; logs go to logs.
func run(ctx context.Context, args []string, out, logs io.Writer) error {
	address, options, err := parseFlags(args, logs)
	if errors.Is(err, errVersion) {
		_, err = fmt.Fprintln(out, buildinfo.Of(version, revision).Line("itwin-simulator"))
		return err
	}
	if err != nil {
		return err
	}
	platform, err := simulator.New(options)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return errors.Join(err, platform.Close())
	}
	_, _ = fmt.Fprintf(out, "listening on %s\n", baseURL(listener.Addr()))
	server := &http.Server{Handler: platform, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	return errors.Join(serve(ctx, server, listener), platform.Close())
}

// baseURL is where programs on this machine reach a listener.
func baseURL(address net.Addr) string {
	if tcp, ok := address.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		address = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: tcp.Port}
	}
	return "http://" + address.String()
}

// serve serves until the context ends, and then lets the calls under way finish.
func serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return server.Close()
	}
	return nil
}

func parseFlags(args []string, logs io.Writer) (address string, options simulator.Options, err error) {
	flags := flag.NewFlagSet("itwin-simulator", flag.ContinueOnError)
	flags.SetOutput(logs)
	flags.StringVar(&address, "listen", "127.0.0.1:8090", "the `address` to serve; port 0 picks a free one")
	flags.DurationVar(&options.Latency, "latency", 0, "added to every call")
	flags.IntVar(&options.RequestsPerMinute, "requests-per-minute", 0,
		"`calls` an account may make in a minute; 0 is no limit")
	flags.IntVar(&options.RequestsPerHour, "requests-per-hour", 0,
		"`calls` an account may make in an hour; 0 is no limit")
	flags.StringVar(&options.Subscription, "subscription", "",
		"the `name` of the accounts' subscription, which answers then have in a header")
	flags.IntVar(&options.PageSize, "page-size", 0, "list webhooks in pages of this `number`; 0 is no pages")
	flags.BoolVar(&options.InsecureCallbacks, "insecure-callbacks", false,
		"accept callbacks with self-signed certificates")
	flags.BoolVar(&options.HTTPCallbacks, "http-callbacks", false,
		"accept callbacks without TLS, which the platform does not")
	flags.Func("variant", "differ from the default model in this `name[=value]`; may be given several times",
		func(spec string) error {
			options.Variants = append(options.Variants, spec)
			return nil
		})
	flags.Func("event-types", "the event `types` that the platform knows, separated by commas; others are refused. "+
		"\"documented\" stands for those that its documentation lists; may be given several times",
		func(list string) error {
			options.EventTypes = append(options.EventTypes, eventTypes(list)...)
			return nil
		})
	flags.StringVar(&options.StatePath, "state", "",
		"a `file` that keeps accounts, webhooks, queues and the clock across restarts")
	flags.Float64Var(&options.TimeScale, "time-scale", 1,
		"virtual `seconds` per real one; 0 stops the clock, which then moves only by /simulator/clock/advance")
	tell := flags.Bool("version", false, "print the version and end")
	verbose := flags.Bool("verbose", false, "log every call")
	if err := flags.Parse(args); err != nil {
		return "", options, err
	}
	if *tell {
		return "", options, errVersion
	}
	if flags.NArg() > 0 {
		return "", options, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	options.StoppedClock = options.TimeScale == 0
	level := slog.LevelInfo
	if *verbose {
		level = slog.LevelDebug
	}
	options.Logger = slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: level}))
	return address, options, nil
}

// eventTypes are the event types of a list.
func eventTypes(list string) (types []string) {
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name == "documented" {
			types = append(types, simulator.DocumentedEventTypes()...)
		} else {
			types = append(types, name)
		}
	}
	return types
}
