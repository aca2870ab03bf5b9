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

	"webhook-operator.io/itwin/internal/buildinfo"
)

// program is how this one calls itself.
const program = "itwin-webhook-operator"

// version and revision are stamped by the build.
var version, revision = "dev", ""

func main() {
	var o options
	o.bind(flag.CommandLine)
	build := buildinfo.Of(version, revision)
	logging := zap.Options{}
	logging.BindFlags(flag.CommandLine)
	flag.Usage = usage
	flag.Parse()
	if o.version {
		fmt.Println(build.Line(program))
		return
	}
	ctrl.SetLogger(lazy(zap.New(zap.UseFlagOptions(&logging), bound)))
	ctrl.Log.Info("Starting", append([]any{"program", program, "version", build.Version, "revision", build.Revision,
		"go", build.Go}, o.configuration()...)...)
	ctx := ctrl.SetupSignalHandler()
	limitMemory(ctx, memlimit.FromCgroup, ctrl.Log.WithName("memory"))
	if err := run(ctx, o, build); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", program, err)
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
