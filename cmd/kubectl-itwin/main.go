// The kubectl-itwin program is a plugin of kubectl, used as "kubectl itwin": what people do with Webhooks beyond
// applying them. docs/cli.md has every command.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"webhook-operator.io/itwin/internal/buildinfo"
	"webhook-operator.io/itwin/internal/cli"
)

// version and revision are stamped by the build.
var version, revision = "dev", ""

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second Ctrl-C ends the program at once.
	context.AfterFunc(ctx, stop)
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	code := cli.Run(ctx, os.Args[1:], streams, buildinfo.Of(version, revision))
	stop()
	os.Exit(code)
}
