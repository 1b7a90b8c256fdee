package plugin

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// helm is how the agent is installed.
type helm struct {
	chart     string
	release   string
	namespace string
	set       []string
}

func (h *helm) addFlags(f *pflag.FlagSet) {
	f.StringVar(&h.chart, "chart", "charts/fed-agent", "Chart of the agent: a directory, an archive or an oci:// URL")
	f.StringVar(&h.release, "release", "fed-agent", "Name of the helm release")
	f.StringVar(&h.namespace, "agent-namespace", v1alpha1.AgentNamespace, "Namespace of the agent in the cluster")
	f.StringArrayVar(&h.set, "set", nil, "Further values of the chart, as helm's --set takes them")
}

// helmValues tell an agent what it follows.
type helmValues struct{ bucket, cluster, clusterUID, federationUID string }

func (h *helm) command(v helmValues, contextName, kubeconfig string) []string {
	args := []string{"helm", "upgrade", "--install", h.release, h.chart}
	if contextName != "" {
		args = append(args, "--kube-context", contextName)
	}
	if kubeconfig != "" {
		args = append(args, "--kubeconfig", kubeconfig)
	}
	args = append(args, "--namespace", h.namespace, "--create-namespace",
		"--set", "bucket="+v.bucket, "--set", "cluster.name="+v.cluster,
		"--set", "cluster.uid="+v.clusterUID, "--set", "federation.uid="+v.federationUID)
	for _, s := range h.set {
		args = append(args, "--set", s)
	}
	return args
}

func (s *session) runHelm(ctx context.Context, command []string) error {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return fmt.Errorf("the cluster has joined, but its agent is not installed: helm is not on the PATH. Run\n  %s", strings.Join(quoted(command), " "))
	}
	cmd := exec.CommandContext(ctx, path, command[1:]...)
	cmd.Stdout, cmd.Stderr = s.Out, s.ErrOut
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the cluster has joined, but its agent is not installed: %w. Try again with\n  %s", err, strings.Join(quoted(command), " "))
	}
	return nil
}

var plain = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// quoted makes words fit for a shell.
func quoted(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w
		if !plain.MatchString(w) {
			out[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return out
}

// generation is the number in a resourceVersion; 0 if it is none.
func generation(resourceVersion string) int64 {
	n, err := strconv.ParseInt(resourceVersion, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
