package main

import (
	"fmt"

	"github.com/kubectl-fed/kubectl-fed/agent"
	"github.com/kubectl-fed/kubectl-fed/agent/lead"
	"github.com/kubectl-fed/kubectl-fed/hub"
	"github.com/kubectl-fed/kubectl-fed/pkg/manifest"
)

// withLead makes the agent a candidate for the federation's lease. Its
// identity begins with the cluster's name, so that the lease tells who leads.
func withLead(c agent.Config, store *hub.Store) (agent.Config, error) {
	candidate, err := lead.New(lead.Config{
		Cluster:   c.Cluster,
		Lock:      hub.NewLock(store, c.Cluster+"_"+c.Agent),
		Snapshots: hub.NewReader(store),
		Store:     store,
		Decode:    manifest.NewDecoder().DecodeSpec,
	})
	if err != nil {
		return c, fmt.Errorf("stand for leader: %w", err)
	}
	c.Lead = candidate.Run
	return c, nil
}
