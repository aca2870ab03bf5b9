// Command curve draws what `make bench` measured at several numbers of Webhooks: which figures grow with the number,
// and which do not. Equal data gives equal bytes.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	data := flag.String("data", "bin/bench/performance.json", "`file` that make bench wrote")
	out := flag.String("o", "bin/bench/performance.svg", "`file` to write, an SVG")
	flag.Parse()
	if err := run(*data, *out); err != nil {
		fmt.Fprintln(os.Stderr, "curve:", err)
		os.Exit(1)
	}
}

func run(data, out string) error {
	measured, err := load(data)
	if err != nil {
		return err
	}
	chart, err := draw(measured)
	if err != nil {
		return fmt.Errorf("%s: %w", data, err)
	}
	return os.WriteFile(out, chart, 0o644)
}
