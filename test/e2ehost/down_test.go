package e2ehost

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const downTimeout = 2 * time.Minute

// down takes a script's lab down; what a failed script started goes with it.
func down(t *testing.T, bin, lab string) {
	ctx, cancel := context.WithTimeout(context.Background(), downTimeout)
	defer cancel()
	if out, err := exec.CommandContext(ctx, filepath.Join(bin, "lab"), "--dir", lab, "down").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "lab down: %v\n%s", err, out)
		t.Fail()
	}
}
