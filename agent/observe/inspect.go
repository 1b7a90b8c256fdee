package observe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// unschedulableAfter is how long a pod must have been without a node to
	// count: a cluster that grows by itself has made one by then.
	unschedulableAfter = time.Minute
	// lookEvery is the least time between two looks at one object, and how long
	// one may lack pods before the first: most have them by then.
	lookEvery = 15 * time.Second
	// lookSeldom is the most, when the looks show the same again and again.
	lookSeldom = 2 * time.Minute
	// lookForbidden is how long to wait when the API server lets the agent not look.
	lookForbidden = 10 * time.Minute
	// settling is how long controllers have to answer a change of the spec.
	settling = 2 * time.Second
	// looksAtOnce bounds the requests under way.
	looksAtOnce = 4
	// refusalLasts is for how long an event that pods were refused is news;
	// controllers try again within that time.
	refusalLasts = 20 * time.Minute
)

// Held is what the member runs for the federation, as apply's engine knows it.
type Held interface {
	// Holds says that this object is still wanted and there.
	Holds(key v1alpha1.Key, live types.UID) bool
	// Stir tells that reports have changed.
	Stir()
}

// Inspector looks closer at workloads that lack pods: it counts the pods that
// find no node, and finds the API server's words where pods are refused. It asks
// nothing about workloads that lack none.
type Inspector struct {
	pods  Pods
	clock clock.WithTicker
	wake  chan struct{}

	mu       sync.Mutex
	subjects map[v1alpha1.Key]*subject
	next     time.Time       // when Run looks again by itself
	told     map[string]bool // of what is forbidden, by words
}

// subject is a suspect and what was found about it.
type subject struct {
	suspect
	found  insight
	looked time.Time // the last time; zero if never
	due    time.Time
	pause  time.Duration
}

// insight is what a look gives.
type insight struct {
	unschedulable   int64
	reason, message string
}

// NewInspector makes an inspector that has seen nothing.
func NewInspector(pods Pods, c clock.WithTicker) *Inspector {
	return &Inspector{pods: pods, clock: c, wake: make(chan struct{}, 1), subjects: map[v1alpha1.Key]*subject{}, told: map[string]bool{}}
}

// Judge judges an object, and keeps it in mind if it lacks pods.
func (i *Inspector) Judge(u *unstructured.Unstructured) v1alpha1.ObjectReport {
	o := Judge(u)
	gk := u.GroupVersionKind().GroupKind()
	if resource := workloads[gk]; resource != "" {
		key := v1alpha1.Key{Namespace: u.GetNamespace(), Resource: resource, Group: gk.Group, Name: u.GetName()}
		i.note(key, suspectOf(key, u, o.Health))
	}
	return o
}

func (i *Inspector) note(key v1alpha1.Key, s *suspect) {
	i.mu.Lock()
	defer i.mu.Unlock()
	old, now := i.subjects[key], i.clock.Now()
	switch {
	case s == nil:
		delete(i.subjects, key)
		return
	case old == nil || old.uid != s.uid:
		old = &subject{suspect: *s, due: now.Add(lookEvery), pause: lookEvery}
		i.subjects[key] = old
	case old.suspect == *s:
		return
	default:
		old.update(*s, now)
	}
	if old.due.Before(i.next) {
		poke(i.wake)
	}
}

// update takes over a newer status, and makes the next look come soon.
func (s *subject) update(to suspect, now time.Time) {
	if to.generation != s.generation {
		s.found = insight{} // it was about another spec
	}
	if !to.unready {
		s.found.unschedulable = 0
	}
	if !to.missing {
		s.found.reason, s.found.message = "", ""
	}
	s.suspect, s.pause = to, lookEvery
	soon := now.Add(settling)
	if next := s.looked.Add(lookEvery); next.After(soon) {
		soon = next
	}
	if soon.Before(s.due) && !s.looked.IsZero() {
		s.due = soon
	}
}

// Amend adds to a report what was found.
func (i *Inspector) Amend(key v1alpha1.Key, o *v1alpha1.ObjectReport) {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := i.subjects[key]
	if s == nil {
		return
	}
	if o.Unschedulable = min(s.found.unschedulable, s.wanted); o.Unschedulable > 0 {
		o.Message = clip(strings.TrimPrefix(fmt.Sprintf("%s; pods without a node: %d", o.Message, o.Unschedulable), "; "))
	}
	if s.found.reason == "" {
		return
	}
	o.Reason, o.Message = s.found.reason, s.found.message
	if o.Health == v1alpha1.HealthCurrent {
		o.Health = v1alpha1.HealthInProgress
	}
}

// Run looks until the context ends.
func (i *Inspector) Run(ctx context.Context, held Held) {
	for ctx.Err() == nil {
		i.round(ctx, held)
		timer := i.clock.NewTimer(i.untilDue())
		select {
		case <-ctx.Done():
		case <-i.wake:
		case <-timer.C():
		}
		timer.Stop()
	}
}

func (i *Inspector) untilDue() time.Duration {
	i.mu.Lock()
	defer i.mu.Unlock()
	now, wait := i.clock.Now(), lookForbidden
	for _, s := range i.subjects {
		wait = min(wait, max(s.due.Sub(now), 0))
	}
	i.next = now.Add(wait)
	return wait
}

// round looks at all that are due.
func (i *Inspector) round(ctx context.Context, held Held) {
	var looking sync.WaitGroup
	turns := make(chan struct{}, looksAtOnce)
	for _, s := range i.due(held) {
		turns <- struct{}{}
		looking.Go(func() {
			defer func() { <-turns }()
			found, mark, err := i.look(ctx, s)
			if ctx.Err() == nil && i.learn(ctx, s, found, mark, err) {
				held.Stir()
			}
		})
	}
	looking.Wait()
}

// due are the subjects whose time has come. Those that are no longer held are
// forgotten.
func (i *Inspector) due(held Held) []suspect {
	i.mu.Lock()
	var out []suspect
	for _, s := range i.subjects {
		if !s.due.After(i.clock.Now()) {
			out = append(out, s.suspect)
		}
	}
	i.mu.Unlock()
	kept := out[:0]
	for _, s := range out {
		if held.Holds(s.key, s.uid) {
			kept = append(kept, s)
			continue
		}
		i.mu.Lock()
		delete(i.subjects, s.key)
		i.mu.Unlock()
	}
	return kept
}

// learn keeps what was found; true when that is news. mark, if set, is when
// the next pod will have been without a node for long enough.
func (i *Inspector) learn(ctx context.Context, about suspect, found insight, mark time.Time, err error) bool {
	wait := i.grumble(ctx, about, err)
	i.mu.Lock()
	defer i.mu.Unlock()
	s, now := i.subjects[about.key], i.clock.Now()
	if s == nil || s.uid != about.uid {
		return false
	}
	s.looked = now
	if err != nil && !apierrors.IsForbidden(err) {
		s.due = now.Add(wait)
		return false
	}
	if s.generation != about.generation {
		s.due = now.Add(lookEvery)
		return false
	}
	news := s.found != found
	s.pause = min(2*s.pause, lookSeldom)
	if news {
		s.pause = lookEvery
	}
	s.found, s.due = found, now.Add(max(s.pause, wait))
	if soonest := now.Add(lookEvery); !mark.IsZero() && mark.Before(s.due) {
		s.due = soonest
		if mark.After(soonest) {
			s.due = mark
		}
	}
	return news
}

// grumble logs what went wrong, once if only an administrator can mend it, and
// says how long to wait at least.
func (i *Inspector) grumble(ctx context.Context, about suspect, err error) time.Duration {
	switch {
	case err == nil:
		return 0
	case !apierrors.IsForbidden(err):
		logf.FromContext(ctx).V(1).Info("cannot look why pods are lacking, will retry", "object", about.key.String(), "error", err.Error())
		return lookEvery
	}
	what := "pods"
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil {
		what = status.Status().Details.Kind
	}
	i.mu.Lock()
	told := i.told[what]
	i.told[what] = true
	i.mu.Unlock()
	if !told {
		logf.FromContext(ctx).Info("the API server does not let the agent look why workloads lack pods; the chart's value rbac.pods allows it",
			"resource", what, "error", clip(err.Error()))
	}
	return lookForbidden
}

// look asks the API server about one workload. What is forbidden is left out,
// and told by the error.
func (i *Inspector) look(ctx context.Context, s suspect) (found insight, mark time.Time, err error) {
	if s.unready {
		found.unschedulable, mark, err = i.count(ctx, s)
	}
	if s.missing && (err == nil || apierrors.IsForbidden(err)) {
		events, failed := i.pods.FailedCreates(ctx, s.key.Namespace, s.uid)
		found.reason, found.message = newestRefusal(events, i.clock.Now())
		err = errors.Join(err, failed)
	}
	return found, mark, err
}

// count counts the pods of the newest template that have found no node for a
// minute, and says when the next will.
func (i *Inspector) count(ctx context.Context, s suspect) (n int64, mark time.Time, err error) {
	owner, selector := s.uid, s.selector
	switch {
	case s.kind == "Deployment":
		sets, err := i.pods.ReplicaSets(ctx, s.key.Namespace, selector)
		if err != nil {
			return 0, mark, err
		}
		newest := newestOf(s.uid, sets)
		if newest == nil {
			return 0, mark, nil
		}
		owner = newest.UID
		if hash := newest.Labels[labelTemplate]; hash != "" {
			selector += "," + labelTemplate + "=" + hash
		}
	case s.revision != "":
		selector += "," + labelRevision + "=" + s.revision
	}
	now := i.clock.Now()
	err = i.pods.Unassigned(ctx, s.key.Namespace, selector, func(p *corev1.Pod) {
		since, is := unschedulableSince(p)
		if by := metav1.GetControllerOf(p); !is || by == nil || by.UID != owner {
			return
		}
		ripe := since.Add(unschedulableAfter)
		switch {
		case !ripe.After(now):
			n++
		case mark.IsZero() || ripe.Before(mark):
			mark = ripe
		}
	})
	return n, mark, err
}
