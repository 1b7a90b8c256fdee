package plan

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// storm is a federation through which random things happen. Asked collects
// what users delete.
func storm(t *testing.T, seed uint64, steps int, asked map[v1alpha1.Key]bool, each func(*world, Output)) {
	r := rand.New(rand.NewPCG(seed, 0))
	w := newWorld(t, "a", "b", "c")
	keys := []string{"_cluster/namespaces/n", cm, web, "default/replicasets.apps/rs", "n/configmaps/x", "n/deployments.apps/y"}
	acts := []func(k string){
		func(k string) { w.put(k) },
		func(k string) { w.put(k, label(fmt.Sprint(w.gen))) },
		func(string) { w.put(web, replicas(r.Int64N(20))) },
		func(k string) {
			if w.hasSpec(k) {
				asked[key(k)] = true
				w.put(k, deleted(""))
			}
		},
		func(k string) { delete(w.specs, key(k)) },
		func(k string) {
			w.gen++
			w.specs[key(k)] = Spec{Key: key(k), Generation: w.gen, Object: object(key(k))}
		},
		func(string) { w.ack(w.clusters[r.IntN(len(w.clusters))].Name) },
		func(string) { c := &w.clusters[r.IntN(len(w.clusters))]; c.Stale = !c.Stale },
		func(string) { c := &w.clusters[r.IntN(len(w.clusters))]; c.Spec.Cordoned = !c.Spec.Cordoned },
		func(k string) {
			asked[key(k)] = true
			w.requests = append(w.requests, v1alpha1.Request{ID: fmt.Sprint(w.gen), Type: v1alpha1.RequestDeleteMissing, Keys: []v1alpha1.Key{key(k)}})
		},
	}
	for range steps {
		acts[r.IntN(len(acts))](keys[r.IntN(len(keys))])
		for _, c := range w.clusters {
			w.report(c.Name)
		}
		in := w.input()
		shuffled := w.input()
		r.Shuffle(len(shuffled.Specs), func(i, j int) { shuffled.Specs[i], shuffled.Specs[j] = shuffled.Specs[j], shuffled.Specs[i] })
		r.Shuffle(len(shuffled.Clusters), func(i, j int) {
			shuffled.Clusters[i], shuffled.Clusters[j] = shuffled.Clusters[j], shuffled.Clusters[i]
		})
		r.Shuffle(len(shuffled.Requests), func(i, j int) {
			shuffled.Requests[i], shuffled.Requests[j] = shuffled.Requests[j], shuffled.Requests[i]
		})
		if a, b := Plan(in), Plan(shuffled); !reflect.DeepEqual(a, b) {
			t.Fatalf("seed %d: the order of the input changes the plan:\n%+v\n%+v", seed, a, b)
		}
		var failing []string
		if r.IntN(4) == 0 {
			failing = append(failing, "b")
		}
		each(w, w.pass(failing...))
	}
}

// TestStorm checks, whatever happens, what must never.
func TestStorm(t *testing.T) {
	for seed := range uint64(60) {
		type identity struct {
			key v1alpha1.Key
			uid types.UID
		}
		asked := map[v1alpha1.Key]bool{}
		before := map[string]map[identity]bool{}
		storm(t, seed, 80, asked, func(w *world, out Output) {
			for _, c := range w.clusters {
				now, buried := map[identity]bool{}, map[identity]bool{}
				for _, x := range c.Previous.Tombstones {
					buried[identity{x.Key, x.UID}] = true
					if !asked[x.Key] && !asked[v1alpha1.Key{Resource: "namespaces", Name: x.Key.Namespace}] {
						t.Fatalf("seed %d: nobody asked for the tombstone of %s", seed, x.Key)
					}
				}
				for _, o := range c.Previous.Objects {
					id := identity{o.Key, o.UID}
					now[id] = true
					if buried[id] {
						t.Fatalf("seed %d: %s has object and tombstone of %v", seed, c.Name, id)
					}
				}
				for id := range before[c.Name] {
					if !now[id] && !buried[id] {
						t.Fatalf("seed %d: %v left %s without a tombstone", seed, id, c.Name)
					}
				}
				before[c.Name] = now
			}
			for _, o := range out.Objects {
				var sum int64
				for _, c := range out.Clusters {
					if placed, ok := c.Shard.Object(o.Key); ok && o.Wanted > 0 {
						sum += placed.Replicas
					}
				}
				if o.Wanted > 0 && sum+o.Unplaced != o.Wanted {
					t.Fatalf("seed %d: %s has %d replicas and %d unplaced of %d", seed, o.Key, sum, o.Unplaced, o.Wanted)
				}
			}
		})
	}
}

// TestCacheChangesNothing: plans with and without a cache are the same.
func TestCacheChangesNothing(t *testing.T) {
	cache := NewCache()
	storm(t, 1000, 200, map[v1alpha1.Key]bool{}, func(w *world, _ Output) {
		in := w.input()
		plain := Plan(in)
		in.Cache = cache
		if cached := Plan(in); !reflect.DeepEqual(plain, cached) {
			t.Fatalf("with a cache:\n%+v\nwithout:\n%+v", cached, plain)
		}
	})
}

func TestPlanningTwiceChangesNothing(t *testing.T) {
	storm(t, 2000, 200, map[v1alpha1.Key]bool{}, func(w *world, _ Output) {
		w.settle()
		for _, c := range w.pass().Clusters {
			if c.Changed {
				t.Fatalf("%s changes again: %s", c.Name, c.Reason)
			}
		}
	})
}

// federationOf builds a settled input of that many specs and clusters, half
// of them Deployments.
func federationOf(specs, clusters int) Input {
	w := newWorld(nil)
	for c := range clusters {
		w.join(fmt.Sprintf("cluster-%02d", c))
	}
	for s := range specs {
		if s%2 == 0 {
			w.put(fmt.Sprintf("default/deployments.apps/web-%04d", s), replicas(100))
		} else {
			w.put(fmt.Sprintf("default/configmaps/config-%04d", s), label("x"))
		}
	}
	in := w.input()
	in.Cache = NewCache()
	carry(&in, Plan(in))
	return in
}

func carry(in *Input, out Output) {
	for i := range in.Clusters {
		for _, c := range out.Clusters {
			if c.Name == in.Clusters[i].Name {
				in.Clusters[i].Previous = c.Shard
			}
		}
	}
	in.Records = map[v1alpha1.Key]Record{}
	for _, o := range out.Objects {
		in.Records[o.Key] = o.Record
	}
}

// BenchmarkPlanOneChange is one pass over 5000 specs and 13 clusters of which
// one spec changed.
func BenchmarkPlanOneChange(b *testing.B) {
	in := federationOf(5000, 13)
	b.ReportAllocs()
	generation := int64(1 << 20)
	for b.Loop() {
		generation++
		o := in.Specs[0].Object.DeepCopy()
		label(fmt.Sprint(generation))(o)
		in.Specs[0].Object, in.Specs[0].Generation = o, generation
		carry(&in, Plan(in))
	}
}

// BenchmarkPlanNoChange is a pass that finds nothing to do.
func BenchmarkPlanNoChange(b *testing.B) {
	in := federationOf(5000, 13)
	b.ReportAllocs()
	for b.Loop() {
		Plan(in)
	}
}
