// Command manager is the operator: it keeps webhooks of the iTwin Platform equal to Webhook objects.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"

	// Roots to trust on an image that has none of its own.
	_ "golang.org/x/crypto/x509roots/fallback"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// version is stamped by the build.
var version = "dev"

// gcPercent lets the heap grow by a quarter of what lives before garbage is collected. Nearly all of it is cache, which
// lives long: the usual doubling would be memory for nothing. It costs a tenth more processor time.
const gcPercent = 25

func main() {
	var o options
	o.bind(flag.CommandLine)
	logging := zap.Options{}
	logging.BindFlags(flag.CommandLine)
	flag.Parse()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&logging), bound))
	if err := run(ctrl.SetupSignalHandler(), o); err != nil {
		fmt.Fprintln(os.Stderr, "itwin-webhook-operator:", err)
		os.Exit(1)
	}
}
