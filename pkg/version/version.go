// Package version says which release a binary is. What goes in is set by the
// linker; what comes out is one line for people and reports. It never asks the
// running system for anything.
package version

import (
	"fmt"
	"runtime"
)

// Set at link time: -ldflags "-X <this package>.Version=v1.2.3 -X <this package>.Commit=abc".
var (
	// Version is the release, as its git tag says it.
	Version = "v0.0.0-dev"
	// Commit is the abbreviated git commit the release was built from.
	Commit = "unknown"
)

// String is one line: release, commit, Go and platform.
func String() string {
	return fmt.Sprintf("%s (commit %s, %s %s/%s)", Version, Commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
