package rollout

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// notBegun is the wave before the first.
const notBegun = -1

// step is one decision in the making.
type step struct {
	in Input
	st v1alpha1.RolloutStatus
	// before is what the clocks were at; those of st are written at the end.
	before map[string]metav1.Time
	// wave under way, or notBegun.
	wave int
	// first: no cluster had the object, so there is nothing to be careful with.
	first bool
	undo  bool
	again time.Time
}

// begin carries a rollout on, or starts one for content that is new.
func begin(in Input) *step {
	s := &step{in: in, wave: notBegun}
	prev := in.Previous
	if prev == nil || prev.Hash != in.Hash {
		s.start(prev)
		return s
	}
	s.st = v1alpha1.RolloutStatus{Hash: in.Hash, Generation: in.Generation, Base: prev.Base, Phase: prev.Phase, Wave: prev.Wave,
		Waves: prev.Waves, Started: prev.Started, Healthy: prev.Healthy, Failed: prev.Failed, Message: whyStopped(prev.Message)}
	s.before = prev.Since
	if prev.Waves != 1 { // what began everywhere at once goes on so
		s.st.Waves = int64(waves(in))
	}
	if !prev.Started.IsZero() {
		s.wave = min(int(prev.Wave), int(s.st.Waves)-1)
		s.st.Wave = int64(s.wave)
		s.first = prev.Waves == 1 && s.nobodyHas()
	}
	return s
}

func (s *step) nobodyHas() bool { return s.all(func(c Cluster) bool { return !c.Has }) }

func (s *step) start(prev *v1alpha1.RolloutStatus) {
	s.st = v1alpha1.RolloutStatus{Hash: s.in.Hash, Generation: s.in.Generation, Phase: v1alpha1.RolloutProgressing, Waves: int64(waves(s.in))}
	if prev != nil {
		s.st.Base = prev.Base
	}
	switch {
	case s.all(func(c Cluster) bool { return c.Current }): // nothing to roll out, or nowhere to
		s.st.Phase = v1alpha1.RolloutComplete
		s.reach(int(s.st.Waves) - 1)
	case !s.in.Paused && s.nobodyHas():
		s.first, s.st.Waves = true, 1
		s.reach(0)
	}
}

// waves counts those of the policy, and the last one of all other clusters if
// there are any.
func waves(in Input) int {
	n := max(len(in.Policy.Waves), 1)
	for _, c := range in.Clusters {
		n = max(n, c.Wave+1)
	}
	return n
}

// reach begins a wave.
func (s *step) reach(wave int) {
	s.wave, s.st.Wave = wave, int64(wave)
	s.st.Started, s.st.Healthy = s.now(), metav1.Time{}
}

// now in the precision that a status keeps, never earlier than it is: no wait
// gets shorter by being written down.
func (s *step) now() metav1.Time {
	t := s.in.Now.Truncate(time.Second)
	if t.Before(s.in.Now) {
		t = t.Add(time.Second)
	}
	return metav1.NewTime(t.UTC())
}

func (s *step) all(is func(Cluster) bool) bool {
	return !slices.ContainsFunc(s.in.Clusters, func(c Cluster) bool { return !is(c) })
}

// waveOf is the cluster's wave in this rollout.
func (s *step) waveOf(c Cluster) int { return min(c.Wave, int(s.st.Waves)-1) }

// reached says that the cluster's wave is under way or done, and that the
// cluster counts.
func (s *step) reached(c Cluster) bool { return s.waveOf(c) <= s.wave && s.counts(c) }

// counts leaves out clusters that are silent, but for those that fell silent
// while they were waited for: what they were given may be why. They have until
// the deadline.
func (s *step) counts(c Cluster) bool {
	since, waiting := s.before[c.Name]
	return !c.Silent || waiting && !c.healthy() && s.in.Now.Before(since.Add(s.deadline()))
}

// failed says that the cluster does not become healthy with the new content.
func (s *step) failed(c Cluster) bool {
	if c.Silent || !s.reached(c) || c.healthy() {
		return false
	}
	if c.Current && c.Synced && c.Health == v1alpha1.HealthFailed {
		return true
	}
	since, waiting := s.before[c.Name]
	return waiting && s.given(c) && !s.in.Now.Before(since.Add(s.deadline()))
}

// given says that the cluster has the new content, or gets it with this
// decision.
func (s *step) given(c Cluster) bool { return c.Current || s.reached(c) && !s.in.Paused }

func (s *step) deadline() time.Duration {
	if d := s.in.Policy.Deadline.Duration; d > 0 {
		return d
	}
	return v1alpha1.DefaultRolloutDeadlineSeconds * time.Second
}

// settled says that nothing is waited for in the waves that are under way. A
// cluster that has failed is not waited for: too many of them stop it all.
func (s *step) settled() bool {
	return s.all(func(c Cluster) bool { return !s.reached(c) || c.healthy() || s.failed(c) })
}

// proceed goes as far as it may at this moment.
func (s *step) proceed() {
	s.st.Failed, s.st.Message = nil, ""
	for {
		if s.tooMany() {
			s.stop()
			return
		}
		if s.complete() {
			s.st.Phase, s.st.Healthy = v1alpha1.RolloutComplete, s.now()
			return
		}
		next, ok := s.mayAdvance()
		if !ok {
			return
		}
		s.reach(next)
	}
}

// complete: everything has been reached and nothing is waited for, or every
// cluster has the content anyway.
func (s *step) complete() bool {
	_, more := s.next()
	everywhere := s.all(func(c Cluster) bool { return c.Current })
	return s.heard() && (!more || everywhere) &&
		s.all(func(c Cluster) bool { return !s.counts(c) || c.healthy() || s.failed(c) })
}

// heard says that any cluster answers: from silence nothing is concluded.
func (s *step) heard() bool {
	return len(s.in.Clusters) == 0 || slices.ContainsFunc(s.in.Clusters, func(c Cluster) bool { return !c.Silent })
}

// next is the next wave that has any clusters.
func (s *step) next() (wave int, ok bool) {
	for _, c := range s.in.Clusters {
		if w := s.waveOf(c); w > s.wave && (!ok || w < wave) {
			wave, ok = w, true
		}
	}
	return wave, ok
}

// mayAdvance says which wave begins now, and else what phase this is.
func (s *step) mayAdvance() (int, bool) {
	if !s.settled() || !s.heard() {
		s.st.Phase, s.st.Healthy = s.unlessPaused(v1alpha1.RolloutProgressing), metav1.Time{}
		return 0, false
	}
	if s.st.Healthy.IsZero() && s.wave != notBegun {
		s.st.Healthy = s.now()
	}
	next, more := s.next()
	due := s.due()
	if s.in.Paused || !more || !s.approved(next) || s.in.Now.Before(due) {
		s.st.Phase = s.unlessPaused(v1alpha1.RolloutWaiting)
		switch {
		case more && !s.approved(next):
			awaiting := int64(next)
			s.st.Awaiting = &awaiting
		case more && !s.in.Paused:
			s.wake(due)
		}
		return 0, false
	}
	return next, true
}

func (s *step) unlessPaused(p v1alpha1.RolloutPhase) v1alpha1.RolloutPhase {
	if s.in.Paused {
		return v1alpha1.RolloutPaused
	}
	return p
}

// due is when the wave has been healthy for long enough. One without a cluster
// that answers has nothing to wait for.
func (s *step) due() time.Time {
	inWave := func(c Cluster) bool { return s.waveOf(c) == s.wave && s.counts(c) }
	if s.wave == notBegun || !slices.ContainsFunc(s.in.Clusters, inWave) {
		return time.Time{}
	}
	hold := s.in.Policy.MinHealthyTime.Duration
	if s.wave < len(s.in.Policy.Waves) {
		hold += s.in.Policy.Waves[s.wave].Pause.Duration
	}
	return s.st.Healthy.Add(hold)
}

// approved says whether a user's word lets the wave begin, if it takes one.
func (s *step) approved(wave int) bool {
	if wave >= len(s.in.Policy.Waves) || !s.in.Policy.Waves[wave].Approval {
		return true
	}
	upTo, hash, ok := ParseApproval(s.in.Approved)
	return ok && hash == s.in.Hash && int64(wave) <= upTo
}

// tooMany clusters failed. A paused rollout is left as it is.
func (s *step) tooMany() bool {
	s.st.Failed = s.names(s.failed)
	return !s.in.Paused && int64(len(s.st.Failed)) > s.in.Policy.MaxFailedClusters
}

func (s *step) stop() {
	s.st.Phase, s.st.Healthy = v1alpha1.RolloutStopped, metav1.Time{}
	s.st.Message = s.tooManyFailed()
	s.takeBack()
}

// takeBack undoes what has stopped, where that is wanted and can be. What could
// not be at first is once the old content is at hand.
func (s *step) takeBack() {
	if s.in.Policy.OnFailure != v1alpha1.RolloutUndo && s.st.Phase == v1alpha1.RolloutStopped {
		return
	}
	s.undo = s.in.CanUndo && s.st.Base != 0
	if s.undo {
		s.st.Phase = v1alpha1.RolloutUndone
	}
}

func (s *step) names(is func(Cluster) bool) []string {
	var names []string
	for _, c := range s.in.Clusters {
		if is(c) {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	return names
}

// wake asks for another decision at t, if nothing asks for an earlier one.
func (s *step) wake(t time.Time) {
	if s.again.IsZero() || t.Before(s.again) {
		s.again = t
	}
}

func (s *step) output() Output {
	if s.st.Phase == v1alpha1.RolloutComplete {
		s.st.Base = s.in.Generation
	}
	s.keepTime()
	s.st.Updated = s.names(func(c Cluster) bool { return !s.undo && (c.Current || s.may(c) && !c.Silent) })
	s.st.Skipped = s.names(func(c Cluster) bool { return c.Silent && !(c.Current && c.Synced) })
	s.st.Message = s.message()
	out := Output{Status: s.st, Undo: s.undo, Again: s.again, May: make([]bool, len(s.in.Clusters))}
	for i, c := range s.in.Clusters {
		out.May[i] = s.may(c)
	}
	return out
}

func (s *step) may(c Cluster) bool {
	switch s.st.Phase {
	case v1alpha1.RolloutComplete:
		return true
	case v1alpha1.RolloutUndone:
		return c.Current && !s.undo
	case v1alpha1.RolloutStopped, v1alpha1.RolloutPaused:
		return c.Current
	}
	return c.Current || s.first || s.reached(c)
}

// keepTime notes since when each cluster is waited for. One that was skipped
// has all the time again once it is back.
func (s *step) keepTime() {
	switch s.st.Phase {
	case v1alpha1.RolloutComplete, v1alpha1.RolloutStopped, v1alpha1.RolloutUndone:
		return
	}
	for _, c := range s.in.Clusters {
		if !s.reached(c) || !s.given(c) || c.healthy() {
			continue
		}
		since, ok := s.before[c.Name]
		if !ok {
			since = s.now()
		}
		if s.st.Since == nil {
			s.st.Since = map[string]metav1.Time{}
		}
		s.st.Since[c.Name] = since
		if !s.in.Paused && !s.failed(c) {
			s.wake(since.Add(s.deadline()))
		}
	}
}
