package cli

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"

	// Users' kubeconfigs may name these ways to authenticate.
	_ "k8s.io/client-go/plugin/pkg/client/auth"
)

// Kubectl runs kubectl with os.Args, whose first element is the program. It
// returns the exit code.
func Kubectl() int {
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err) // prints as kubectl does, and exits
		return 1
	}
	return 0
}

// runsAsKubectl is here for the command's help only: main turns `lab kubectl`
// into kubectl before any flag of the lab's could get in its way.
func runsAsKubectl([]string) error {
	os.Exit(Kubectl())
	return nil
}
