package observe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// fakePods are the pods, ReplicaSets and events that the test says.
type fakePods struct {
	mu     sync.Mutex
	pods   []corev1.Pod
	sets   []metav1.PartialObjectMetadata
	events []corev1.Event
	fail   error
	listed map[string]int
	busy   int
	most   int
}

func newFakePods() *fakePods { return &fakePods{listed: map[string]int{}} }

func (f *fakePods) begin(what string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listed[what]++
	f.busy++
	f.most = max(f.most, f.busy)
	return f.fail
}

func (f *fakePods) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy--
}

func (f *fakePods) Unassigned(_ context.Context, _, selector string, visit func(*corev1.Pod)) error {
	defer f.end()
	if err := f.begin("pods"); err != nil {
		return err
	}
	time.Sleep(time.Millisecond)
	match, err := labels.Parse(selector)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.pods {
		if match.Matches(labels.Set(f.pods[i].Labels)) {
			visit(&f.pods[i])
		}
	}
	return nil
}

func (f *fakePods) ReplicaSets(context.Context, string, string) ([]metav1.PartialObjectMetadata, error) {
	defer f.end()
	if err := f.begin("replicasets"); err != nil {
		return nil, err
	}
	return f.sets, nil
}

func (f *fakePods) FailedCreates(_ context.Context, _ string, uid types.UID) ([]corev1.Event, error) {
	defer f.end()
	if err := f.begin("events"); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []corev1.Event
	for _, e := range f.events {
		if e.InvolvedObject.UID == uid {
			out = append(out, e)
		}
	}
	return out, nil
}

func (f *fakePods) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fakePods) lists() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for what, times := range f.listed {
		n += times
		delete(f.listed, what)
	}
	return n
}

// pod is one that has found no node for so long.
func pod(owner types.UID, hash string, since time.Duration) corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Labels:          map[string]string{"app": "web", labelTemplate: hash, labelRevision: hash},
			OwnerReferences: []metav1.OwnerReference{{UID: owner, Controller: ptr.To(true)}},
		},
		Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable,
			LastTransitionTime: metav1.NewTime(time.Now().Add(-since)),
		}}},
	}
}

func replicaSet(uid, owner types.UID, number int, hash string) metav1.PartialObjectMetadata {
	return metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		UID: uid, Labels: map[string]string{labelTemplate: hash}, Annotations: map[string]string{annotationNumber: fmt.Sprint(number)},
		OwnerReferences: []metav1.OwnerReference{{UID: owner, Controller: ptr.To(true)}},
	}}
}

// held is an engine that holds all but what the test lets go.
type held struct {
	mu    sync.Mutex
	gone  bool
	stirs int
}

func (h *held) Holds(v1alpha1.Key, types.UID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.gone
}

func (h *held) Stir() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stirs++
}

func inspect(t *testing.T, test func(t *testing.T, f *fakePods, h *held, i *Inspector)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f, h := newFakePods(), &held{}
		i := NewInspector(f, clock.RealClock{})
		ctx, cancel := context.WithCancel(quiet())
		done := make(chan struct{})
		go func() {
			defer close(done)
			i.Run(ctx, h)
		}()
		test(t, f, h, i)
		cancel()
		<-done
	})
}

// workload is one of kind with so many of its replicas ready.
func workload(t *testing.T, kind, name string, generation, wanted, ready int64) *unstructured.Unstructured {
	t.Helper()
	group, spec := "apps/v1", fmt.Sprintf(`"replicas":%d`, wanted)
	status := fmt.Sprintf(`"observedGeneration":%d,"replicas":%d,"fullyLabeledReplicas":%[2]d,"updatedReplicas":%[2]d,"readyReplicas":%d,"availableReplicas":%[3]d,"updateRevision":"new","currentRevision":"new","currentReplicas":%[2]d,"conditions":[{"type":"Available","status":"True"},{"type":"Progressing","status":"True","reason":"NewReplicaSetAvailable"}]`, generation, wanted, ready)
	if kind == "Job" {
		group, spec = "batch/v1", fmt.Sprintf(`"parallelism":%d,"completions":%[1]d`, wanted)
		status = fmt.Sprintf(`"startTime":"2026-01-01T00:00:00Z","active":%d,"ready":%d`, wanted, ready)
	}
	u := &unstructured.Unstructured{}
	text := fmt.Sprintf(`{"apiVersion":%q,"kind":%q,"metadata":{"name":%q,"namespace":"ns","uid":"u-%[3]s","generation":%d},"spec":{%s,"selector":{"matchLabels":{"app":"web"}}},"status":{%s}}`,
		group, kind, name, generation, spec, status)
	if err := u.UnmarshalJSON([]byte(text)); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return u
}

// says is the report of an object as the inspector amends it.
func (i *Inspector) says(u *unstructured.Unstructured) v1alpha1.ObjectReport {
	o := i.Judge(u)
	gk := u.GroupVersionKind().GroupKind()
	i.Amend(v1alpha1.Key{Namespace: u.GetNamespace(), Resource: workloads[gk], Group: gk.Group, Name: u.GetName()}, &o)
	return o
}

func TestPodsWithoutANodeAreCounted(t *testing.T) {
	for kind, owner := range map[string]types.UID{"Deployment": "rs-new", "ReplicaSet": "u-web", "StatefulSet": "u-web", "Job": "u-web"} {
		t.Run(kind, func(t *testing.T) {
			inspect(t, func(t *testing.T, f *fakePods, h *held, i *Inspector) {
				f.sets = []metav1.PartialObjectMetadata{
					replicaSet("rs-new", "u-web", 10, "new"), replicaSet("rs-old", "u-web", 9, "old"), replicaSet("rs-other", "u-other", 99, "other"),
				}
				scheduled := pod(owner, "new", time.Hour)
				scheduled.Spec.NodeName = "n"
				leaving := pod(owner, "new", time.Hour)
				leaving.DeletionTimestamp = ptr.To(metav1.Now())
				waiting := pod(owner, "new", time.Hour)
				waiting.Status.Conditions[0].Reason = "SchedulingGated"
				f.pods = []corev1.Pod{
					pod(owner, "new", 2*time.Minute), pod(owner, "new", 2*time.Minute), pod("u-stranger", "new", time.Hour),
					pod("rs-old", "old", time.Hour), scheduled, leaving, waiting,
				}
				web := workload(t, kind, "web", 1, 5, 2)
				if o := i.says(web); o.Unschedulable != 0 {
					t.Errorf("before any look: %+v", o)
				}
				wait(lookEvery + time.Second)
				if o := i.says(web); o.Unschedulable != 2 || h.stirs != 1 || !strings.HasSuffix(o.Message, "pods without a node: 2") {
					t.Errorf("%d unschedulable, want 2; told %d times, %q", o.Unschedulable, h.stirs, o.Message)
				}
				if o := i.says(workload(t, kind, "web", 1, 5, 5)); o.Unschedulable != 0 {
					t.Errorf("once all are ready: %d", o.Unschedulable)
				}
			})
		})
	}
}

func TestAPodCountsAfterAMinuteWithoutAnyOtherSign(t *testing.T) {
	inspect(t, func(t *testing.T, f *fakePods, h *held, i *Inspector) {
		f.pods = []corev1.Pod{pod("u-web", "new", 0), pod("u-web", "new", -10*time.Second)}
		web := workload(t, "ReplicaSet", "web", 1, 5, 3)
		i.Judge(web)
		wait(unschedulableAfter - time.Second)
		if o := i.says(web); o.Unschedulable != 0 {
			t.Errorf("after 59 s: %d", o.Unschedulable)
		}
		wait(2 * time.Second)
		if o := i.says(web); o.Unschedulable != 1 {
			t.Errorf("after 61 s: %d", o.Unschedulable)
		}
		wait(lookEvery)
		if o := i.says(web); o.Unschedulable != 2 || h.stirs != 2 {
			t.Errorf("after 76 s: %d, told %d times", o.Unschedulable, h.stirs)
		}
	})
}

func TestHealthyWorkloadsAreLeftAlone(t *testing.T) {
	inspect(t, func(t *testing.T, f *fakePods, _ *held, i *Inspector) {
		for _, kind := range []string{"Deployment", "ReplicaSet", "StatefulSet", "Job"} {
			i.Judge(workload(t, kind, "web", 1, 5, 5))
			i.Judge(workload(t, kind, "none", 1, 0, 0))
		}
		// A rollout that is done within seconds costs nothing either.
		i.Judge(workload(t, "Deployment", "quick", 1, 5, 0))
		wait(lookEvery - time.Second)
		i.Judge(workload(t, "Deployment", "quick", 1, 5, 5))
		wait(time.Hour)
		if n := f.lists(); n != 0 {
			t.Errorf("%d lists in an hour in which all was well", n)
		}
	})
}

func TestLooksAreBounded(t *testing.T) {
	inspect(t, func(t *testing.T, f *fakePods, h *held, i *Inspector) {
		const many = 50
		for n := range many {
			i.Judge(workload(t, "ReplicaSet", fmt.Sprintf("r%d", n), 1, 5, 2))
		}
		wait(lookEvery + time.Second)
		if n := f.lists(); n != many || f.most > looksAtOnce {
			t.Errorf("%d lists of %d objects, %d at once", n, many, f.most)
		}
		for n := range 60 { // a status that never rests
			for m := range many {
				i.Judge(workload(t, "ReplicaSet", fmt.Sprintf("r%d", m), 1, 5, int64(n%2)))
			}
			wait(time.Second)
		}
		if n := f.lists(); n > many*4 {
			t.Errorf("%d lists of %d objects in a minute", n, many)
		}
		wait(10 * time.Minute) // the same again and again
		f.lists()
		wait(10 * time.Minute)
		if n := f.lists(); n != many*5 {
			t.Errorf("%d lists in ten minutes in which nothing changed", n)
		}
		h.mu.Lock()
		h.gone = true
		h.mu.Unlock()
		wait(10 * time.Minute)
		if f.lists(); len(i.subjects) != 0 {
			t.Errorf("%d objects that are held no longer are kept in mind", len(i.subjects))
		}
	})
}

func TestAnotherSpecStartsAnew(t *testing.T) {
	inspect(t, func(t *testing.T, f *fakePods, _ *held, i *Inspector) {
		f.pods = []corev1.Pod{pod("u-web", "new", time.Hour), pod("u-web", "new", time.Hour), pod("u-web", "new", time.Hour)}
		i.Judge(workload(t, "ReplicaSet", "web", 1, 5, 2))
		wait(lookEvery + time.Second)
		scaled := workload(t, "ReplicaSet", "web", 2, 3, 2)
		if o := i.says(scaled); o.Unschedulable != 0 {
			t.Errorf("the last spec's pods are said of the next: %d", o.Unschedulable)
		}
		f.set(func() { f.pods = f.pods[:1] })
		wait(lookEvery)
		if o := i.says(scaled); o.Unschedulable != 1 {
			t.Errorf("%d, want 1", o.Unschedulable)
		}
	})
}

func TestWhatIsForbiddenCountsNothing(t *testing.T) {
	inspect(t, func(t *testing.T, f *fakePods, h *held, i *Inspector) {
		f.fail = fmt.Errorf("list pods: %w", apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New("no")))
		f.pods = []corev1.Pod{pod("u-web", "new", time.Hour)}
		web := workload(t, "ReplicaSet", "web", 1, 5, 2)
		i.Judge(web)
		wait(lookForbidden)
		if o := i.says(web); o.Unschedulable != 0 || h.stirs != 0 || !i.told["pods"] {
			t.Errorf("%+v, told %d times, logged %v", o, h.stirs, i.told)
		}
		if n := f.lists(); n != 1 {
			t.Errorf("%d lists while it is forbidden", n)
		}
		f.set(func() { f.fail = errors.New("connection refused") })
		wait(lookForbidden)
		f.set(func() { f.fail = nil })
		wait(lookEvery + time.Second)
		if o := i.says(web); o.Unschedulable != 1 {
			t.Errorf("once it is allowed: %+v", o)
		}
	})
}

const quotaWords = `pods "web-abcde" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2`

func TestRefusedPodsAreSaidInTheServersWords(t *testing.T) {
	for name, tc := range map[string]struct{ words, reason string }{
		"a quota":       {quotaWords, v1alpha1.ReasonQuotaExceeded},
		"a bare quota":  {`pods "web-0" is forbidden: failed quota: small: must specify limits.cpu`, v1alpha1.ReasonQuotaExceeded},
		"a policy":      {`pods "web-abcde" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false`, v1alpha1.ReasonPodsRefused},
		"a webhook":     {`admission webhook "w.example.com" denied the request: no`, v1alpha1.ReasonPodsRefused},
		"a long speech": {strings.Repeat("no ", 1000), v1alpha1.ReasonPodsRefused},
	} {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []string{"Deployment", "ReplicaSet"} {
				u := workload(t, kind, "web", 1, 5, 2)
				condition := map[string]any{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": tc.words}
				if err := unstructured.SetNestedSlice(u.Object, []any{condition}, "status", "conditions"); err != nil {
					t.Fatal(err)
				}
				if o := Judge(u); o.Reason != tc.reason || o.Message != clip(tc.words) || o.Health != v1alpha1.HealthInProgress {
					t.Errorf("%s: %+v", kind, o)
				}
			}
			for _, kind := range []string{"StatefulSet", "Job", "DaemonSet"} {
				inspect(t, func(t *testing.T, f *fakePods, _ *held, i *Inspector) {
					f.events = []corev1.Event{
						{InvolvedObject: corev1.ObjectReference{UID: "u-web"}, Message: "earlier words", LastTimestamp: metav1.NewTime(time.Now().Add(-time.Minute))},
						{InvolvedObject: corev1.ObjectReference{UID: "u-web"}, Message: tc.words, EventTime: metav1.NewMicroTime(time.Now())},
						{InvolvedObject: corev1.ObjectReference{UID: "u-other"}, Message: "another's", LastTimestamp: metav1.NewTime(time.Now().Add(time.Minute))},
					}
					u := workload(t, kind, "web", 1, 5, 2)
					for path, n := range map[string]int64{"replicas": 2, "active": 2, "desiredNumberScheduled": 5, "currentNumberScheduled": 2} {
						if err := unstructured.SetNestedField(u.Object, n, "status", path); err != nil {
							t.Fatal(err)
						}
					}
					i.Judge(u)
					wait(lookEvery + time.Second)
					if o := i.says(u); o.Reason != tc.reason || o.Message != clip(tc.words) || o.Health != v1alpha1.HealthInProgress {
						t.Errorf("%s: %+v", kind, o)
					}
					wait(refusalLasts + lookSeldom)
					if o := i.says(u); o.Reason == tc.reason {
						t.Errorf("%s: words that nobody repeats are still said: %+v", kind, o)
					}
				})
			}
		})
	}
}

func TestJobsThatAreOverLackNothing(t *testing.T) {
	for name, change := range map[string]func(u *unstructured.Unstructured) error{
		"complete": func(u *unstructured.Unstructured) error {
			return unstructured.SetNestedSlice(u.Object, []any{map[string]any{"type": "Complete", "status": "True"}}, "status", "conditions")
		},
		"failed": func(u *unstructured.Unstructured) error {
			return unstructured.SetNestedSlice(u.Object, []any{map[string]any{"type": "Failed", "status": "True"}}, "status", "conditions")
		},
		"suspended": func(u *unstructured.Unstructured) error {
			return unstructured.SetNestedField(u.Object, true, "spec", "suspend")
		},
		"succeeded": func(u *unstructured.Unstructured) error {
			return unstructured.SetNestedField(u.Object, int64(5), "status", "succeeded")
		},
		"being deleted": func(u *unstructured.Unstructured) error {
			u.SetDeletionTimestamp(ptr.To(metav1.Now()))
			return nil
		},
	} {
		u := workload(t, "Job", "web", 1, 5, 0)
		if err := change(u); err != nil {
			t.Fatal(err)
		}
		if s := suspectOf(v1alpha1.Key{}, u, Judge(u).Health); s != nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestANamespaceSaysWhatRemains(t *testing.T) {
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON([]byte(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n","deletionTimestamp":"2026-01-01T00:00:00Z"},"status":{"phase":"Terminating","conditions":[
		{"type":"NamespaceDeletionDiscoveryFailure","status":"False","message":"all well"},
		{"type":"NamespaceFinalizersRemaining","status":"True","message":"Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"}]}}`)); err != nil {
		t.Fatal(err)
	}
	if o := Judge(u); o.Health != v1alpha1.HealthTerminating || !strings.Contains(o.Message, "example.com/hold in 1") || strings.Contains(o.Message, "all well") {
		t.Errorf("%+v", o)
	}
}
