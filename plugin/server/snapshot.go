package server

import (
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// state is what a listing showed, by namespace and name.
type state map[types.NamespacedName]*unstructured.Unstructured

func stateOf(items []*unstructured.Unstructured) state {
	st := make(state, len(items))
	for _, obj := range items {
		st[types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()}] = obj
	}
	return st
}

// snapshots remembers the newest listings by the resourceVersion they were
// given, so that a watch begins where its listing ended. Generations cannot
// say that: they are per object.
type snapshots struct {
	mu   sync.Mutex
	last int64
	kept []snapshot
}

type snapshot struct {
	version string
	state   state
}

// keepSnapshots bounds the memory; a watch that is later than that lists anew.
const keepSnapshots = 8

func (s *snapshots) keep(items []*unstructured.Unstructured) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = max(s.last+1, time.Now().UnixNano())
	version := strconv.FormatInt(s.last, 10)
	s.kept = append(s.kept, snapshot{version, stateOf(items)})
	if len(s.kept) > keepSnapshots {
		s.kept = s.kept[1:]
	}
	return version
}

func (s *snapshots) at(version string) (state, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.kept {
		if k.version == version {
			return k.state, true
		}
	}
	return nil, false
}
