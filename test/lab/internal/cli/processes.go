package cli

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/member"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/realnode"
)

// self is this program, also where the file it came from cannot be seen.
const self = "/proc/self/exe"

func clusterProcess() *cobra.Command {
	return &cobra.Command{
		Use:    runCluster + " DIR",
		Short:  "Run the control plane and the simulated nodes of a directory's cluster in this process",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			ctx, stop := interruptible()
			defer stop()
			return member.Run(ctx, args[0])
		},
	}
}

func nodesProcess() *cobra.Command {
	return &cobra.Command{
		Use:    runNodes + " DIR",
		Short:  "Run the real nodes of a directory's cluster below this process",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			ctx, stop := interruptible()
			defer stop()
			return realnode.Run(ctx, args[0], []string{self, runNode})
		},
	}
}

func nodeProcess() *cobra.Command {
	return &cobra.Command{
		Use:    runNode + " DIR NUMBER",
		Short:  "Be the first process of a real node",
		Hidden: true,
		Args:   cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			i, err := strconv.Atoi(args[1])
			if err != nil {
				return fmt.Errorf("read number of node: %w", err)
			}
			return realnode.Inside(args[0], i, []string{self, runKubelet})
		},
	}
}

func kubeletProcess() *cobra.Command {
	return &cobra.Command{
		Use:                runKubelet + " FLAGS",
		Short:              "Be the kubelet of a real node",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE:               func(_ *cobra.Command, args []string) error { return realnode.Kubelet(args) },
	}
}
