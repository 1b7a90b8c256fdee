package lead

import (
	"context"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/plan"
	"github.com/kubectl-fed/kubectl-fed/pkg/status"
)

// heartbeatShown is how old the heartbeat that people read may get while
// nothing else changes: writing every one of them would cost more than all
// else together.
const heartbeatShown = time.Minute

// describe writes what changed of everything but objects, which the queue
// writes. What fails is tried again at the next look.
func (a *aggregator) describe(ctx context.Context) {
	pl := a.board.plan()
	if pl.version != a.described {
		a.described = pl.version
		a.describeAll(pl)
	}
	a.describeIngresses(pl)
	a.writeClusters(ctx, pl)
	a.writeFederation(ctx, pl)
}

// describeAll sums up every object, and drops the status of those that the
// plan no longer knows.
func (a *aggregator) describeAll(pl planned) {
	known := make(map[v1alpha1.Key]bool, len(pl.objects))
	for _, o := range pl.objects {
		known[o.Key] = true
		a.describeObject(pl, o)
	}
	if !pl.complete {
		return
	}
	for k := range a.objects {
		if !known[k] {
			delete(a.objects, k)
			a.queue.remove(k)
		}
	}
}

// describeIngresses sums up those of which the traffic loop says something new.
func (a *aggregator) describeIngresses(pl planned) {
	results, version := a.carried.said()
	if version == a.carriedAt {
		return
	}
	a.carriedAt = version
	for _, o := range pl.objects {
		if v1alpha1.KeyIsIngress(o.Key) {
			a.describeObject(pl, o)
		}
	}
	for k := range a.told {
		if _, ok := results[k]; !ok {
			delete(a.told, k)
		}
	}
}

// describeKeys sums up the objects that reports changed, and all of a cluster
// that fell silent or came back.
func (a *aggregator) describeKeys(pl planned, keys map[v1alpha1.Key]bool) {
	all := false
	for name, m := range a.members {
		if stale := a.verdicts[name].Stale; stale != m.stale {
			m.stale, all = stale, true
		}
	}
	if all {
		a.describeAll(pl)
		return
	}
	for k := range keys {
		i, ok := slices.BinarySearchFunc(pl.objects, k, func(o plan.Object, k v1alpha1.Key) int { return o.Key.Compare(k) })
		if ok {
			a.describeObject(pl, pl.objects[i])
		}
	}
}

func (a *aggregator) describeObject(pl planned, o plan.Object) {
	in := status.ObjectInput{Key: o.Key, UID: o.Record.UID, Created: o.Record.Created, Generation: o.Record.Generation,
		SpecGeneration: o.Record.SpecGeneration, Conditions: o.Conditions(), Placement: o.Placement, Rollout: o.Record.Rollout, Now: time.Now()}
	names := o.Clusters
	if o.Deleting {
		names = o.Waiting
	}
	why := make(map[string]string, len(o.Places))
	for _, place := range o.Places {
		why[place.Cluster] = place.Reason
	}
	for _, name := range names {
		m := a.member(pl, name, o.Key)
		m.Why = why[name]
		in.Members = append(in.Members, m)
	}
	old, ok := a.objects[o.Key]
	if ok {
		in.Previous = &old
	}
	results, _ := a.carried.said()
	in.Unjudged = results == nil
	if r, ok := results[o.Key]; ok && !o.Deleting {
		in.Served = served(r, a.told[o.Key])
		a.told[o.Key] = append([]status.Problem{}, in.Served.Problems...)
	}
	st := status.Object(in)
	st.Wanted, st.Away = o.Record.Wanted, o.Record.Away
	if at := o.Record.Stepped; !at.IsZero() {
		st.Stepped = metav1.NewTime(at.UTC().Truncate(time.Second))
	}
	if !ok || !equality.Semantic.DeepEqual(old, st) {
		a.objects[o.Key] = st
		a.queue.put(st)
	}
}

// member is what one cluster is asked and says of an object.
func (a *aggregator) member(pl planned, name string, k v1alpha1.Key) status.Member {
	m := status.Member{Cluster: name, Stale: a.verdicts[name].Stale}
	if placed, ok := pl.heads[name].shard.Object(k); ok {
		m.Generation = placed.Generation
		if placed.Replicas != plan.NoReplicas {
			m.Replicas = &placed.Replicas
		}
	}
	if view := a.members[name]; view != nil {
		m.Report, m.Ranges = view.rows[k], view.ranges
	}
	return m
}

func (a *aggregator) writeClusters(ctx context.Context, pl planned) {
	var changed []v1alpha1.ClusterStatus
	current := map[string]v1alpha1.ClusterStatus{}
	for _, c := range pl.clusters {
		m := a.members[c.Name]
		if m == nil {
			continue
		}
		h, read := pl.heads[c.Name]
		in := status.ClusterStatusInput{Cluster: c, Verdict: a.verdicts[c.Name], Seen: m.seen, Report: m.report, Revision: h.revision,
			Objects: len(h.shard.Objects), Tombstones: len(h.shard.Tombstones), Unread: !read, Unhealthy: m.sick(h), Claim: a.claim(c), Now: time.Now()}
		old, ok := a.clusters[c.Name]
		if ok {
			in.Previous = &old
			current[c.Name] = old
		}
		if st := status.Cluster(in); !ok || !sameCluster(old, st) {
			changed = append(changed, st)
		}
	}
	errs := make([]error, len(changed))
	parallel(len(changed), func(i int) {
		errs[i] = a.fence.write(ctx, func(ctx context.Context) error { return a.cfg.Store.PutClusterStatus(ctx, &changed[i]) })
	})
	for i, st := range changed {
		if errs[i] == nil {
			current[st.Cluster] = st
		} else if ctx.Err() == nil {
			logr.FromContextOrDiscard(ctx).Info("cluster status not written", "cluster", st.Cluster, "err", errs[i].Error())
		}
	}
	a.dropClusters(ctx, pl, current)
	a.clusters = current
}

// dropClusters removes the status of clusters that are not in the roster. A
// roster without any cluster says nothing.
func (a *aggregator) dropClusters(ctx context.Context, pl planned, current map[string]v1alpha1.ClusterStatus) {
	if !pl.complete || len(pl.clusters) == 0 {
		return
	}
	for name, st := range a.clusters {
		if clusterNamed(pl.clusters, name).Name == name {
			continue
		}
		err := a.fence.write(ctx, func(ctx context.Context) error { return a.cfg.Store.DeleteClusterStatus(ctx, name) })
		if err != nil && !apierrors.IsNotFound(err) {
			current[name] = st // again at the next look
		}
	}
}

// sameCluster compares all but a heartbeat that is a little newer.
func sameCluster(old, now v1alpha1.ClusterStatus) bool {
	if now.LastHeartbeat.Sub(old.LastHeartbeat.Time) < heartbeatShown {
		now.LastHeartbeat = old.LastHeartbeat
	}
	return equality.Semantic.DeepEqual(old, now)
}

func (a *aggregator) writeFederation(ctx context.Context, pl planned) {
	in := status.FederationInput{Leader: a.cfg.Lock.Identity(), Epoch: a.epoch, Clusters: pl.clusters, Verdicts: a.verdicts,
		Held: pl.held, Previous: a.federation, Now: time.Now()}
	if !pl.complete && a.federation != nil {
		in.Held = a.federation.Held // not looked at yet in this term
	}
	switch restored := a.board.healthy().restored; {
	case restored != "":
		in.Halted = v1alpha1.HaltRestored
		in.HaltMessage = restored + "; nothing is planned until the newer objects under shards/<cluster>/ are brought back (the bucket keeps past versions), " +
			"or until `kubectl fed recover --accept-restore` goes on from the bucket as it is"
	case pl.failing != "":
		in.Halted, in.HaltMessage = v1alpha1.HaltBucket, pl.failing
	}
	st := status.Federation(in)
	if a.federation != nil {
		same := st
		same.Time = a.federation.Time
		if equality.Semantic.DeepEqual(*a.federation, same) {
			return
		}
	}
	err := a.fence.write(ctx, func(ctx context.Context) error { return a.cfg.Store.PutFederationStatus(ctx, &st) })
	if err != nil {
		if ctx.Err() == nil {
			logr.FromContextOrDiscard(ctx).Info("federation status not written", "err", err.Error())
		}
		return
	}
	a.federation = &st
}
