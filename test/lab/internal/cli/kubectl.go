package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"
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

// kubectl is Kubectl on the lab's clusters, unless KUBECONFIG or --kubeconfig
// says otherwise.
func (a *app) kubectl() *cobra.Command {
	return &cobra.Command{
		Use:                "kubectl [ARGUMENTS]",
		Short:              "The kubectl of the clusters' version, on the lab's clusters",
		Long:               "The kubectl of the clusters' version. Started through a link named kubectl, this program is a plain kubectl.",
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := a.lab(cmd)
			if err != nil {
				return err
			}
			if os.Getenv(clientcmd.RecommendedConfigPathEnvVar) == "" {
				if err := os.Setenv(clientcmd.RecommendedConfigPathEnvVar, l.Kubeconfig()); err != nil {
					return fmt.Errorf("choose kubeconfig: %w", err)
				}
			}
			os.Args = append([]string{"kubectl"}, args...)
			os.Exit(Kubectl())
			return nil
		},
	}
}
