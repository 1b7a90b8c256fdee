package follow

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

// Source is where the cluster's revisions are. Errors are those of
// k8s.io/apimachinery/pkg/api/errors: NotFound for a revision that is not
// there, Invalid for one that can never be read.
type Source interface {
	// HeadRevision is the highest revision present, 0 when there is none.
	HeadRevision(ctx context.Context, cluster string) (int64, error)
	// Revision reads one revision whole, and the SHA-256 of its stored bytes.
	Revision(ctx context.Context, cluster string, n int64) (*v1alpha1.Shard, string, error)
}

const (
	// callTimeout bounds one call to the bucket.
	callTimeout = 30 * time.Second
	// lookBackEvery is how often the last revision is asked for too, to learn
	// of pruning and restores.
	lookBackEvery = time.Minute
	// overslept is how much longer than asked a sleep lasts in a process that
	// was suspended.
	overslept = 3 * time.Second
	// walkBack is how many refused revisions a starting agent passes over
	// backwards to find a state to hold.
	walkBack = 10

	firstBackoff = time.Second
	mostBackoff  = 30 * time.Second
)

// Progress is how far a Follower is.
type Progress struct {
	// Revision and Epoch are the highest taken over, by this process or the
	// one before it.
	Revision int64
	Epoch    int64
	// SHA256 of the stored bytes of Revision, where this process took it over.
	SHA256 string
	// Holding says that this process has taken over a revision itself.
	Holding bool
	Refused []v1alpha1.RefusedRevision
	// Failures counts calls that failed, Trouble is the last one's words
	// while it lasts.
	Failures int64
	Trouble  string
}

// Follower asks for one revision after the other and hands over those that may
// be taken.
type Follower struct {
	id       Identity
	source   Source
	take     func(*v1alpha1.Shard)
	clock    clock.WithTicker
	interval time.Duration
	changed  chan struct{}
	hurry    chan struct{} // the bucket answers again: do not sit out a backoff

	// Owned by Run.
	started  bool
	next     int64 // the revision to ask for
	last     Taken
	lookBack time.Time // when next to ask for the last revision too
	failing  int
	since    time.Time // of the failures in a row
	held     bool      // the bucket is older than what was taken over
	// remembered is what the process before took over last, as the member tells.
	remembered Taken
	// waiting takes over nothing but a revision that a user's word is in; then
	// accepted is called.
	waiting  bool
	accepted func()

	mu       sync.Mutex
	progress Progress
}

// NewFollower makes a follower that polls every interval and calls take, in
// order, with each revision to hold. resumed is this cluster's last report, or
// nil.
func NewFollower(id Identity, source Source, take func(*v1alpha1.Shard), c clock.WithTicker, interval time.Duration, resumed *v1alpha1.Report) *Follower {
	f := &Follower{id: id, source: source, take: take, clock: c, interval: interval,
		changed: make(chan struct{}, 1), hurry: make(chan struct{}, 1)}
	if resumed != nil {
		f.progress.Revision, f.progress.Epoch = resumed.Revision, resumed.Epoch
	}
	return f
}

// Changed is poked when Progress may answer differently.
func (f *Follower) Changed() <-chan struct{} { return f.changed }

// Progress is a snapshot.
func (f *Follower) Progress() Progress {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.progress
	p.Refused = slices.Clone(p.Refused)
	return p
}

// Run follows until the context ends.
func (f *Follower) Run(ctx context.Context) {
	for ctx.Err() == nil {
		wait := f.step(ctx)
		if wait <= 0 {
			continue
		}
		asleep := f.clock.Now()
		timer := f.clock.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-f.hurry:
		case <-timer.C():
		}
		timer.Stop()
		if f.clock.Since(asleep) > wait+overslept {
			f.lookBack = time.Time{} // suspended: much may have happened
		}
	}
}

// step asks once and says how long to wait before the next.
func (f *Follower) step(ctx context.Context) time.Duration {
	err := f.advance(ctx)
	switch {
	case err == nil:
		f.recovered(ctx)
		return 0
	case ctx.Err() != nil:
		return 0
	case apierrors.IsNotFound(err):
		f.recovered(ctx)
		return f.interval
	}
	return f.failed(ctx, err)
}

// advance moves on by one revision. NotFound means that there is none yet.
func (f *Follower) advance(ctx context.Context) error {
	if !f.started {
		return f.start(ctx)
	}
	err := f.consider(ctx, f.next)
	if err == nil {
		f.next++
		return nil
	}
	if !apierrors.IsNotFound(err) || f.clock.Now().Before(f.lookBack) {
		return err
	}
	return f.reorient(ctx, err)
}

// consider reads revision n and takes it over or refuses it; both are progress.
func (f *Follower) consider(ctx context.Context, n int64) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	shard, sha, err := f.source.Revision(ctx, f.id.Cluster, n)
	switch {
	case apierrors.IsInvalid(err):
		f.refuse(ctx, n, v1alpha1.ReasonCorruptRevision, err.Error())
		return nil
	case err != nil:
		return err
	case shard.Revision != n:
		f.refuse(ctx, n, v1alpha1.ReasonCorruptRevision, fmt.Sprintf("it says that it is revision %d", shard.Revision))
		return nil
	}
	last := f.last
	if last.Revision == 0 {
		last = f.remembered
	}
	if reason, message := Refuse(f.id, f.Progress().Epoch, last, shard); reason != "" {
		f.refuse(ctx, n, reason, message)
		return nil
	}
	if f.waiting {
		if shard.Accept != v1alpha1.AcceptMember || n <= f.Progress().Revision {
			return nil // not what is waited for
		}
		f.waiting = false
		defer f.accepted()
	}
	f.takeOver(ctx, shard, sha)
	return nil
}

func (f *Follower) takeOver(ctx context.Context, s *v1alpha1.Shard, sha string) {
	f.last, f.held = Taken{Revision: s.Revision, SHA256: sha}, false
	f.take(s)
	f.update(func(p *Progress) {
		if s.Revision >= p.Revision {
			p.SHA256 = sha
		}
		p.Revision, p.Epoch, p.Holding = max(p.Revision, s.Revision), max(p.Epoch, s.Epoch), true
	})
	logf.FromContext(ctx).Info("revision taken over", "revision", s.Revision, "epoch", s.Epoch,
		"objects", len(s.Objects), "tombstones", len(s.Tombstones), "reason", s.Decision.Reason)
}

func (f *Follower) refuse(ctx context.Context, n int64, reason, message string) {
	const most = 512
	if len(message) > most {
		message = strings.ToValidUTF8(message[:most], "")
	}
	logf.FromContext(ctx).Info("revision refused", "revision", n, "reason", reason, "message", message)
	f.update(func(p *Progress) {
		p.Refused = addRefusal(p.Refused, v1alpha1.RefusedRevision{Revision: n, Reason: reason, Message: message})
	})
}

// start finds the head and takes it over, or the newest before it that is not
// refused, so that a corrupt head does not leave a restarted agent with nothing
// to hold. A head below what was taken over before means a restored bucket:
// nothing is taken until the leader has gone beyond.
func (f *Follower) start(ctx context.Context) error {
	head, err := f.head(ctx)
	if err != nil {
		return err
	}
	f.lookBack = f.clock.Now().Add(lookBackEvery)
	if known := f.Progress().Revision; head < known {
		f.hold(ctx, head, known)
		f.started, f.next = true, known+1
		return nil
	}
	waited := f.waiting
	for n := head; n > f.floor(head) && f.last.Revision == 0; n-- {
		if err := f.consider(ctx, n); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	f.started, f.next = true, head+1
	if waited && f.last.Revision > 0 {
		f.next = f.last.Revision + 1 // what came after it may be taken over now
	}
	return nil
}

// floor is where a starting agent stops to look back from the head.
func (f *Follower) floor(head int64) int64 {
	if f.waiting {
		return max(f.Progress().Revision, head-v1alpha1.DefaultKeepRevisions)
	}
	return max(0, head-walkBack)
}

// remember raises what was taken over to what the member remembers, which may
// be more than the bucket does.
func (f *Follower) remember(m Mark) {
	f.progress.Revision, f.progress.Epoch = max(f.progress.Revision, m.Revision), max(f.progress.Epoch, m.Epoch)
	if m.Revision == f.progress.Revision && m.SHA256 != "" {
		f.remembered = Taken{Revision: m.Revision, SHA256: m.SHA256}
	}
}

func (f *Follower) head(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	head, err := f.source.HeadRevision(ctx, f.id.Cluster)
	if apierrors.IsNotFound(err) {
		// Not "no revision yet", which is 0: the bucket itself is missing.
		return 0, fmt.Errorf("list revisions: %s", err.Error())
	}
	return head, err
}

// reorient checks, when there is nothing new, that this is not because the
// world has moved on: if the last revision is gone, go to the head.
func (f *Follower) reorient(ctx context.Context, nothing error) error {
	before := f.next - 1
	if before > 0 {
		present, err := f.present(ctx, before)
		if err != nil {
			return err
		}
		if present {
			f.lookBack, f.held = f.clock.Now().Add(lookBackEvery), false
			return nothing
		}
	}
	head, err := f.head(ctx)
	if err != nil {
		return err
	}
	f.lookBack = f.clock.Now().Add(lookBackEvery)
	switch {
	case head >= f.next:
		f.next = head
		return nil
	case head < before:
		f.hold(ctx, head, before)
	}
	return nothing
}

func (f *Follower) present(ctx context.Context, n int64) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, _, err := f.source.Revision(ctx, f.id.Cluster, n)
	switch {
	case err == nil, apierrors.IsInvalid(err):
		return true, nil
	case apierrors.IsNotFound(err):
		return false, nil
	}
	return false, err
}

func (f *Follower) hold(ctx context.Context, head, known int64) {
	if !f.held {
		logf.FromContext(ctx).Info("the bucket holds less than was taken over before; keeping the last state until it is beyond",
			"head", head, "takenOver", known)
	}
	f.held = true
}

func (f *Follower) failed(ctx context.Context, err error) time.Duration {
	if f.failing == 0 {
		f.since = f.clock.Now()
		logf.FromContext(ctx).Error(err, "the shard cannot be read; the last good state is held")
	}
	f.failing++
	f.lookBack = time.Time{}
	f.update(func(p *Progress) { p.Failures, p.Trouble = p.Failures+1, err.Error() })
	return Backoff(f.failing, rand.Float64())
}

func (f *Follower) recovered(ctx context.Context) {
	if f.failing == 0 {
		return
	}
	logf.FromContext(ctx).Info("the shard can be read again", "after", f.clock.Since(f.since).String())
	f.failing = 0
	f.update(func(p *Progress) { p.Trouble = "" })
}

func (f *Follower) update(change func(*Progress)) {
	f.mu.Lock()
	change(&f.progress)
	f.mu.Unlock()
	poke(f.changed)
}

// Backoff is how long to wait after the n-th failure in a row: from 1 s
// doubling to 30 s, less up to half of it by chance (0 <= chance < 1).
func Backoff(n int, chance float64) time.Duration {
	d := mostBackoff
	if n < 6 {
		d = min(firstBackoff<<(n-1), mostBackoff)
	}
	return d - time.Duration(chance*float64(d)/2)
}

// poke leaves a signal that nobody needs twice.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
