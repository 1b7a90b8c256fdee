package realnode

import (
	"context"
	"fmt"

	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// Kubelet runs the kubelet with these arguments until it ends. The process
// must run nothing else: it gives up its handling of signals.
func Kubelet(args []string) error {
	cmd := kubelet.NewKubeletCommand(context.Background())
	cmd.SetArgs(args)
	if err := cmd.Execute(); err != nil {
		return fmt.Errorf("run kubelet: %w", err)
	}
	return nil
}
