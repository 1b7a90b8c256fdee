package plugin

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/memory"
)

func node(name, region, zone string) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		corev1.LabelTopologyRegion: region, corev1.LabelTopologyZone: zone}}}
}

func TestLookAt(t *testing.T) {
	system := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system", UID: "member-uid"}}
	old := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "old", Labels: map[string]string{
		"failure-domain.beta.kubernetes.io/region": "us-east1", "failure-domain.beta.kubernetes.io/zone": "us-east1-d"}}}
	client := fake.NewClientset(system, node("a", "us-east1", "us-east1-b"), node("b", "us-east1", "us-east1-c"),
		node("c", "europe-west1", "europe-west1-b"), old, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "bare"}})
	m, err := lookAt(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	if m.uid != "member-uid" || m.region != "us-east1" || !slices.Equal(m.otherRegions, []string{"europe-west1"}) ||
		!slices.Equal(m.zones, []string{"europe-west1-b", "us-east1-b", "us-east1-c", "us-east1-d"}) {
		t.Errorf("got %+v", m)
	}
	if _, err := lookAt(t.Context(), fake.NewClientset()); !apierrors.IsNotFound(err) {
		t.Errorf("a cluster without kube-system: %v", err)
	}
}

// joining runs a join over a hub; the cluster looks as given.
func joining(t *testing.T, hub *memory.Hub, found *member, lookErr error, change func(*joinOptions)) (string, error) {
	t.Helper()
	var out, errOut bytes.Buffer
	s := newSession(t.Context(), genericiooptions.IOStreams{In: strings.NewReader(""), Out: &out, ErrOut: &errOut},
		func(context.Context, string) (Hub, error) { return hub, nil })
	s.bucket = "memory:"
	o := &joinOptions{session: s, name: "c1", context: "ctx", helm: helm{chart: "chart", release: "r", namespace: "ns"}}
	o.legacy = addLegacyFlags(newCmdVersion(s).Flags())
	o.lookAt = func(context.Context, string) (*member, error) { return found, lookErr }
	if change != nil {
		change(o)
	}
	err := o.run(t.Context())
	return out.String() + errOut.String(), err
}

func TestJoin(t *testing.T) {
	hub := memory.New()
	text, err := joining(t, hub, &member{uid: "m1", region: "us-east1", zones: []string{"b"}}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := hub.Members["c1"]
	if !c.Spec.LeaderEligible || c.Spec.Region != "us-east1" || c.Spec.MemberUID != "m1" || c.UID == "" {
		t.Errorf("joined as %+v", c)
	}
	for _, says := range []string{"cluster/c1 joined", "may lead", "--kube-context ctx", "--set cluster.uid=" + string(c.UID), "--set federation.uid=fed-uid", "--set bucket=memory:"} {
		if !strings.Contains(text, says) {
			t.Errorf("%q is missing in\n%s", says, text)
		}
	}
	if _, err := joining(t, hub, &member{uid: "m2"}, nil, func(o *joinOptions) { o.name = "c2" }); err != nil || hub.Members["c2"].Spec.LeaderEligible {
		t.Errorf("the second: %v, eligible %v", err, hub.Members["c2"].Spec.LeaderEligible)
	}
}

func TestJoinRefuses(t *testing.T) {
	tests := []struct {
		name    string
		found   *member
		lookErr error
		change  func(*joinOptions)
		says    string
	}{
		{"an unreachable cluster", nil, errors.New(`look at the cluster behind context "ctx": no route`), nil, "no route"},
		{"a name that is another's", &member{uid: "other"}, nil, nil, `clusters.kubectl-fed.io "c1" already exists`},
		{"a name nobody can compare", &member{}, nil, nil, "already exists"},
		{"a member under a second name", &member{uid: "m1"}, nil, func(o *joinOptions) { o.name = "c2" }, `a member already, as "c1"`},
	}
	for _, tt := range tests {
		hub := memory.New()
		if _, err := joining(t, hub, &member{uid: "m1"}, nil, nil); err != nil {
			t.Fatal(err)
		}
		before := hub.Members["c1"].UID
		_, err := joining(t, hub, tt.found, tt.lookErr, tt.change)
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v", tt.name, err)
		}
		if len(hub.Members) != 1 || hub.Members["c1"].UID != before {
			t.Errorf("%s: changed %v", tt.name, hub.Members)
		}
	}
}

func TestJoinAgain(t *testing.T) {
	hub := memory.New()
	first, err := joining(t, hub, &member{uid: "m1"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := joining(t, hub, &member{uid: "m1"}, nil, nil)
	_, command, _ := strings.Cut(again, "Install its agent:")
	if err != nil || !strings.Contains(again, "cluster/c1 unchanged") || !strings.Contains(first, command) {
		t.Errorf("got %v\n%s", err, again)
	}
}

func TestHasLeft(t *testing.T) {
	beat := metav1.NewTime(memory.Epoch)
	tests := []struct {
		status v1alpha1.ClusterStatus
		want   bool
	}{
		{v1alpha1.ClusterStatus{State: v1alpha1.ClusterReady, LastHeartbeat: beat}, false},
		{v1alpha1.ClusterStatus{State: v1alpha1.ClusterLeaving, LastHeartbeat: beat, Remaining: 1, Revision: 3, Applied: 3}, false},
		{v1alpha1.ClusterStatus{State: v1alpha1.ClusterLeaving, LastHeartbeat: beat, Revision: 3, Applied: 2}, false},
		{v1alpha1.ClusterStatus{State: v1alpha1.ClusterLeaving, LastHeartbeat: beat, Revision: 3, Applied: 3}, true},
		{v1alpha1.ClusterStatus{State: v1alpha1.ClusterLeaving, LastHeartbeat: beat}, false},
		{v1alpha1.ClusterStatus{State: v1alpha1.ClusterLeaving, Remaining: 9, Revision: 3}, true},
	}
	for _, tt := range tests {
		if got := hasLeft(tt.status); got != tt.want {
			t.Errorf("%+v: got %v", tt.status, got)
		}
	}
}

func leavable() *memory.Hub {
	hub := memory.New()
	hub.Members["c1"] = v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "c1", UID: "u", ResourceVersion: "1"}}
	return hub
}

func TestUnjoin(t *testing.T) {
	hub := leavable()
	if got := command(t, hub, "", "unjoin", "c1"); got.code != 1 || !strings.Contains(got.err, "--orphan keeps them") || hub.Members["c1"].Spec.Leaving != "" {
		t.Errorf("without a word about the objects: %+v", got)
	}
	got := command(t, hub, "", "unjoin", "c1", "--delete", "--wait=false")
	if got.code != 0 || hub.Members["c1"].Spec.Leaving != v1alpha1.LeavingDelete || len(hub.Rings) != 1 {
		t.Errorf("not waiting: %+v, rings %v", got, hub.Rings)
	}
	got = command(t, hub, "", "unjoin", "c1", "--timeout=10ms")
	if got.code != 1 || !strings.Contains(got.err, "has not let go within 10ms") || len(hub.Members) != 1 {
		t.Errorf("nobody answers: %+v", got)
	}
	hub.Seen["c1"] = v1alpha1.ClusterStatus{UID: "u", State: v1alpha1.ClusterLeaving, LastHeartbeat: metav1.NewTime(memory.Epoch), Revision: 2, Applied: 2}
	got = command(t, hub, "", "unjoin", "c1", "--host-cluster-context=x")
	if got.code != 0 || !strings.Contains(got.out, "cluster/c1 unjoined") || len(hub.Members) != 0 || !strings.Contains(got.err, "--host-cluster-context has no effect") {
		t.Errorf("the rest: %+v", got)
	}
}

func TestUnjoinLeavesALeader(t *testing.T) {
	hub := leavable()
	c1 := hub.Members["c1"]
	c1.Spec.LeaderEligible = true
	hub.Members["c1"] = c1
	hub.Members["c2"] = v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "c2", UID: "v", ResourceVersion: "1"}}
	if got := command(t, hub, "", "unjoin", "c1", "--orphan", "--wait=false"); got.code != 1 || !strings.Contains(got.err, "let c2 leave first") || hub.Members["c1"].Spec.Leaving != "" {
		t.Errorf("the only one that may lead: %+v", got)
	}
	if got := command(t, hub, "", "patch", "cluster", "c2", "--type=merge", "-p", `{"spec":{"leaderEligible":true}}`); got.code != 0 {
		t.Errorf("another is let lead: %+v", got)
	}
	if got := command(t, hub, "", "unjoin", "c1", "--orphan", "--wait=false"); got.code != 0 || hub.Members["c1"].Spec.Leaving == "" {
		t.Errorf("one of two: %+v", got)
	}
}

func TestUnjoinStrikesOffWhomItSawOff(t *testing.T) {
	hub := leavable()
	other := hub.Members["c1"]
	other.ResourceVersion = "7"
	o := &unjoinOptions{session: newSession(t.Context(), genericiooptions.NewTestIOStreamsDiscard(), nil), name: "c1"}
	waitedFor := hub.Members["c1"]
	hub.Members["c1"] = other
	if err := o.strikeOff(t.Context(), hub, &waitedFor); err == nil || !strings.Contains(err.Error(), "run unjoin again") || len(hub.Members) != 1 {
		t.Errorf("changed meanwhile: %v, members %v", err, hub.Members)
	}
	if err := o.strikeOff(t.Context(), hub, &other); err != nil || len(hub.Members) != 0 {
		t.Errorf("as it was: %v, members %v", err, hub.Members)
	}
}

func TestUnjoinByForce(t *testing.T) {
	hub := leavable()
	got := command(t, hub, "", "unjoin", "c1", "--orphan", "--force")
	if got.code != 0 || len(hub.Members) != 0 || !strings.Contains(got.err, "is still there") {
		t.Errorf("%+v", got)
	}
}

func TestCordon(t *testing.T) {
	hub := leavable()
	for _, step := range []struct{ args, out string }{
		{"cordon c1", "cluster/c1 cordoned\n"},
		{"cordon c1", "cluster/c1 already cordoned\n"},
		{"cordon c1 --lost", "cluster/c1 cordoned (lost)\n"},
		{"uncordon c1", "cluster/c1 uncordoned\n"},
	} {
		if got := command(t, hub, "", strings.Fields(step.args)...); got.code != 0 || got.out != step.out {
			t.Errorf("%s: %+v", step.args, got)
		}
	}
	if s := hub.Members["c1"].Spec; s.Cordoned || s.Lost {
		t.Errorf("left as %+v", s)
	}
}

func TestDestroy(t *testing.T) {
	hub := leavable()
	if got := command(t, hub, "", "destroy", "--yes"); got.code != 1 || !strings.Contains(got.err, "1 clusters are still members of fed: c1") || hub.Fed.Name == "" {
		t.Errorf("with a member: %+v", got)
	}
	clear(hub.Members)
	hub.EmptyError = errors.New("out of order")
	if got := command(t, hub, "", "destroy", "--yes"); got.code != 1 || !strings.Contains(got.err, "out of order; run destroy again") || hub.Fed.UID != "fed-uid" {
		t.Errorf("a bucket that cannot be emptied: %+v, %+v", got, hub.Fed)
	}
	hub.EmptyError = nil
	if got := command(t, hub, "", "destroy", "--yes"); got.code != 0 || got.out != "federation/fed destroyed\n" || hub.Fed.Name != "" {
		t.Errorf("%+v", got)
	}
}

func TestDeleteAsks(t *testing.T) {
	hub := memory.New()
	for _, n := range strings.Split("a b c d e f g h i j k", " ") {
		hub.Put(key("default/configmaps/"+n), "{apiVersion: v1, kind: ConfigMap, metadata: {name: "+n+"}}")
	}
	hub.Put(key("_cluster/namespaces/shop"), "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
	hub.Put(key("shop/configmaps/a"), "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
	tests := []struct{ args, says string }{
		{"delete configmaps --all --wait=false", "this deletes 11 objects"},
		{"delete namespace shop --wait=false", "namespace shop with 1 object:"},
	}
	for _, tt := range tests {
		got := command(t, hub, "", strings.Fields(tt.args)...)
		if got.code != 1 || !strings.Contains(got.err, tt.says) || !strings.Contains(got.err, "say --yes") || len(hub.Rings) > 0 {
			t.Errorf("%s: %+v", tt.args, got)
		}
	}
	if got := command(t, hub, "", "delete", "configmap", "a", "--wait=false"); got.code != 0 {
		t.Errorf("one object: %+v", got)
	}
	if got := command(t, hub, "", "delete", "namespace", "shop", "--wait=false", "--yes"); got.code != 0 || !strings.Contains(hub.Body(key("shop/configmaps/a")), "deletionTimestamp") {
		t.Errorf("said yes: %+v", got)
	}
}

func TestApplyPrunes(t *testing.T) {
	hub := memory.New()
	for i, name := range []string{"keep", "drop"} {
		path := file(t, name+".yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "+name+", labels: {app: x}}\n")
		if got := command(t, hub, "", "apply", "-f", path); got.code != 0 {
			t.Fatalf("%+v", got)
		}
		hub.ObjectStates[key("default/configmaps/"+name)] = v1alpha1.ObjectStatus{UID: types.UID("u" + name), SpecGeneration: int64(101 + i)}
	}
	path := file(t, "keep.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: keep, labels: {app: x}}\n")
	got := command(t, hub, "", "apply", "-f", path, "--prune", "-l", "app=x")
	if got.code != 0 || got.out != "configmap/keep unchanged\nconfigmap/drop pruned\n" {
		t.Errorf("%+v", got)
	}
	if strings.Contains(hub.Body(key("default/configmaps/keep")), "deletionTimestamp") || !strings.Contains(hub.Body(key("default/configmaps/drop")), "deletionTimestamp") {
		t.Errorf("left %v", hub.Specs)
	}
	for _, args := range []string{"get nodes -o yaml", "get nodes", "get nodes -l a=b", "get node a"} {
		if got := command(t, hub, "", strings.Fields(args)...); got.code != 1 || !strings.Contains(got.err, "kubectl --context <member> get nodes") {
			t.Errorf("%s: %+v", args, got)
		}
	}
}

func TestDeleteMissing(t *testing.T) {
	hub := memory.New()
	if got := command(t, hub, "", "delete", "--missing"); got.code != 0 || !strings.Contains(got.err, "Nothing is missing") {
		t.Errorf("%+v", got)
	}
	hub.State = &v1alpha1.FederationStatus{Held: []v1alpha1.HeldSpec{
		{Path: "default/configmaps/a.yaml", Reason: v1alpha1.HeldVanished}, {Path: "default/configmaps/bad.yaml", Reason: v1alpha1.HeldCorrupt}}}
	hub.ObjectStates[key("default/configmaps/a")] = v1alpha1.ObjectStatus{UID: "uid-a"}
	if got := command(t, hub, "", "delete", "--missing"); got.code != 1 || !strings.Contains(got.err, "configmaps/a in namespace default\n1 object:") || len(hub.Said) > 0 {
		t.Errorf("unasked: %+v", got)
	}
	if got := command(t, hub, "", "delete", "--missing", "--dry-run=client"); got.code != 0 || got.out != "configmaps/a deletion confirmed (dry run)\n" || len(hub.Said) > 0 {
		t.Errorf("dry run: %+v", got)
	}
	if got := command(t, hub, "", "delete", "--missing", "--yes", "cm", "bad"); got.code != 1 || !strings.Contains(got.err, "configmaps/bad in namespace default is not missing") {
		t.Errorf("not missing: %+v", got)
	}
	got := command(t, hub, "", "delete", "--missing", "--yes", "--cascade=orphan", "cm", "a", "--reason", "cleaned up")
	if got.code != 0 || len(hub.Said) != 1 || len(hub.Rings) != 1 {
		t.Fatalf("%+v, said %v", got, hub.Said)
	}
	r := hub.Said[0]
	if r.Type != v1alpha1.RequestDeleteMissing || !slices.Equal(r.Keys, []v1alpha1.Key{key("default/configmaps/a")}) || r.UIDs[0] != "uid-a" ||
		r.Propagation != v1alpha1.PropagationOrphan || r.Reason != "cleaned up" || r.ID == "" {
		t.Errorf("said %+v", r)
	}
}

func TestApprove(t *testing.T) {
	hub := memory.New()
	hub.State = &v1alpha1.FederationStatus{Held: []v1alpha1.HeldSpec{
		{Path: "default/deployments.apps/web.yaml", Reason: v1alpha1.HeldBudget}, {Path: "default/configmaps/gone.yaml", Reason: v1alpha1.HeldVanished}}}
	if got := command(t, hub, "", "approve"); got.out != "deployments.apps/web in namespace default\n" || len(hub.Said) > 0 {
		t.Errorf("listing: %+v", got)
	}
	if got := command(t, hub, "", "approve", "deploy/other"); got.code != 1 || !strings.Contains(got.err, "is not held") {
		t.Errorf("not held: %+v", got)
	}
	for i, args := range [][]string{{"approve", "deploy/web", "--cluster", "c1"}, {"approve", "--all"}} {
		got := command(t, hub, "", args...)
		if got.code != 0 || len(hub.Said) != i+1 || !slices.Equal(hub.Said[i].Keys, []v1alpha1.Key{key("default/deployments.apps/web")}) {
			t.Errorf("%v: %+v, said %+v", args, got, hub.Said)
		}
	}
	if hub.Said[0].Cluster != "c1" {
		t.Errorf("said %+v", hub.Said[0])
	}
}

func TestDescribe(t *testing.T) {
	hub := memory.New()
	k := key("default/secrets/a")
	hub.Put(k, "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {password: hush}}")
	three := int64(3)
	hub.ObjectStates[k] = v1alpha1.ObjectStatus{UID: "u", CreationTimestamp: metav1.NewTime(memory.Epoch),
		Conditions: []metav1.Condition{{Type: "Available", Status: "False", Reason: "SomeStale", LastTransitionTime: metav1.NewTime(memory.Epoch)}},
		Clusters: []v1alpha1.ObjectClusterStatus{{Cluster: "c1", Replicas: &three, Health: "Current", Synced: true, Counts: map[string]int64{"readyReplicas": 2}},
			{Cluster: "c2", Health: "Unknown", Stale: true, Reason: "ApplyRefused", Message: "quota\texceeded", Adopted: true}},
		Events: []v1alpha1.Event{{Type: "Normal", Reason: "Adopted", Message: "took over", Cluster: "c2", Last: metav1.NewTime(time.Now()), Count: 1}}}
	got := command(t, hub, "", "describe", "secret", "a")
	if got.code != 0 || strings.Contains(got.out, "hush") {
		t.Fatalf("%+v", got)
	}
	for _, says := range []string{"password:  4 characters", "c1       3       2      Current          yes", "Unknown (stale)  no      Adopted; ApplyRefused: quota exceeded",
		"CLUSTER  WANTED  READY  HEALTH", "Available  False", "Normal  Adopted"} {
		if !strings.Contains(got.out, says) {
			t.Errorf("%q is missing in\n%s", says, got.out)
		}
	}
	hub.State = &v1alpha1.FederationStatus{Held: []v1alpha1.HeldSpec{{Path: "default/configmaps/a.yaml", Reason: v1alpha1.HeldVanished, Message: "m"}},
		Events: []v1alpha1.Event{{Type: "Warning", Reason: v1alpha1.EventFrozen, Message: "2 of 3", Last: metav1.NewTime(time.Now()), Count: 2}}}
	for _, says := range []string{"default/configmaps/a.yaml  SpecVanished", "Warning  Frozen"} {
		if got := command(t, hub, "", "describe", "federation"); got.code != 0 || !strings.Contains(got.out, says) {
			t.Errorf("%q is missing in %+v", says, got)
		}
	}
	hub.Members["c1"] = v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "c1", UID: "u"}}
	hub.Seen["c1"] = v1alpha1.ClusterStatus{Cluster: "c1", UID: "u", Events: []v1alpha1.Event{{Type: "Normal", Reason: v1alpha1.EventReturned, Message: "m", Count: 1}}}
	if got := command(t, hub, "", "describe", "cluster", "c1"); got.code != 0 || !strings.Contains(got.out, "Normal  Returned") {
		t.Errorf("%+v", got)
	}
	hub.ObjectStates[key("default/configmaps/gone")] = v1alpha1.ObjectStatus{UID: "ug",
		Conditions: []metav1.Condition{{Type: "Held", Status: "True", Reason: v1alpha1.HeldVanished}},
		Clusters:   []v1alpha1.ObjectClusterStatus{{Cluster: "c1", Health: "Current"}}}
	for args, wrong := range map[string]string{"cm gone": "", "cm gone none": `configmaps "none" not found`} {
		got := command(t, hub, "", append([]string{"describe"}, strings.Fields(args)...)...)
		if (got.code != 0) != (wrong != "") || !strings.Contains(got.err, wrong) || strings.Contains(got.err, "gone") {
			t.Errorf("%s: %+v", args, got)
		}
		for _, says := range []string{"kubectl fed delete --missing configmaps gone -n default", "Held  True", "c1       -       -      Current", "UID:"} {
			if !strings.Contains(got.out, says) {
				t.Errorf("%q is missing in\n%s", says, got.out)
			}
		}
	}
	if got := command(t, hub, "", "describe", "cm", "none"); got.code != 1 || !strings.Contains(got.err, `configmaps "none" not found`) {
		t.Errorf("%+v", got)
	}
}
