package server

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/kinds"
)

// copied kinds may run whole in every cluster; what one spec asks for is then
// asked for as often as there are clusters that have it.
var copied = map[string]bool{"statefulsets.apps": true, "replicationcontrollers": true, "jobs.batch": true}

// copies is in how many clusters each object is; what is in none, or is
// divided over them, is not in the map.
func (s *Server) copies(ctx context.Context, k kinds.Kind, items []*unstructured.Unstructured) (map[types.NamespacedName]int64, error) {
	if !copied[k.GR().String()] {
		return nil, nil
	}
	out := map[types.NamespacedName]int64{}
	read := map[string]map[v1alpha1.Key]v1alpha1.ObjectStatus{}
	for _, obj := range items {
		key := keyOf(k, obj.GetNamespace(), obj.GetName())
		statuses, known := read[key.Namespace]
		if !known {
			var err error
			if statuses, err = s.statusesBeside(ctx, key, len(items) == 1); err != nil {
				return nil, err
			}
			read[key.Namespace] = statuses
		}
		if n := int64(len(statuses[key].Clusters)); n > 0 && statuses[key].Wanted == 0 {
			out[types.NamespacedName{Namespace: key.Namespace, Name: key.Name}] = n
		}
	}
	return out, nil
}

// statusesBeside reads the statuses of a kind's objects in a key's namespace,
// or only the key's own.
func (s *Server) statusesBeside(ctx context.Context, key v1alpha1.Key, alone bool) (map[v1alpha1.Key]v1alpha1.ObjectStatus, error) {
	if alone {
		status, err := (specs{s}).status(ctx, key)
		if err != nil || status == nil {
			return nil, err
		}
		return map[v1alpha1.Key]v1alpha1.ObjectStatus{key: *status}, nil
	}
	found, err := s.Statuses.ObjectStatuses(ctx, key.Scope()+"/"+key.GroupResource().String()+"/")
	if err != nil {
		return nil, fmt.Errorf("read the status: %w", err)
	}
	return found, nil
}
