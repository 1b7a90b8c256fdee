package lead

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

var res = schema.GroupResource{Group: "test", Resource: "objects"}

var errAway = apierrors.NewServiceUnavailable("the bucket is away")

// bucket is a federation's bucket in memory.
type bucket struct {
	t  *testing.T
	mu sync.Mutex

	generation int64
	federation v1alpha1.Federation
	clusters   map[string]v1alpha1.Cluster
	specs      map[v1alpha1.Key]v1alpha1.SpecRecord
	requests   map[string]v1alpha1.Request
	bell       *v1alpha1.Bell
	rung       int64
	shards     map[string]map[int64]*v1alpha1.Shard
	beats      map[string]v1alpha1.Heartbeat
	claims     map[string]v1alpha1.Heartbeat
	reports    map[string]v1alpha1.Report
	objects    map[v1alpha1.Key]v1alpha1.ObjectStatus
	statuses   map[string]v1alpha1.ClusterStatus
	fedStatus  *v1alpha1.FederationStatus
	verdicts   v1alpha1.Verdicts
	// document is the traffic document, at its generation; 0 for none.
	document     *v1alpha1.Traffic
	written      int64
	edges        map[string]v1alpha1.Edge
	certificates map[string]v1alpha1.Certificate
	// ready endpoints of a Service, by cluster; 2 where nothing is said.
	ready map[string]int64
	// sees is what every cluster's agent says of another; unschedulable are pods
	// of deployments that find no node, by cluster.
	sees          map[string]v1alpha1.ProbeResult
	unschedulable map[string]int64

	// fail returns the error of a call, given its name and what it is about.
	fail func(call, about string) error
	// calls counts them.
	calls map[string]int
}

func newBucket(t *testing.T, clusters ...string) *bucket {
	b := &bucket{t: t, clusters: map[string]v1alpha1.Cluster{}, specs: map[v1alpha1.Key]v1alpha1.SpecRecord{},
		requests: map[string]v1alpha1.Request{}, shards: map[string]map[int64]*v1alpha1.Shard{}, beats: map[string]v1alpha1.Heartbeat{}, claims: map[string]v1alpha1.Heartbeat{},
		reports: map[string]v1alpha1.Report{}, objects: map[v1alpha1.Key]v1alpha1.ObjectStatus{},
		sees: map[string]v1alpha1.ProbeResult{}, unschedulable: map[string]int64{},
		edges: map[string]v1alpha1.Edge{}, certificates: map[string]v1alpha1.Certificate{}, ready: map[string]int64{},
		statuses: map[string]v1alpha1.ClusterStatus{}, calls: map[string]int{}, fail: func(string, string) error { return nil }}
	b.federation.UID = "fed-uid"
	b.federation.Spec.KeepRevisions = 4
	for _, c := range clusters {
		b.join(c)
	}
	return b
}

// enter counts a call, fails it if so wished, and locks.
func (b *bucket) enter(ctx context.Context, call, about string) (func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	b.calls[call]++
	if err := b.fail(call, about); err != nil {
		b.mu.Unlock()
		return nil, err
	}
	return b.mu.Unlock, nil
}

// lock is for tests that change the bucket beside a running leader.
func (b *bucket) locked(do func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	do()
}

func (b *bucket) setFail(fail func(call, about string) error) { b.locked(func() { b.fail = fail }) }

func (b *bucket) join(name string) {
	b.locked(func() {
		c := v1alpha1.Cluster{}
		c.Name, c.UID, c.Spec.LeaderEligible = name, types.UID("uid-of-"+name), true
		b.clusters[name] = c
	})
}

func (b *bucket) change(name string, edit func(*v1alpha1.Cluster)) {
	b.locked(func() { c := b.clusters[name]; edit(&c); b.clusters[name] = c })
}

const ringing, silently = true, false

// put writes a spec, ringing the bell or not.
func (b *bucket) put(k string, body string, ring bool) {
	b.locked(func() {
		b.generation++
		rec := v1alpha1.SpecRecord{Key: key(k), Generation: b.generation, Updated: time.Now(), Body: []byte(body)}
		b.specs[key(k)] = rec
		if ring {
			b.ring(map[string]int64{"specs/" + k + ".yaml": b.generation})
		}
	})
}

func (b *bucket) ring(changed map[string]int64) {
	b.rung++
	b.bell = &v1alpha1.Bell{Nonce: fmt.Sprint(b.rung), Changed: changed}
}

// beat lets a cluster's agent beat once, having taken over its newest
// revision, with all of it current and every tombstone gone.
func (b *bucket) beat(names ...string) {
	b.locked(func() {
		for _, name := range names {
			head := b.head(name)
			report := v1alpha1.Report{Cluster: name, ClusterUID: b.clusters[name].UID, MemberUID: "member-" + name}
			if head != nil {
				report.Revision, report.Epoch = head.Revision, head.Epoch
				for _, o := range head.Objects {
					report.Objects = append(report.Objects, b.row(name, o))
				}
				for _, x := range head.Tombstones {
					report.Gone = append(report.Gone, v1alpha1.GoneObject{Key: x.Key, UID: x.UID})
				}
			}
			b.reports[name] = report
			hb := b.beats[name]
			digest, _ := json.Marshal(report)
			hb = v1alpha1.Heartbeat{Cluster: name, FederationUID: b.federation.UID, Probes: b.probes(name), ClusterUID: report.ClusterUID, MemberUID: report.MemberUID, Agent: "agent", Sequence: hb.Sequence + 1,
				Revision: report.Revision, Epoch: report.Epoch, Healthy: true, Report: string(digest), Interval: metav1.Duration{Duration: 10 * time.Second}}
			b.beats[name] = hb
		}
	})
}

// row is what a member reports of an object: all of it runs, but for pods that
// find no node. A Service of type LoadBalancer has an address.
func (b *bucket) row(cluster string, o v1alpha1.ShardObject) v1alpha1.ObjectReport {
	r := v1alpha1.ObjectReport{Key: o.Key, UID: o.UID, Generation: o.Generation, Health: v1alpha1.HealthCurrent}
	var m struct {
		Spec struct{ Replicas *int64 }
	}
	if err := json.Unmarshal(o.Manifest, &m); err == nil && m.Spec.Replicas != nil {
		n := *m.Spec.Replicas
		r.Unschedulable = min(b.unschedulable[cluster], n)
		r.Counts = map[string]int64{"replicas": n, "readyReplicas": n - r.Unschedulable}
	}
	if isService(o.Key) {
		r.Addresses = []string{fmt.Sprintf("192.0.2.%d", cluster[0]-'a'+1)}
		ready, told := b.ready[cluster]
		if !told {
			ready = 2
		}
		r.Ports = []v1alpha1.ServicePortReport{{Port: 80, Ready: ready}}
	}
	return r
}

// probes are what a cluster's agent sees of those that its shard names.
func (b *bucket) probes(cluster string) (results []v1alpha1.ProbeResult) {
	head := b.head(cluster)
	if head == nil {
		return nil
	}
	for _, target := range head.Probes {
		if r, ok := b.sees[target.Cluster]; ok {
			r.Cluster = target.Cluster
			results = append(results, r)
		}
	}
	return results
}

// replicas sums up, by cluster, what the newest shards ask for of a key.
func (b *bucket) replicas(k string) map[string]int64 {
	asked := map[string]int64{}
	for name := range b.clusters {
		for _, o := range b.newest(name).Objects {
			var m struct {
				Spec struct{ Replicas *int64 }
			}
			if o.Key == key(k) && json.Unmarshal(o.Manifest, &m) == nil && m.Spec.Replicas != nil {
				asked[name] = *m.Spec.Replicas
			}
		}
	}
	return asked
}

func (b *bucket) head(cluster string) *v1alpha1.Shard {
	revisions := b.shards[cluster]
	if len(revisions) == 0 {
		return nil
	}
	return revisions[slices.Max(slices.Collect(maps.Keys(revisions)))]
}

// shard prints the newest revision of a cluster.
func (b *bucket) shard(cluster string) (s string) {
	b.locked(func() {
		head := b.head(cluster)
		if head == nil {
			s = "none"
			return
		}
		for _, o := range head.Objects {
			s += o.Key.String() + " "
		}
		for _, x := range head.Tombstones {
			s += "-" + x.Key.String() + " "
		}
	})
	return s
}

func (b *bucket) newest(cluster string) (r v1alpha1.Shard) {
	b.locked(func() {
		if head := b.head(cluster); head != nil {
			r = *head
		}
	})
	return r
}

func (b *bucket) status(k string) (st v1alpha1.ObjectStatus, ok bool) {
	b.locked(func() { st, ok = b.objects[key(k)] })
	return st, ok
}

func notFound(name string) error { return apierrors.NewNotFound(res, name) }

func (b *bucket) Snapshot(ctx context.Context) (*v1alpha1.Snapshot, error) {
	leave, err := b.enter(ctx, "Snapshot", "")
	if err != nil {
		return nil, err
	}
	defer leave()
	fed := b.federation
	snap := &v1alpha1.Snapshot{Federation: &fed, Unread: map[v1alpha1.Key]error{}}
	for _, name := range slices.Sorted(maps.Keys(b.clusters)) {
		snap.Clusters = append(snap.Clusters, b.clusters[name])
	}
	for _, k := range slices.SortedFunc(maps.Keys(b.specs), v1alpha1.Key.Compare) {
		if err := b.fail("Spec", k.String()); err != nil {
			snap.Unread[k] = err
			continue
		}
		snap.Specs = append(snap.Specs, b.specs[k])
	}
	for _, id := range slices.Sorted(maps.Keys(b.requests)) {
		snap.Requests = append(snap.Requests, b.requests[id])
	}
	return snap, nil
}

func (b *bucket) Cluster(ctx context.Context, name string) (*v1alpha1.Cluster, error) {
	leave, err := b.enter(ctx, "Cluster", name)
	if err != nil {
		return nil, err
	}
	defer leave()
	c, ok := b.clusters[name]
	if !ok {
		return nil, notFound(name)
	}
	return &c, nil
}

func (b *bucket) Listen(ctx context.Context, last int64) (*v1alpha1.Bell, int64, error) {
	leave, err := b.enter(ctx, "Listen", "")
	if err != nil {
		return nil, last, err
	}
	defer leave()
	if b.bell == nil || b.rung == last {
		return nil, b.rung, nil
	}
	return b.bell, b.rung, nil
}

func (b *bucket) DeleteSpec(ctx context.Context, k v1alpha1.Key, generation int64) error {
	leave, err := b.enter(ctx, "DeleteSpec", k.String())
	if err != nil {
		return err
	}
	defer leave()
	if b.specs[k].Generation != generation {
		return apierrors.NewConflict(res, k.String(), errors.New("changed"))
	}
	delete(b.specs, k)
	return nil
}

func (b *bucket) DeleteRequest(ctx context.Context, id string) error {
	leave, err := b.enter(ctx, "DeleteRequest", id)
	if err != nil {
		return err
	}
	defer leave()
	delete(b.requests, id)
	return nil
}

func (b *bucket) HeadRevision(ctx context.Context, cluster string) (int64, error) {
	leave, err := b.enter(ctx, "HeadRevision", cluster)
	if err != nil {
		return 0, err
	}
	defer leave()
	if head := b.head(cluster); head != nil {
		return head.Revision, nil
	}
	return 0, nil
}

func (b *bucket) Revision(ctx context.Context, cluster string, n int64) (*v1alpha1.Shard, string, error) {
	leave, err := b.enter(ctx, "Revision", fmt.Sprintf("%s/%d", cluster, n))
	if err != nil {
		return nil, "", err
	}
	defer leave()
	r, ok := b.shards[cluster][n]
	if !ok {
		return nil, "", notFound(cluster)
	}
	return r, fmt.Sprintf("sha-%s-%d", cluster, n), nil
}

func (b *bucket) AppendRevision(ctx context.Context, s *v1alpha1.Shard) (string, error) {
	leave, err := b.enter(ctx, "AppendRevision", s.Cluster)
	if err != nil {
		return "", err
	}
	defer leave()
	if _, taken := b.shards[s.Cluster][s.Revision]; taken {
		return "", apierrors.NewAlreadyExists(res, s.Cluster)
	}
	if b.shards[s.Cluster] == nil {
		b.shards[s.Cluster] = map[int64]*v1alpha1.Shard{}
	}
	body, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	stored := &v1alpha1.Shard{}
	if err := json.Unmarshal(body, stored); err != nil {
		return "", err
	}
	b.shards[s.Cluster][s.Revision] = stored
	return fmt.Sprintf("sha-%s-%d", s.Cluster, s.Revision), nil
}

func (b *bucket) PruneRevisions(ctx context.Context, cluster string, keep int) (int, error) {
	leave, err := b.enter(ctx, "PruneRevisions", cluster)
	if err != nil {
		return 0, err
	}
	defer leave()
	numbers := slices.Sorted(maps.Keys(b.shards[cluster]))
	for _, n := range numbers[:max(0, len(numbers)-keep)] {
		delete(b.shards[cluster], n)
	}
	return max(0, len(numbers)-keep), nil
}

func (b *bucket) ShardClusters(ctx context.Context) ([]string, error) {
	leave, err := b.enter(ctx, "ShardClusters", "")
	if err != nil {
		return nil, err
	}
	defer leave()
	return slices.Sorted(maps.Keys(b.shards)), nil
}

func (b *bucket) ForgetCluster(ctx context.Context, cluster string) error {
	leave, err := b.enter(ctx, "ForgetCluster", cluster)
	if err != nil {
		return err
	}
	defer leave()
	delete(b.shards, cluster)
	delete(b.beats, cluster)
	delete(b.reports, cluster)
	delete(b.statuses, cluster)
	return nil
}

func (b *bucket) Heartbeats(ctx context.Context) (map[string]v1alpha1.Heartbeat, error) {
	leave, err := b.enter(ctx, "Heartbeats", "")
	if err != nil {
		return nil, err
	}
	defer leave()
	return maps.Clone(b.beats), nil
}

func (b *bucket) Claims(ctx context.Context) (map[string]v1alpha1.Heartbeat, error) {
	leave, err := b.enter(ctx, "Claims", "")
	if err != nil {
		return nil, err
	}
	defer leave()
	return maps.Clone(b.claims), nil
}

func (b *bucket) Report(ctx context.Context, cluster string) (*v1alpha1.Report, string, error) {
	leave, err := b.enter(ctx, "Report", cluster)
	if err != nil {
		return nil, "", err
	}
	defer leave()
	r, ok := b.reports[cluster]
	if !ok {
		return nil, "", notFound(cluster)
	}
	return &r, "", nil
}

func (b *bucket) ObjectStatuses(ctx context.Context, _ string) (map[v1alpha1.Key]v1alpha1.ObjectStatus, error) {
	leave, err := b.enter(ctx, "ObjectStatuses", "")
	if err != nil {
		return nil, err
	}
	defer leave()
	return maps.Clone(b.objects), nil
}

func (b *bucket) PutObjectStatus(ctx context.Context, st *v1alpha1.ObjectStatus) error {
	leave, err := b.enter(ctx, "PutObjectStatus", st.Key.String())
	if err != nil {
		return err
	}
	defer leave()
	b.objects[st.Key] = *st
	return nil
}

func (b *bucket) DeleteObjectStatus(ctx context.Context, k v1alpha1.Key) error {
	leave, err := b.enter(ctx, "DeleteObjectStatus", k.String())
	if err != nil {
		return err
	}
	defer leave()
	delete(b.objects, k)
	return nil
}

func (b *bucket) ClusterStatuses(ctx context.Context) (map[string]v1alpha1.ClusterStatus, error) {
	leave, err := b.enter(ctx, "ClusterStatuses", "")
	if err != nil {
		return nil, err
	}
	defer leave()
	return maps.Clone(b.statuses), nil
}

func (b *bucket) PutClusterStatus(ctx context.Context, st *v1alpha1.ClusterStatus) error {
	leave, err := b.enter(ctx, "PutClusterStatus", st.Cluster)
	if err != nil {
		return err
	}
	defer leave()
	b.statuses[st.Cluster] = *st
	return nil
}

func (b *bucket) DeleteClusterStatus(ctx context.Context, name string) error {
	leave, err := b.enter(ctx, "DeleteClusterStatus", name)
	if err != nil {
		return err
	}
	defer leave()
	delete(b.statuses, name)
	return nil
}

func (b *bucket) FederationStatus(ctx context.Context) (*v1alpha1.FederationStatus, error) {
	leave, err := b.enter(ctx, "FederationStatus", "")
	if err != nil {
		return nil, err
	}
	defer leave()
	if b.fedStatus == nil {
		return nil, notFound("federation")
	}
	return b.fedStatus, nil
}

func (b *bucket) PutFederationStatus(ctx context.Context, st *v1alpha1.FederationStatus) error {
	leave, err := b.enter(ctx, "PutFederationStatus", "")
	if err != nil {
		return err
	}
	defer leave()
	b.fedStatus = st
	return nil
}

func (b *bucket) Verdicts(ctx context.Context) (*v1alpha1.Verdicts, error) {
	leave, err := b.enter(ctx, "Verdicts", "")
	if err != nil {
		return nil, err
	}
	defer leave()
	v := b.verdicts
	return &v, nil
}

func (b *bucket) PutVerdicts(ctx context.Context, v *v1alpha1.Verdicts) error {
	leave, err := b.enter(ctx, "PutVerdicts", "")
	if err != nil {
		return err
	}
	defer leave()
	b.verdicts = *v
	return nil
}

// lease is a lease that is simply held, until a test says otherwise.
type lease struct {
	mu       sync.Mutex
	identity string
	epoch    int64
	left     time.Duration
	raised   int64
}

func (l *lease) Identity() string { return l.identity }
func (l *lease) Describe() string { return "lease" }
func (l *lease) Epoch() int64     { return l.epoch }
func (l *lease) Remaining() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.left
}

// Raise has the next epoch to begin with in raised.
func (l *lease) Raise(_ context.Context, above int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.raised = above
	return nil
}

func (l *lease) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left = 0
}

func (l *lease) Get(context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	return nil, nil, notFound("lease")
}
func (l *lease) Create(context.Context, resourcelock.LeaderElectionRecord) error { return errAway }
func (l *lease) Update(context.Context, resourcelock.LeaderElectionRecord) error { return errAway }
func (l *lease) RecordEvent(string)                                              {}

// decode takes a spec's body for the value of one label, except "corrupt"; of
// Deployments for the number of replicas, of Placements for the spec as JSON.
func decode(s v1alpha1.SpecRecord) (*unstructured.Unstructured, error) {
	if string(s.Body) == "corrupt" {
		return nil, errors.New("not a manifest")
	}
	o := &unstructured.Unstructured{Object: map[string]any{}}
	o.SetAPIVersion("v1")
	o.SetKind("ConfigMap")
	o.SetName(s.Key.Name)
	o.SetNamespace(s.Key.Namespace)
	if string(s.Body) == "deleted" {
		now := metav1.Now()
		o.SetDeletionTimestamp(&now)
		return o, nil
	}
	switch s.Key.Resource {
	case "deployments":
		n, err := strconv.ParseInt(string(s.Body), 10, 64)
		if err != nil {
			return nil, err
		}
		o.SetAPIVersion("apps/v1")
		o.SetKind("Deployment")
		o.Object["spec"] = map[string]any{"replicas": n}
	case v1alpha1.ResourcePlacements:
		o.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(v1alpha1.KindPlacement))
		var spec map[string]any
		if err := json.Unmarshal(s.Body, &spec); err != nil {
			return nil, err
		}
		o.Object["spec"] = spec
	case "services":
		o.SetKind("Service")
		o.Object["spec"] = map[string]any{"type": "LoadBalancer", "ports": []any{map[string]any{"port": int64(80)}}}
	case "ingresses", "secrets":
		if err := json.Unmarshal(s.Body, &o.Object); err != nil {
			return nil, err
		}
		o.SetName(s.Key.Name)
		o.SetNamespace(s.Key.Namespace)
	default:
		o.SetLabels(map[string]string{"body": string(s.Body)})
	}
	return o, nil
}

func key(s string) v1alpha1.Key {
	k, err := v1alpha1.ParseKey(s)
	if err != nil {
		panic(err)
	}
	return k
}
