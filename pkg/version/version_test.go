package version

import (
	"runtime"
	"strings"
	"testing"
)

func TestStringNamesReleaseCommitAndPlatform(t *testing.T) {
	t.Parallel()
	got := String()
	for _, want := range []string{Version, "commit " + Commit, runtime.GOOS + "/" + runtime.GOARCH} {
		if !strings.Contains(got, want) {
			t.Errorf("String() = %q, want it to contain %q", got, want)
		}
	}
}
