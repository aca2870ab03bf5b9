// Command image writes a static binary as a container image into an OCI image-layout archive, the file that
// `docker load`, `podman load`, `kind load image-archive` and `skopeo copy oci-archive:` read. It needs no container
// engine, and equal inputs give equal bytes; SOURCE_DATE_EPOCH is the time of everything in the image.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

func main() {
	var (
		binary  = flag.String("binary", "", "static linux executable that the image runs")
		arch    = flag.String("arch", runtime.GOARCH, "architecture of the executable")
		tag     = flag.String("tag", "", "name of the image, with its tag")
		version = flag.String("version", "", "version to label the image with")
		out     = flag.String("o", "image.tar", "archive to write")
	)
	flag.Parse()

	digest, err := run(*binary, *arch, *tag, *version, *out)
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
	fmt.Printf("%s holds %s@%s\n", *out, *tag, digest)
}

func run(binary, arch, tag, version, out string) (digest string, err error) {
	at, err := sourceDate(os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return "", err
	}
	program, err := os.ReadFile(binary)
	if err != nil {
		return "", err
	}
	img, err := build(program, arch, version, at)
	if err != nil {
		return "", err
	}
	if err := writeArchive(img, tag, at, out); err != nil {
		return "", err
	}
	hash, err := img.Digest()
	return hash.String(), err
}

func sourceDate(epoch string) (time.Time, error) {
	if epoch == "" {
		epoch = "0"
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
