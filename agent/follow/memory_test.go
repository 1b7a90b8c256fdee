package follow

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/go-logr/logr"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// fakeMemory is a member's, which a test restores from a backup.
type fakeMemory struct {
	mu      sync.Mutex
	mark    Mark
	failing error
	stores  int
}

func (m *fakeMemory) Recall(context.Context) (Mark, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mark, m.failing
}

func (m *fakeMemory) Store(_ context.Context, mark Mark) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failing != nil {
		return m.failing
	}
	m.mark = mark
	m.stores++
	return nil
}

func (m *fakeMemory) set(mark Mark, failing error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mark, m.failing = mark, failing
}

func (m *fakeMemory) get() Mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mark
}

// remembering claims the name for a member with a memory, and runs.
func remembering(t *testing.T, b *fakeBucket, m *fakeMemory, agent string) (*Member, *speaker) {
	t.Helper()
	c, s := configOf(b, identity(agent, "m"))
	if c.Memory = nil; m != nil {
		c.Memory = m
	}
	ctx, cancel := context.WithCancel(logf.IntoContext(context.Background(), logr.Discard()))
	s.stop = cancel
	member, err := Claim(ctx, c)
	if err != nil {
		t.Fatalf("claim: %v", err)
	}
	go func() { s.ended <- member.Run(ctx) }()
	return member, s
}

func TestMemberRemembersWhatWasTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, m := newFakeBucket(), &fakeMemory{}
		b.add(3)
		member, s := remembering(t, b, m, "a")
		pass(time.Minute)
		if got := m.get(); got.Revision != 1 || got.Epoch != 3 || got.Cluster != "c" || got.ClusterUID != "cu" || got.SHA256 != sum(b.revisions[1]) {
			t.Errorf("%+v", got)
		}
		if hb, _, _, _ := b.last(); hb.Noted != 1 || !member.Trusted() {
			t.Errorf("%+v, trusted %v", hb, member.Trusted())
		}
		for range 20 { // at most once in ten seconds
			b.add(3)
			pass(time.Second)
		}
		s.end(t)
		if m.stores < 3 || m.stores > 5 {
			t.Errorf("stored %d times", m.stores)
		}
		if m.get().Revision != 21 {
			t.Errorf("the end was not noted: %+v", m.get())
		}
		// Somebody removes it: it is written again, and that is all.
		m.set(Mark{}, nil)
		member, s = remembering(t, b, m, "b")
		pass(time.Minute)
		if !member.Trusted() || m.get().Revision != 21 {
			t.Errorf("trusted %v, %+v", member.Trusted(), m.get())
		}
		s.end(t)
	})
}

func TestRestoredMemberWaitsForAUsersWord(t *testing.T) {
	for name, away := range map[string]error{"noticed at the start": nil, "noticed while running": errAway,
		"by an API server that refuses everybody at first": apierrors.NewForbidden(reports, "x", nil)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, m := newFakeBucket(), &fakeMemory{}
				b.add(1)
				member, s := remembering(t, b, m, "a")
				s.engine.set(v1alpha1.ObjectReport{UID: "u"})
				pass(30 * time.Second)
				backup := m.get()
				b.add(1)
				pass(30 * time.Second)
				if away != nil {
					m.set(backup, away) // its API server is down while the backup is put back
					pass(6 * time.Second)
					if member.Trusted() {
						t.Error("it would be written to before it has answered")
					}
					m.set(backup, nil)
					if err := <-s.ended; !errors.Is(err, errForgot) || member.Trusted() {
						t.Errorf("ended with %v, trusted %v", err, member.Trusted())
					}
				} else {
					s.end(t)
					m.set(backup, nil)
				}
				member, s = remembering(t, b, m, "b")
				b.add(1)
				pass(time.Minute)
				expect(t, s.engine)
				hb, r, _, _ := b.last()
				c := meta.FindStatusCondition(r.Conditions, v1alpha1.ConditionMemberRestored)
				if hb.Waiting != v1alpha1.ReasonMemberRestored || c == nil || c.Reason != v1alpha1.ReasonMemberRestored || !strings.Contains(c.Message, "recover cluster c --accept-member") {
					t.Errorf("%+v %+v", hb, c)
				}
				if hb.Revision != 2 || hb.Noted != 2 || m.get() != backup || member.Trusted() {
					t.Errorf("%+v, remembers %+v, trusted %v", hb, m.get(), member.Trusted())
				}
				// A restart changes nothing.
				s.end(t)
				member, s = remembering(t, b, m, "c")
				pass(time.Minute)
				expect(t, s.engine)
				accepted := b.add(1, func(s *v1alpha1.Shard) { s.Accept = v1alpha1.AcceptMember })
				pass(time.Minute)
				expect(t, s.engine, accepted)
				hb, r, _, _ = b.last()
				if hb.Waiting != "" || meta.IsStatusConditionTrue(r.Conditions, v1alpha1.ConditionMemberRestored) || hb.Noted != accepted || !member.Trusted() {
					t.Errorf("%+v %+v, trusted %v", hb, r.Conditions, member.Trusted())
				}
				b.add(1)
				pass(time.Second)
				expect(t, s.engine, accepted, accepted+1)
				s.end(t)
				// The same word does not count for the next restore.
				m.set(backup, nil)
				_, s = remembering(t, b, m, "d")
				pass(time.Minute)
				expect(t, s.engine)
				s.end(t)
			})
		})
	}
}

func TestAcceptedRevisionIsFoundAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, m := newFakeBucket(), &fakeMemory{}
		b.add(1)
		_, s := remembering(t, b, m, "a")
		pass(30 * time.Second)
		backup := m.get()
		b.add(1)
		pass(30 * time.Second)
		s.end(t)
		m.set(backup, nil)
		_, s = remembering(t, b, m, "b")
		pass(30 * time.Second)
		s.end(t)
		b.add(1, func(s *v1alpha1.Shard) { s.Accept = v1alpha1.AcceptMember })
		for range 14 {
			b.add(1)
		}
		_, s = remembering(t, b, m, "c")
		pass(30 * time.Second)
		if got := s.engine.revisions(); len(got) == 0 || got[0] != 3 || got[len(got)-1] != 17 {
			t.Errorf("took %v", got)
		}
		s.end(t)
	})
}

func TestMemberThatRemembersMoreThanTheBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, m := newFakeBucket(), &fakeMemory{}
		b.add(4)
		b.add(4)
		m.set(Mark{Cluster: "c", ClusterUID: "cu", Revision: 7, Epoch: 9, SHA256: "seven"}, nil)
		member, s := remembering(t, b, m, "a")
		pass(2 * time.Minute)
		expect(t, s.engine)
		if hb, _, _, _ := b.last(); hb.Revision != 7 || hb.Epoch != 9 || !member.Trusted() {
			t.Errorf("%+v, trusted %v", hb, member.Trusted())
		}
		b.mu.Lock()
		b.revisions[8] = &v1alpha1.Shard{Revision: 8, Epoch: 10, Cluster: "c", FederationUID: "f", ClusterUID: "cu", Previous: "another seven"}
		b.mu.Unlock()
		pass(10 * time.Second)
		expect(t, s.engine)
		b.mu.Lock()
		b.revisions[9] = &v1alpha1.Shard{Revision: 9, Epoch: 10, Cluster: "c", FederationUID: "f", ClusterUID: "cu", Accept: v1alpha1.AcceptRestore}
		b.mu.Unlock()
		pass(10 * time.Second)
		expect(t, s.engine, 9)
		s.end(t)
	})
}

func TestMemoryThatCannotBeHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, m := newFakeBucket(), &fakeMemory{failing: apierrors.NewForbidden(reports, "x", nil)}
		b.add(1)
		member, s := remembering(t, b, m, "a")
		pass(time.Minute)
		expect(t, s.engine, 1)
		if !member.Trusted() {
			t.Error("nothing is ever applied")
		}
		s.end(t)
	})
}

func TestMemoryThatIsTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, m := newFakeBucket(), &fakeMemory{}
		b.add(1)
		member, s := remembering(t, b, m, "a")
		pass(30 * time.Second)
		m.set(m.get(), apierrors.NewForbidden(reports, "x", nil))
		pass(30 * time.Second)
		if member.Trusted() {
			t.Error("an API server that is just starting is written to")
		}
		pass(time.Minute)
		if !member.Trusted() {
			t.Error("nothing is ever applied again")
		}
		s.end(t)
	})
}

func TestMemberThatAnswersLateIsNotWrittenToBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, m := newFakeBucket(), &fakeMemory{failing: errAway}
		b.add(1)
		member, s := remembering(t, b, m, "a")
		pass(time.Minute)
		if hb, _, _, _ := b.last(); member.Trusted() || hb.Revision != 1 || hb.Noted != 0 {
			t.Errorf("trusted %v, %+v", member.Trusted(), hb)
		}
		m.set(Mark{Cluster: "c", ClusterUID: "cu", Revision: 5}, nil)
		if err := <-s.ended; !errors.Is(err, errForgot) {
			t.Errorf("ended with %v", err)
		}
		s.stop()
	})
}

func TestMemberThatHasAnotherNameNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, m := newFakeBucket(), &fakeMemory{}
		b.add(1)
		member, s := remembering(t, b, m, "a")
		pass(time.Minute)
		m.set(Mark{Cluster: "new", ClusterUID: "another", Revision: 5}, nil)
		if err := <-s.ended; !errors.Is(err, ErrBoundElsewhere) || member.Trusted() {
			t.Errorf("ended with %v, trusted %v", err, member.Trusted())
		}
		s.stop()
	})
}

func TestRestoreIsAcceptedInTheMiddleOfAChain(t *testing.T) {
	b := newFakeBucket()
	b.add(1)
	following(t, b, nil, func(f *Follower, e *fakeEngine) {
		b.add(1, func(s *v1alpha1.Shard) { s.Previous = "" })
		b.add(1, func(s *v1alpha1.Shard) { s.Previous, s.Accept = "", v1alpha1.AcceptRestore })
		pass(time.Second)
		expect(t, e, 1, 3)
		if got := refusals(f); !slices.Equal(got, []string{v1alpha1.ReasonCorruptRevision}) {
			t.Errorf("refused %v", got)
		}
	})
}

func TestLeftoversAreToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newFakeBucket()
		b.add(1)
		s := speak(t, b, identity("a", "m"))
		pass(5 * time.Second)
		if _, r, _, _ := b.last(); meta.FindStatusCondition(r.Conditions, v1alpha1.ConditionLeftovers) != nil {
			t.Errorf("%+v", r.Conditions)
		}
		for i := range 7 {
			s.engine.leftovers = append(s.engine.leftovers, v1alpha1.Key{Namespace: "default", Resource: "configmaps", Name: string(rune('a' + i))})
		}
		poke(s.engine.changed)
		pass(5 * time.Second)
		_, r, _, _ := b.last()
		c := meta.FindStatusCondition(r.Conditions, v1alpha1.ConditionLeftovers)
		if c == nil || c.Reason != v1alpha1.ReasonLeftovers || !strings.Contains(c.Message, "7 objects") || !strings.Contains(c.Message, "default/configmaps/e, …. They") {
			t.Errorf("%+v", c)
		}
		s.engine.leftovers = nil
		poke(s.engine.changed)
		pass(5 * time.Second)
		if _, r, _, _ := b.last(); meta.IsStatusConditionTrue(r.Conditions, v1alpha1.ConditionLeftovers) {
			t.Errorf("%+v", r.Conditions)
		}
		s.end(t)
	})
}
