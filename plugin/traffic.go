package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

func newCmdTraffic(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "traffic SUBCOMMAND",
		Short: "Show and steer which clusters users' requests go to",
		Long: templates.LongDesc(`
			Show and steer which clusters users' requests go to.

			Requests that reach a federated Ingress go to the closest cluster that is healthy. A weight
			below 100 sends the rest of what comes a cluster's way to the next closest; 0 drains it.
			Nothing that runs is moved or stopped by it: that is what drain does.`),
		Run: func(cmd *cobra.Command, args []string) {
			if len(args) > 0 {
				cmdutil.CheckErr(unknownCommand(cmd, args[0]))
			}
			cmdutil.CheckErr(cmd.Help())
		},
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(newCmdTrafficGet(s), newCmdTrafficDrain(s), newCmdTrafficUndrain(s), newCmdTrafficWeight(s),
		newCmdTrafficEdges(s), newCmdTrafficUnregister(s))
	return cmd
}

// carried is what is to be served and how those who serve it fare, read once.
type carried struct {
	// document is nil before the first.
	document *v1alpha1.Traffic
	edges    []v1alpha1.Edge
}

// carriers reads the document and the edges, with what they see.
func (s *session) carriers(ctx context.Context, hub Hub) (carried, error) {
	document, _, err := hub.Traffic(ctx, 0)
	if ignoreNotFound(err) != nil {
		return carried{}, fmt.Errorf("read what is served: %w", err)
	}
	edges, err := hub.Edges(ctx)
	if err != nil {
		return carried{}, fmt.Errorf("read the edges: %w", err)
	}
	whole(ctx, hub, edges)
	return carried{document: document, edges: edges}, nil
}

// edgeReaders is how many edges are read at once.
const edgeReaders = 8

// whole adds what each edge sees. An edge that cannot be read has seen nothing.
func whole(ctx context.Context, hub Hub, edges []v1alpha1.Edge) {
	var group sync.WaitGroup
	free := make(chan struct{}, edgeReaders)
	for i := range edges {
		free <- struct{}{}
		group.Go(func() {
			defer func() { <-free }()
			if e, _, err := hub.Edge(ctx, edges[i].Name); err == nil {
				edges[i].Health = e.Health
			}
		})
	}
	group.Wait()
}

const (
	// defaultBeat is how often an edge beats that does not say.
	defaultBeat = 10 * time.Second
	// leastSilence allows for clocks that differ.
	leastSilence = 30 * time.Second
)

// silent says, by this machine's clock, whether an edge missed three beats.
func (s *session) silent(e *v1alpha1.Edge) bool {
	return s.now().Sub(e.Time.Time) > max(3*beat(e), leastSilence)
}

func beat(e *v1alpha1.Edge) time.Duration {
	if e.Interval.Duration <= 0 {
		return defaultBeat
	}
	return e.Interval.Duration
}

// sight is how many endpoints are healthy as the live edges see it: as few as
// the one says that sees fewest, and as many as the one that sees most.
type sight struct {
	Least int64 `json:"least"`
	Most  int64 `json:"most"`
}

// sees is what the live edges see of one cluster behind one backend; nil when
// none looks.
func (s *session) sees(edges []v1alpha1.Edge, backend, cluster string) *sight {
	var all *sight
	for i := range edges {
		if s.silent(&edges[i]) {
			continue
		}
		for _, h := range edges[i].Health {
			if h.Backend != backend || h.Cluster != cluster {
				continue
			}
			if all == nil {
				all = &sight{h.Healthy, h.Healthy}
			}
			all.Least, all.Most = min(all.Least, h.Healthy), max(all.Most, h.Healthy)
		}
	}
	return all
}

// seenOf is healthy endpoints of so many, for people.
func seenOf(v *sight, endpoints int) string {
	switch {
	case v == nil:
		return fmt.Sprintf("-/%d", endpoints)
	case v.Least == v.Most:
		return fmt.Sprintf("%d/%d", v.Least, endpoints)
	}
	return fmt.Sprintf("%d-%d/%d", v.Least, v.Most, endpoints)
}

// behind is a cluster's part of one backend.
type behind struct {
	*v1alpha1.Backend
	v1alpha1.BackendCluster
}

// behindAll lists what a cluster serves, by backend.
func behindAll(t *v1alpha1.Traffic, cluster string) []behind {
	if t == nil {
		return nil
	}
	var list []behind
	for i := range t.Backends {
		for _, c := range t.Backends[i].Clusters {
			if c.Cluster == cluster {
				list = append(list, behind{&t.Backends[i], c})
			}
		}
	}
	return list
}

// asked: requests are sent there.
func asked(c *v1alpha1.BackendCluster) bool {
	return c.State == v1alpha1.BackendServing || c.State == v1alpha1.BackendKept
}

// ingressesOf names the Ingresses that send requests to a backend.
func ingressesOf(t *v1alpha1.Traffic, backend string) []string {
	var list []string
	for i := range t.Frontends {
		f := &t.Frontends[i]
		names := func(r v1alpha1.Rule) bool {
			return slices.ContainsFunc(r.Paths, func(p v1alpha1.RoutePath) bool { return p.Backend == backend })
		}
		if f.DefaultBackend == backend || slices.ContainsFunc(f.Rules, names) {
			list = append(list, f.Ingress.Namespace+"/"+f.Ingress.Name)
		}
	}
	return list
}

// memberNamed finds members by name, all of them or none.
func memberNamed(ctx context.Context, hub Hub, names []string) ([]v1alpha1.Cluster, error) {
	all, err := hub.Clusters(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the members: %w", err)
	}
	var unknown []string
	for _, name := range names {
		if !slices.ContainsFunc(all, func(c v1alpha1.Cluster) bool { return c.Name == name }) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return nil, errors.New("not members of the federation: " + strings.Join(unknown, ", "))
	}
	return all, nil
}
