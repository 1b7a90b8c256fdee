package pki

import (
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// kubeconfig returns a file that holds everything one user needs to reach the
// cluster, so that it can be moved or merged.
func kubeconfig(c Cluster, ca, cert, key []byte) ([]byte, error) {
	cfg := api.NewConfig()
	cfg.Clusters[c.Name] = &api.Cluster{Server: c.Server, CertificateAuthorityData: ca}
	cfg.AuthInfos[c.Name] = &api.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}
	cfg.Contexts[c.Name] = &api.Context{Cluster: c.Name, AuthInfo: c.Name}
	cfg.CurrentContext = c.Name
	b, err := clientcmd.Write(*cfg)
	if err != nil {
		return nil, fmt.Errorf("encode kubeconfig: %w", err)
	}
	return b, nil
}
