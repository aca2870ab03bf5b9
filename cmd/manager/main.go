// Command manager is the operator: it keeps webhooks of the iTwin Platform equal to Webhook objects.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/KimMachineGun/automemlimit/memlimit"
	// Roots to trust on an image that has none of its own.
	_ "golang.org/x/crypto/x509roots/fallback"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// version is stamped by the build.
var version = "dev"

func main() {
	var o options
	o.bind(flag.CommandLine)
	logging := zap.Options{}
	logging.BindFlags(flag.CommandLine)
	flag.Usage = usage
	flag.Parse()
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&logging), bound))
	ctx := ctrl.SetupSignalHandler()
	limitMemory(ctx, memlimit.FromCgroup, ctrl.Log.WithName("memory"))
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "itwin-webhook-operator:", err)
		os.Exit(1)
	}
}

// usage prints what --help shows.
func usage() {
	out := flag.CommandLine.Output()
	_, _ = fmt.Fprintf(out, "Usage of %s:\n", os.Args[0])
	flag.PrintDefaults()
	_, _ = fmt.Fprint(out, memoryUsage)
}
