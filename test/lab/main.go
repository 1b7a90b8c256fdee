// Command lab runs real Kubernetes clusters with simulated nodes on one
// machine. It is also the kubectl of their version: as `lab kubectl`, or when
// it is started through a link named kubectl.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/cli"
)

func main() {
	if filepath.Base(os.Args[0]) == "kubectl" {
		os.Exit(cli.Kubectl())
	}
	if err := cli.New().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}
