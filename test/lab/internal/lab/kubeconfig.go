package lab

import (
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/pki"
)

// The lab's kubeconfig is also its user's: contexts that others add to it stay.

func (l *Lab) addContexts(clusters []Cluster) error {
	return l.editKubeconfig(func(cfg *api.Config) error {
		for _, c := range clusters {
			own, err := clientcmd.LoadFromFile(c.file(pki.AdminConfig))
			if err != nil {
				return fmt.Errorf("read kubeconfig of cluster %s: %w", c.Name, err)
			}
			merge(cfg, own)
		}
		return nil
	})
}

func (l *Lab) dropContext(c Cluster) error {
	left, err := l.Clusters()
	if err != nil {
		return err
	}
	next := ""
	for _, o := range left {
		if o.Name != c.Name {
			next = o.Name
			break
		}
	}
	return l.editKubeconfig(func(cfg *api.Config) error {
		drop(cfg, c.Name, next)
		return nil
	})
}

func (l *Lab) editKubeconfig(edit func(*api.Config) error) error {
	cfg, err := clientcmd.LoadFromFile(l.Kubeconfig())
	if os.IsNotExist(err) {
		cfg, err = api.NewConfig(), nil
	}
	if err != nil {
		return fmt.Errorf("read kubeconfig: %w", err)
	}
	if err := edit(cfg); err != nil {
		return err
	}
	b, err := clientcmd.Write(*cfg)
	if err != nil {
		return fmt.Errorf("encode kubeconfig: %w", err)
	}
	return replace(l.Kubeconfig(), b)
}

// merge adds the entries of another configuration, replacing those of the same
// name. The first context ever added becomes the current one.
func merge(cfg, other *api.Config) {
	for n, v := range other.Clusters {
		cfg.Clusters[n] = v
	}
	for n, v := range other.AuthInfos {
		cfg.AuthInfos[n] = v
	}
	for n, v := range other.Contexts {
		cfg.Contexts[n] = v
	}
	if cfg.CurrentContext == "" {
		cfg.CurrentContext = other.CurrentContext
	}
}

// drop removes the entries of one name; if they were current, next is.
func drop(cfg *api.Config, name, next string) {
	delete(cfg.Clusters, name)
	delete(cfg.AuthInfos, name)
	delete(cfg.Contexts, name)
	if cfg.CurrentContext == name {
		cfg.CurrentContext = next
	}
}
