package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Discovery is what an API server says that it serves, as the
// APIGroupDiscoveryList documents of its two roots.
type Discovery struct {
	Core   json.RawMessage `json:"core"`   // /api
	Groups json.RawMessage `json:"groups"` // /apis
}

const (
	aggregated     = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
	discoveryLimit = 10 * time.Second
)

// Discover asks a running cluster what it serves.
func (l *Lab) Discover(ctx context.Context, c Cluster) (Discovery, error) {
	ctx, cancel := context.WithTimeout(ctx, discoveryLimit)
	defer cancel()
	client, err := c.client()
	if err != nil {
		return Discovery{}, err
	}
	get := func(path string) (json.RawMessage, error) {
		b, err := client.Get().AbsPath(path).SetHeader("Accept", aggregated).DoRaw(ctx)
		if err != nil {
			return nil, fmt.Errorf("ask cluster %s for %s: %w", c.Name, path, err)
		}
		return b, nil
	}
	core, err := get("/api")
	if err != nil {
		return Discovery{}, err
	}
	groups, err := get("/apis")
	if err != nil {
		return Discovery{}, err
	}
	return Discovery{Core: core, Groups: groups}, nil
}
