package plugin

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// noServer is the address plain kubectl finds in a federation's context: there
// is none to find.
const noServer = "https://use-kubectl-fed.invalid"

// freeContext refuses a context name that is somebody else's, before anything
// is written.
func (s *session) freeContext(name, bucket string) error {
	config, err := s.config.ToRawKubeConfigLoader().ConfigAccess().GetStartingConfig()
	if err != nil {
		return fmt.Errorf("read the kubeconfig: %w", err)
	}
	known, cluster := config.Contexts[name], config.Clusters[name]
	if known == nil && cluster == nil {
		return nil
	}
	if cluster != nil && (known == nil || known.Cluster == name) {
		if now, err := extensionBucket(cluster.Extensions[v1alpha1.KubeconfigExtension]); err == nil && now == bucket {
			return nil
		}
	}
	return fmt.Errorf("the kubeconfig has a context or cluster %q that is not this federation's: "+
		"choose another name, or write another file with --kubeconfig", name)
}

// writeContext makes the kubeconfig know the federation. It switches to it
// only where no context is current.
func (s *session) writeContext(name, bucket string) error {
	access := s.config.ToRawKubeConfigLoader().ConfigAccess()
	config, err := access.GetStartingConfig()
	if err != nil {
		return fmt.Errorf("read the kubeconfig: %w", err)
	}
	raw, err := json.Marshal(bucketExtension{Bucket: bucket})
	if err != nil {
		return err
	}
	cluster := clientcmdapi.NewCluster()
	cluster.Server = noServer
	cluster.Extensions[v1alpha1.KubeconfigExtension] = &runtime.Unknown{Raw: raw, ContentType: runtime.ContentTypeJSON}
	config.Clusters[name] = cluster
	if config.Contexts[name] == nil {
		config.Contexts[name] = clientcmdapi.NewContext()
		config.Contexts[name].Cluster = name
	}
	if config.CurrentContext == "" {
		config.CurrentContext = name
	}
	if err := clientcmd.ModifyConfig(access, *config, false); err != nil {
		return fmt.Errorf("write the kubeconfig: %w", err)
	}
	return nil
}

// removeContexts takes every context of a bucket out of the kubeconfig and
// returns their names.
func (s *session) removeContexts(bucket string) ([]string, error) {
	access := s.config.ToRawKubeConfigLoader().ConfigAccess()
	config, err := access.GetStartingConfig()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	var removed []string
	for name, cluster := range config.Clusters {
		if now, err := extensionBucket(cluster.Extensions[v1alpha1.KubeconfigExtension]); err != nil || now == "" || now != bucket {
			continue
		}
		delete(config.Clusters, name)
		for ctxName, c := range config.Contexts {
			if c.Cluster == name {
				delete(config.Contexts, ctxName)
				removed = append(removed, ctxName)
				if config.CurrentContext == ctxName {
					config.CurrentContext = ""
				}
			}
		}
	}
	if len(removed) == 0 {
		return nil, nil
	}
	if err := clientcmd.ModifyConfig(access, *config, false); err != nil {
		return nil, fmt.Errorf("write the kubeconfig: %w", err)
	}
	return removed, nil
}
