package server

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
)

// clusters keeps the members. They come and go by join and unjoin only.
type clusters struct{ s *Server }

func (st clusters) get(ctx context.Context, _ kinds.Kind, _, name string) (*unstructured.Unstructured, error) {
	c, err := st.s.Roster.Cluster(ctx, name)
	if err != nil {
		return nil, err
	}
	statuses, err := st.s.Statuses.ClusterStatuses(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the status of the members: %w", err)
	}
	return clusterView(c, statuses)
}

func (st clusters) list(ctx context.Context, _ kinds.Kind, _ string) ([]*unstructured.Unstructured, []string, error) {
	members, err := st.s.Roster.Clusters(ctx)
	if err != nil {
		return nil, nil, err
	}
	statuses, err := st.s.Statuses.ClusterStatuses(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("read the status of the members: %w", err)
	}
	var items []*unstructured.Unstructured
	for i := range members {
		obj, err := clusterView(&members[i], statuses)
		if err != nil {
			return nil, nil, err
		}
		items = append(items, obj)
	}
	return items, st.leaderless(ctx, len(members)), nil
}

// leaderSilence is how old the lease may be before its age is worth a word.
const leaderSilence = time.Minute

// leaderless warns that nobody keeps the status, where that is so. That it
// cannot be found out is no reason to show nothing.
func (st clusters) leaderless(ctx context.Context, members int) []string {
	holder, renewed, err := st.s.Leader.LeaseHolder(ctx)
	switch {
	case apierrors.IsNotFound(err) && members > 0:
		return []string{"no leader yet: the status is kept from when the first leader-eligible cluster's agent runs"}
	case err != nil:
		return nil
	case st.s.Now().Sub(renewed.Time) > leaderSilence || holder == "":
		return []string{fmt.Sprintf("no leader since %s: status may be old", renewed.UTC().Format(time.RFC3339))}
	}
	return nil
}

// clusterView joins a member with what the leader says of it. What was said of
// another that had the name is not shown.
func clusterView(c *v1alpha1.Cluster, statuses map[string]v1alpha1.ClusterStatus) (*unstructured.Unstructured, error) {
	status, ok := statuses[c.Name]
	if !ok || status.UID != c.UID {
		status = v1alpha1.ClusterStatus{Cluster: c.Name, UID: c.UID, State: v1alpha1.ClusterNever}
	}
	status.State = shownState(c, status.State)
	shown := *c
	shown.Status = &status
	return toObject(&shown, "Cluster")
}

// shownState does not wait for the leader to see what a user has just asked.
func shownState(c *v1alpha1.Cluster, state v1alpha1.ClusterState) v1alpha1.ClusterState {
	switch {
	case c.Spec.Leaving != "":
		return v1alpha1.ClusterLeaving
	case c.Spec.Cordoned || c.Spec.Lost:
		return v1alpha1.ClusterCordoned
	case state == "":
		return v1alpha1.ClusterNever
	}
	return state
}

func toObject(v any, kind string) (*unstructured.Unstructured, error) {
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(v)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	obj := &unstructured.Unstructured{Object: m}
	obj.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	if obj.GetCreationTimestamp() == (metav1.Time{}) {
		unstructured.RemoveNestedField(obj.Object, "metadata", "creationTimestamp")
	}
	return obj, nil
}

func (st clusters) create(_ context.Context, k kinds.Kind, obj *unstructured.Unstructured, _ v1alpha1.Provenance) (*unstructured.Unstructured, error) {
	return nil, forbidden(k.GR(), obj.GetName(), "clusters become members with kubectl fed join")
}

func (st clusters) update(ctx context.Context, k kinds.Kind, obj *unstructured.Unstructured, p v1alpha1.Provenance) (*unstructured.Unstructured, error) {
	current, err := st.s.Roster.Cluster(ctx, obj.GetName())
	if err != nil {
		return nil, err
	}
	next := v1alpha1.Cluster{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(obj.Object, &next, true); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	if next.Spec.Leaving != current.Spec.Leaving {
		return nil, forbidden(k.GR(), obj.GetName(), "clusters leave with kubectl fed unjoin")
	}
	if err := checkPlace(&next.Spec); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	next.UID, next.CreationTimestamp, next.ResourceVersion = current.UID, current.CreationTimestamp, obj.GetResourceVersion()
	if err := st.s.Roster.UpdateCluster(ctx, &next, p); err != nil {
		return nil, err
	}
	gen, err := generationOf(&unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"resourceVersion": next.ResourceVersion}}})
	if err != nil {
		return nil, err
	}
	st.s.Written("clusters/"+next.Name+".yaml", gen)
	return st.get(ctx, k, "", next.Name)
}

// checkPlace finds what would lead requests astray.
func checkPlace(s *v1alpha1.ClusterSpec) error {
	if w := s.TrafficWeight; w != nil && (*w < 0 || *w > v1alpha1.FullWeight) {
		return fmt.Errorf("spec.trafficWeight: %d: want 0 to %d", *w, v1alpha1.FullWeight)
	}
	for i, r := range s.Sources {
		if _, err := netip.ParsePrefix(r); err != nil {
			return fmt.Errorf("spec.sources[%d]: %q: want a CIDR", i, r)
		}
	}
	if s.Coordinates == nil {
		return nil
	}
	if err := s.Coordinates.Validate(); err != nil {
		return fmt.Errorf("spec.coordinates: %w", err)
	}
	return nil
}

// federations is the one federation a bucket holds.
type federations struct{ s *Server }

func (st federations) get(ctx context.Context, k kinds.Kind, _, name string) (*unstructured.Unstructured, error) {
	f, err := st.s.Roster.Federation(ctx)
	if err != nil {
		return nil, err
	}
	if f.Name != name {
		return nil, apierrors.NewNotFound(k.GR(), name)
	}
	return toObject(f, "Federation")
}

func (st federations) list(ctx context.Context, _ kinds.Kind, _ string) ([]*unstructured.Unstructured, []string, error) {
	f, err := st.s.Roster.Federation(ctx)
	if err != nil {
		return nil, nil, err
	}
	obj, err := toObject(f, "Federation")
	return []*unstructured.Unstructured{obj}, nil, err
}

func (st federations) create(_ context.Context, k kinds.Kind, obj *unstructured.Unstructured, _ v1alpha1.Provenance) (*unstructured.Unstructured, error) {
	return nil, forbidden(k.GR(), obj.GetName(), "federations are made with kubectl fed init")
}

func (st federations) update(ctx context.Context, k kinds.Kind, obj *unstructured.Unstructured, _ v1alpha1.Provenance) (*unstructured.Unstructured, error) {
	current, err := st.s.Roster.Federation(ctx)
	if err != nil {
		return nil, err
	}
	next := v1alpha1.Federation{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(obj.Object, &next, true); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	if next.Spec.LayoutVersion != current.Spec.LayoutVersion {
		return nil, forbidden(k.GR(), obj.GetName(), "spec.layoutVersion is what the bucket was laid out with")
	}
	if p := next.Spec.Secrets; p != v1alpha1.SecretsRefuse && p != v1alpha1.SecretsPlaintext {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("spec.secrets: %q: want %s or %s", p, v1alpha1.SecretsRefuse, v1alpha1.SecretsPlaintext))
	}
	next.UID, next.CreationTimestamp, next.ResourceVersion = current.UID, current.CreationTimestamp, obj.GetResourceVersion()
	if err := st.s.Roster.UpdateFederation(ctx, &next); err != nil {
		return nil, err
	}
	return toObject(&next, "Federation")
}
