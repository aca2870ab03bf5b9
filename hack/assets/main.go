// Command assets finds or makes the binaries that envtest runs as a control plane, kube-apiserver, etcd and kubectl,
// and prints the folder that holds them. Progress goes to stderr, so that a script can take stdout as the answer:
//
//	KUBEBUILDER_ASSETS=$(go run ./hack/assets) go test ./...
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	module := flag.String("module", "hack/controlplane", "folder of the module that pins the control plane's sources")
	tools := flag.String("tools", "hack/tools", "folder of the module that pins setup-envtest")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := run(ctx, *module, *tools)
	if err != nil {
		fmt.Fprintln(os.Stderr, "assets:", err)
		os.Exit(1)
	}
	fmt.Println(dir)
}

func run(ctx context.Context, module, tools string) (string, error) {
	version, err := pinnedVersion(ctx, module)
	if err != nil {
		return "", err
	}
	store, err := storeDir()
	if err != nil {
		return "", err
	}
	r := &resolver{
		override: os.Getenv("KUBEBUILDER_ASSETS"),
		store:    store,
		version:  version,
		download: (&downloader{tools: tools, version: version, stall: stallTimeout}).run,
		build:    (&builder{module: module, version: version, out: newConsole(os.Stderr)}).run,
		log:      os.Stderr,
	}
	return r.resolve(ctx)
}
