package plugin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// member is what join learns of a cluster by looking at it.
type member struct {
	uid    string
	region string
	zones  []string
	// otherRegions are further ones its nodes are in.
	otherRegions []string
}

// lookFor bounds how long join looks at a cluster.
const lookFor = 10 * time.Second

// look asks the cluster behind a kubeconfig context who and where it is.
func (s *session) look(ctx context.Context, contextName string) (*member, error) {
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = *s.config.KubeConfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: contextName}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("context %q: %w", contextName, err)
	}
	config.Timeout = lookFor
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("context %q: %w", contextName, err)
	}
	m, err := lookAt(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("look at the cluster behind context %q: %w", contextName, err)
	}
	return m, nil
}

const nodesPerPage = 500

func lookAt(ctx context.Context, client kubernetes.Interface) (*member, error) {
	system, err := client.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("read the namespace %s: %w", metav1.NamespaceSystem, err)
	}
	regions, zones := map[string]int{}, map[string]int{}
	for page := ""; ; {
		nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{Limit: nodesPerPage, Continue: page})
		if err != nil {
			return nil, fmt.Errorf("list the nodes: %w", err)
		}
		for _, n := range nodes.Items {
			count(regions, n, corev1.LabelTopologyRegion, corev1.LabelFailureDomainBetaRegion)
			count(zones, n, corev1.LabelTopologyZone, corev1.LabelFailureDomainBetaZone)
		}
		if page = nodes.Continue; page == "" {
			break
		}
	}
	m := &member{uid: string(system.UID), zones: slices.Sorted(maps.Keys(zones))}
	m.region, m.otherRegions = most(regions)
	return m, nil
}

// count takes the first label the node has; the second is what old clusters call it.
func count(seen map[string]int, n corev1.Node, labels ...string) {
	for _, l := range labels {
		if v := n.Labels[l]; v != "" {
			seen[v]++
			return
		}
	}
}

// most is the name seen most often, the first of several, and the others.
func most(seen map[string]int) (first string, others []string) {
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		if seen[name] > seen[first] {
			first = name
		}
	}
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		if name != first {
			others = append(others, name)
		}
	}
	return first, others
}
