package rollout

import (
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// message is one line for people.
func (s *step) message() string {
	switch s.st.Phase {
	case v1alpha1.RolloutComplete:
		return s.whenComplete()
	case v1alpha1.RolloutStopped:
		return s.st.Message + s.whyNotUndone()
	case v1alpha1.RolloutUndone:
		return s.st.Message
	case v1alpha1.RolloutPaused:
		return "paused; " + s.progress()
	case v1alpha1.RolloutWaiting:
		return s.progress() + s.waitsFor()
	}
	return s.progress()
}

func (s *step) whenComplete() string {
	text := "complete"
	if n := len(s.st.Failed); n > 0 {
		text += "; " + clusters(n) + " failed, as many are allowed: " + list(s.st.Failed)
	}
	return text + s.skipped()
}

// progress of the wave under way.
func (s *step) progress() string {
	if s.wave == notBegun {
		return "no wave has begun" + s.skipped()
	}
	reached := s.names(s.reached)
	healthy := s.names(func(c Cluster) bool { return s.reached(c) && c.healthy() })
	text := fmt.Sprintf("wave %d of %d: %d of %s healthy", s.wave+1, s.st.Waves, len(healthy), clusters(len(reached)))
	if waiting := s.names(func(c Cluster) bool { return s.reached(c) && !c.healthy() && !s.failed(c) }); len(waiting) > 0 {
		text += "; waiting for " + list(waiting)
	}
	if len(s.st.Failed) > 0 {
		text += "; failed: " + list(s.st.Failed)
	}
	if !s.heard() {
		text += "; no cluster answers"
	}
	return text + s.skipped()
}

func (s *step) skipped() string {
	if len(s.st.Skipped) == 0 {
		return ""
	}
	return "; silent, to catch up when back: " + list(s.st.Skipped)
}

func (s *step) waitsFor() string {
	next, more := s.next()
	switch {
	case !more:
		return ""
	case !s.approved(next):
		return fmt.Sprintf("; wave %d waits for `kubectl fed rollout approve`", next+1)
	}
	return fmt.Sprintf("; wave %d begins at %s", next+1, s.due().UTC().Format(time.RFC3339))
}

func (s *step) tooManyFailed() string {
	return fmt.Sprintf("%s failed in wave %d of %d, %d allowed: %s", clusters(len(s.st.Failed)), s.wave+1, s.st.Waves,
		s.in.Policy.MaxFailedClusters, list(s.st.Failed))
}

// notUndone begins what says that an undo is wanted and cannot be.
const notUndone = "; not undone: "

func (s *step) whyNotUndone() string {
	switch {
	case s.in.Policy.OnFailure != v1alpha1.RolloutUndo:
		return ""
	case s.st.Base == 0:
		return notUndone + "no earlier version was ever rolled out completely"
	}
	return notUndone + "the last good version cannot be read back, or it is the Placement that was changed"
}

// whyStopped is a message without what whyNotUndone said: that may have changed.
func whyStopped(message string) string {
	why, _, _ := strings.Cut(message, notUndone)
	return why
}

func clusters(n int) string {
	if n == 1 {
		return "1 cluster"
	}
	return fmt.Sprintf("%d clusters", n)
}

// list names a few, and counts the others.
func list(names []string) string {
	const most = 8
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
