package forecast

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan"
)

// Bucket is a federation as its bucket holds it.
type Bucket struct {
	Snapshot *v1alpha1.Snapshot
	Verdicts *v1alpha1.Verdicts
	// Heads are the newest revisions, Reports the members' last words, by
	// cluster. A cluster in Unknown has a shard that could not be read.
	Heads    map[string]*v1alpha1.Shard
	Unknown  map[string]bool
	Reports  map[string]*v1alpha1.Report
	Statuses map[v1alpha1.Key]v1alpha1.ObjectStatus
	// Told is what the leader says of the clusters, by name.
	Told map[string]v1alpha1.ClusterStatus
}

// Input is what the leader would plan from now.
func (b Bucket) Input(decode func(v1alpha1.SpecRecord) (*unstructured.Unstructured, error), now time.Time) plan.Input {
	in := plan.Input{Federation: b.Snapshot.Federation, Invalid: b.Snapshot.Invalid, Records: map[v1alpha1.Key]plan.Record{},
		Removals: b.Verdicts.Removals, Now: now, Frozen: b.Verdicts.Frozen, Explain: true}
	for k, st := range b.Statuses {
		in.Records[k] = plan.RecordOf(st)
	}
	for _, r := range b.Snapshot.Requests {
		if !slices.Contains(b.Verdicts.Answered, r.ID) {
			in.Requests = append(in.Requests, r)
		}
	}
	for _, c := range b.Snapshot.Clusters {
		in.Clusters = append(in.Clusters, b.cluster(c, now))
	}
	b.specs(decode, &in)
	return in
}

// specs decodes what can be. Definitions come first: they tell the scope of
// other kinds.
func (b Bucket) specs(decode func(v1alpha1.SpecRecord) (*unstructured.Unstructured, error), in *plan.Input) {
	records := slices.Clone(b.Snapshot.Specs)
	slices.SortStableFunc(records, func(a, b v1alpha1.SpecRecord) int {
		return cmp.Compare(definitionLast(b.Key), definitionLast(a.Key))
	})
	for _, rec := range records {
		o, err := decode(rec)
		if err != nil {
			in.Broken = append(in.Broken, plan.Broken{Key: rec.Key, Generation: rec.Generation, Message: err.Error()})
			continue
		}
		in.Specs = append(in.Specs, plan.Spec{Key: rec.Key, Generation: rec.Generation, Updated: rec.Updated, Object: o})
	}
	for _, k := range slices.SortedFunc(maps.Keys(b.Snapshot.Unread), v1alpha1.Key.Compare) {
		broken := plan.Broken{Key: k}
		if err := b.Snapshot.Unread[k]; v1alpha1.Unusable(err) {
			broken.Message = err.Error()
		}
		in.Broken = append(in.Broken, broken)
	}
}

func definitionLast(k v1alpha1.Key) int {
	if k.Resource == "customresourcedefinitions" {
		return 1
	}
	return 0
}

func (b Bucket) cluster(c v1alpha1.Cluster, now time.Time) plan.Cluster {
	v := b.Verdicts.Clusters[c.Name]
	m := plan.NewCluster(c, v, b.Told[c.Name])
	m.Unknown, m.Capacity = b.Unknown[c.Name], map[v1alpha1.Key]int64{}
	for _, e := range b.Verdicts.Capacities {
		if e.Cluster == c.Name && now.Before(e.Expires) {
			m.Capacity[e.Key] = e.Replicas
		}
	}
	if head := b.Heads[c.Name]; head != nil {
		m.Previous = plan.FromRevision(head)
	}
	r := b.Reports[c.Name]
	if r == nil || r.ClusterUID != c.UID || v.UID != c.UID || v.MemberUID == "" || r.MemberUID != v.MemberUID {
		return m
	}
	m.Reports = make(map[v1alpha1.Key]*v1alpha1.ObjectReport, len(r.Objects))
	for i := range r.Objects {
		m.Reports[r.Objects[i].Key] = &r.Objects[i]
	}
	m.Gone = map[v1alpha1.GoneObject]bool{}
	for _, g := range r.Gone {
		m.Gone[g] = true
	}
	return m
}

// Without lets a cluster be lost.
func Without(in *plan.Input, name string) bool {
	for i := range in.Clusters {
		if c := &in.Clusters[i]; c.Name == name {
			c.Failed, c.Stale = true, true
			return true
		}
	}
	return false
}

// Submit puts objects into the input as if they had been submitted.
func Submit(in *plan.Input, objects map[v1alpha1.Key]*unstructured.Unstructured) {
	in.Specs = slices.DeleteFunc(slices.Clone(in.Specs), func(s plan.Spec) bool { return objects[s.Key] != nil })
	in.Broken = slices.DeleteFunc(slices.Clone(in.Broken), func(b plan.Broken) bool { return objects[b.Key] != nil })
	for _, k := range slices.SortedFunc(maps.Keys(objects), v1alpha1.Key.Compare) {
		in.Specs = append(in.Specs, plan.Spec{Key: k, Generation: unsubmitted, Updated: in.Now, Object: objects[k]})
	}
}

// unsubmitted is the generation of what is not in the bucket; no bucket's is
// negative.
const unsubmitted = -1
