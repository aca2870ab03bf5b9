// Package buildinfo tells what a program was built from.
package buildinfo

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Info is what a program was built from.
type Info struct {
	// Version of the release, such as 0.2.0; "dev" for a build that was given none.
	Version string
	// Revision of the source: a commit, with "-dirty" behind it when files differed from it; "unknown" for a build that
	// was given none outside of version control.
	Revision string
	// Go is the version of Go that built it, such as go1.26.8.
	Go string
}

// Of returns what this program was built from. Version and revision are what the build stamped into it; "" leaves the
// revision to what Go recorded of the version control.
func Of(version, revision string) Info {
	return Info{
		Version: cmp.Or(version, "dev"), Revision: cmp.Or(revision, recorded(), "unknown"), Go: runtime.Version(),
	}
}

// recorded is the revision that Go recorded; "" for a build with -buildvcs=false, or outside of version control.
func recorded() (revision string) {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	dirty := ""
	for _, setting := range build.Settings {
		switch {
		case setting.Key == "vcs.revision":
			revision = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			dirty = "-dirty"
		}
	}
	if revision == "" {
		return ""
	}
	return revision + dirty
}

// Line is what a program answers to --version: its name, and what it was built from.
func (i Info) Line(program string) string {
	return fmt.Sprintf("%s %s (revision %s, %s %s/%s)", program, i.Version, i.Revision, i.Go, runtime.GOOS, runtime.GOARCH)
}
