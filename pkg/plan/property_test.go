package plan

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// storm is a federation through which random things happen. Asked collects
// what users delete; tempest adds placements, taints, failures and time.
type storm struct {
	seed    uint64
	steps   int
	tempest bool
	cached  bool
	asked   map[v1alpha1.Key]bool
}

var stormKeys = []string{"_cluster/namespaces/n", cm, web, "default/replicasets.apps/rs", "n/configmaps/x", "n/deployments.apps/y"}

var tempestKeys = append([]string{"default/statefulsets.apps/db", "default/jobs.batch/j", "default/cronjobs.batch/tick",
	"default/horizontalpodautoscalers.autoscaling/web", svc, ing}, stormKeys...)

// tempestPlacements are specs of Placements.
var tempestPlacements = []string{
	`{"objects":[{"kind":"Deployment"}],"clusters":{"names":["a","b"]}}`,
	`{"objects":[{"kind":"Deployment","name":"web"}],"clusters":{"exclude":["c"]},"dependencies":"Follow"}`,
	`{"objects":[{"kind":"Deployment"}],"replicas":{"rebalance":true,"clusters":{"a":{"weight":2},"*":{"weight":1,"maxReplicas":6}}}}`,
	`{"objects":[{"kind":"Deployment"}],"replicas":{"clusters":{"b":{"weight":1}}},"failover":{"return":"Never"}}`,
	`{"objects":[{"kind":"Deployment"},{"kind":"ReplicaSet"}],"failover":{"return":"Gradual"},"tolerations":[{"operator":"Exists"}]}`,
	`{"objects":[{"kind":"StatefulSet"}],"strategy":"Divide"}`,
	`{"objects":[{"kind":"ConfigMap"}],"strategy":"One"}`,
	`{"objects":[{"kind":"Deployment"}],"spread":[{"topology":"zone","maxReplicas":5,"maxClusters":1}]}`,
	`{"objects":[{"kind":"Deployment"}],"overrides":[{"clusters":{"names":["a"]},"patch":[{"op":"add","path":"/metadata/labels","value":{"o":"a"}}]}]}`,
	`{"objects":[{"kind":"ConfigMap"}],"overrides":[{"patch":[{"op":"remove","path":"/data/none"}]}]}`,
	`{"objects":[{"kind":"Deployment"}],"rollout":{"waves":[{"clusters":{"names":["a"]}},{"percentage":"70%","pause":"1m0s"}],"onFailure":"Undo"}}`,
	`{"objects":[{"kind":"Deployment"}],"strategy":"Sideways"}`,
}

func (s storm) acts(w *world, r *rand.Rand) []func(k string) {
	cluster := func() *Cluster { return &w.clusters[r.IntN(len(w.clusters))] }
	acts := []func(k string){
		func(k string) { w.put(k) },
		func(k string) { w.put(k, label(fmt.Sprint(w.gen))) },
		func(string) { w.put(web, replicas(r.Int64N(20))) },
		func(k string) {
			if w.hasSpec(k) {
				s.asked[key(k)] = true
				w.put(k, deleted(""))
			}
		},
		func(k string) { delete(w.specs, key(k)) },
		func(k string) {
			w.gen++
			w.specs[key(k)] = Spec{Key: key(k), Generation: w.gen, Object: object(key(k))}
		},
		func(string) { w.ack(cluster().Name) },
		func(string) { c := cluster(); c.Stale = !c.Stale },
		func(string) { c := cluster(); c.Spec.Cordoned = !c.Spec.Cordoned },
		func(k string) {
			s.asked[key(k)] = true
			w.requests = append(w.requests, v1alpha1.Request{ID: fmt.Sprint(w.gen), Type: v1alpha1.RequestDeleteMissing, Keys: []v1alpha1.Key{key(k)}})
		},
	}
	if !s.tempest {
		return acts
	}
	return append(acts,
		func(string) {
			n := r.IntN(len(tempestPlacements))
			w.place(fmt.Sprintf("p%d", n%3), tempestPlacements[n])
		},
		func(string) {
			for _, n := range []string{"p0", "p1", "p2"} {
				delete(w.specs, key("default/placements.kubectl-fed.io/"+n))
			}
		},
		func(string) {
			if k := "default/placements.kubectl-fed.io/p1"; w.hasSpec(k) {
				w.put(k, deleted(""))
			}
		},
		func(string) { c := cluster(); c.Failed = !c.Failed; c.Stale = c.Failed },
		func(string) { c := cluster(); c.Holding = !c.Holding },
		func(string) { c := cluster(); c.Spec.Drained = !c.Spec.Drained },
		func(string) { c := cluster(); c.Spec.Lost = !c.Spec.Lost },
		func(string) { c := cluster(); c.Unknown = !c.Unknown },
		func(string) {
			c := cluster()
			c.Spec.Taints = nil
			if r.IntN(2) == 0 {
				c.Spec.Taints = []v1alpha1.Taint{{Key: "t", Effect: []string{"NoSchedule", "NoExecute"}[r.IntN(2)]}}
			}
		},
		func(string) { cluster().Spec.Zones = []string{fmt.Sprint("z", r.IntN(2))} },
		func(string) { cluster().Published = []string{fmt.Sprintf("10.0.0.%d:80", r.IntN(3))} },
		func(k string) {
			cluster().Capacity = map[v1alpha1.Key]int64{key(web): r.Int64N(8), key(k): r.Int64N(8)}
		},
		func(string) { w.now = w.now.Add(time.Duration(r.IntN(90)) * time.Second) },
		func(k string) {
			kind := []v1alpha1.RequestType{v1alpha1.RequestRebalance, v1alpha1.RequestApprove}[r.IntN(2)]
			w.requests = append(w.requests, v1alpha1.Request{ID: fmt.Sprint("r", w.gen), Type: kind, Keys: []v1alpha1.Key{key(web), key(k)}})
		},
		func(string) {
			w.put("default/horizontalpodautoscalers.autoscaling/web", func(o *unstructured.Unstructured) {
				o.Object["spec"] = map[string]any{"scaleTargetRef": map[string]any{"kind": "Deployment", "name": "web"},
					"minReplicas": r.Int64N(3) + 1, "maxReplicas": r.Int64N(9) + 3}
			})
		},
		func(string) {
			w.put(web, func(o *unstructured.Unstructured) {
				_ = unstructured.SetNestedField(o.Object, "c", "spec", "template", "spec", "serviceAccountName")
				_ = unstructured.SetNestedSlice(o.Object, []any{map[string]any{"configMap": map[string]any{"name": "c"}}}, "spec", "template", "spec", "volumes")
			})
		},
		func(string) { w.put(ing, naming([]string{"svc", "other"}[r.IntN(2)])) },
		func(string) { w.put(svc, spec(plainService)) },
		func(string) { w.put(ing, spec(`{"ingressClassName":"nginx"}`)) },
		func(string) {
			w.addresses = []map[v1alpha1.Key][]string{nil, {}, {key(ing): {fmt.Sprint("192.0.2.", r.IntN(3))}}}[r.IntN(3)]
		},
		func(string) {
			w.put("default/jobs.batch/j", func(o *unstructured.Unstructured) {
				o.Object["spec"] = map[string]any{"parallelism": r.Int64N(6), "completions": r.Int64N(9)}
			})
		},
	)
}

func (s storm) run(t *testing.T, each func(*world, Output)) {
	r := rand.New(rand.NewPCG(s.seed, 0))
	w := newWorld(t, "a", "b", "c")
	keys := stormKeys
	if s.tempest {
		w.join("d")
		keys = tempestKeys
	}
	if s.cached {
		w.cache = NewCache()
	}
	acts := s.acts(w, r)
	for range s.steps {
		acts[r.IntN(len(acts))](keys[r.IntN(len(keys))])
		for i := range w.clusters {
			if !s.tempest || r.IntN(3) > 0 {
				w.report(w.clusters[i].Name)
			}
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
			t.Fatalf("seed %d: the order of the input changes the plan:\n%+v\n%+v", s.seed, a, b)
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
		storm{seed: seed, steps: 80, asked: asked}.run(t, func(w *world, out Output) {
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
	for seed := range uint64(10) {
		storm{seed: 1000 + seed, steps: 100, cached: true, asked: map[v1alpha1.Key]bool{}}.run(t, func(*world, Output) {})
	}
	for seed := range uint64(20) {
		storm{seed: 3000 + seed, steps: 120, cached: true, tempest: true, asked: map[v1alpha1.Key]bool{}}.run(t, func(*world, Output) {})
	}
}

// TestTempest checks what must never happen, whatever people and clusters do.
func TestTempest(t *testing.T) {
	type identity struct {
		key v1alpha1.Key
		uid types.UID
	}
	for seed := range uint64(30) {
		before := map[string]map[identity]bool{}
		storm{seed: 5000 + seed, steps: 120, tempest: true, asked: map[v1alpha1.Key]bool{}}.run(t, func(w *world, out Output) {
			for _, c := range w.clusters {
				now, buried := map[identity]bool{}, map[identity]bool{}
				for _, x := range c.Previous.Tombstones {
					buried[identity{x.Key, x.UID}] = true
				}
				for _, o := range c.Previous.Objects {
					id := identity{o.Key, o.UID}
					if now[id] = true; buried[id] {
						t.Fatalf("seed %d: %s has object and tombstone of %v", seed, c.Name, id)
					}
					if ns := o.Key.Namespace; ns != "" && ns != defaultNamespace && !c.Unknown {
						if _, ok := c.Previous.Object(key("_cluster/namespaces/" + ns)); !ok {
							t.Fatalf("seed %d: %s has %s without its namespace", seed, c.Name, o.Key)
						}
					}
				}
				for id := range before[c.Name] {
					if !now[id] && !buried[id] {
						t.Fatalf("seed %d: %v left %s without a tombstone", seed, id, c.Name)
					}
				}
				before[c.Name] = now
			}
			checkOutput(t, seed, w, out)
		})
	}
}

// checkOutput checks one plan.
func checkOutput(t *testing.T, seed uint64, w *world, out Output) {
	for _, o := range out.Objects {
		if o.Wanted < 0 || o.Unplaced < 0 || o.Unplaced > o.Wanted || o.Moved < 0 {
			t.Fatalf("seed %d: %+v", seed, o)
		}
		var targets, kept int64
		for _, p := range o.Places {
			if p.Reason == "" {
				t.Fatalf("seed %d: no reason: %s %+v", seed, o.Key, p)
			}
			if c := w.cluster(p.Cluster); p.Replicas > 0 && !c.Failed && !c.Spec.Lost && !c.Unknown {
				targets += p.Replicas
			} else {
				kept += max(p.Replicas, 0)
			}
		}
		if o.Wanted > 0 && len(o.Places) > 0 && o.Held == "" && kept == 0 && !anyUnknown(w) && o.Key.Group != "batch" && targets+o.Unplaced != o.Wanted {
			t.Fatalf("seed %d: %s: targets of %d and %d unplaced of %d: %+v", seed, o.Key, targets, o.Unplaced, o.Wanted, o.Places)
		}
	}
}

func anyUnknown(w *world) bool {
	return slices.ContainsFunc(w.clusters, func(c Cluster) bool { return c.Unknown })
}

func TestPlanningTwiceChangesNothing(t *testing.T) {
	storm{seed: 2000, steps: 200, asked: map[v1alpha1.Key]bool{}}.run(t, func(w *world, _ Output) {
		w.settle()
		for _, c := range w.pass().Clusters {
			if c.Changed {
				t.Fatalf("%s changes again: %s", c.Name, c.Reason)
			}
		}
	})
}
