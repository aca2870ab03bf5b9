// Command assets finds or makes the binaries that envtest runs as a control plane, kube-apiserver, etcd and kubectl,
// and prints the folder that holds them. Progress goes to stderr, so that a script can take stdout as the answer:
//
//	KUBEBUILDER_ASSETS=$(go run ./hack/assets) go test ./...
//
// With -build it builds one program of the module that pins their sources instead, and shows the same progress:
//
//	go run ./hack/assets -build ./cmd/teardown-controllers -o bin/teardown-controllers
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
	program := flag.String("build", "", "package of the module to build, instead of finding the control plane")
	file := flag.String("o", "", "file that -build writes")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	answer, err := run(ctx, *module, *tools, *program, *file)
	if err != nil {
		fmt.Fprintln(os.Stderr, "assets:", err)
		os.Exit(1)
	}
	fmt.Println(answer)
}

func run(ctx context.Context, module, tools, program, file string) (string, error) {
	version, err := pinnedVersion(ctx, module)
	if err != nil {
		return "", err
	}
	b := &builder{module: module, version: version, out: newConsole(os.Stderr)}
	if program != "" {
		return file, b.program(ctx, program, file)
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
		build:    b.run,
		log:      os.Stderr,
	}
	return r.resolve(ctx)
}
