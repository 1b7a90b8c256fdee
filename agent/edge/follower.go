package edge

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	// callTimeout bounds one call to the bucket.
	callTimeout = 30 * time.Second
	mostBackoff = 30 * time.Second
	// lookEvery is how often files are looked at, and certificates that could not
	// be read are asked for again.
	lookEvery = 10 * time.Second
)

// Follower follows the traffic document.
type Follower struct {
	Config
	files *files
	pairs pairs

	generation int64
	document   *v1alpha1.Traffic
	// fetched certificates of the document, by digest.
	fetched map[string]*v1alpha1.Certificate
	missing bool
	looked  time.Time
	// lacking are the Secrets for which there is nothing to serve, as was told.
	lacking []string
	// said is the last refusal or failure that was logged.
	said string

	mu sync.Mutex
	at position
	// asked: the bucket has answered, or what was served last is.
	asked bool
}

// NewFollower makes a follower of what the edge served last, if that is known.
func NewFollower(ctx context.Context, c Config) *Follower {
	f := &Follower{Config: c, files: newFiles(c.CertificatesDir), pairs: pairs{parsed: map[string]*tls.Certificate{}}, fetched: map[string]*v1alpha1.Certificate{}}
	saved, err := load(c.StateDir)
	switch {
	case err != nil:
		logr.FromContextOrDiscard(ctx).Error(err, "what was served last is not known", "stateDir", c.StateDir)
	case saved != nil && accept(position{}, saved.Document) == nil:
		f.resume(ctx, saved)
	}
	return f
}

// resume serves what was served last.
func (f *Follower) resume(ctx context.Context, s *saved) {
	for i := range s.Certificates {
		f.fetched[s.Certificates[i].Digest()] = &s.Certificates[i]
	}
	logr.FromContextOrDiscard(ctx).Info("serving what was served last", "serial", s.Document.Serial, "epoch", s.Document.Epoch)
	f.advance(s.Document)
	f.serve(ctx)
	f.answered()
}

// At tells the federation, epoch and serial of what is served; the federation
// is empty while it is not known.
func (f *Follower) At() (federation types.UID, epoch, serial int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at.federation, f.at.epoch, f.at.serial
}

// Asked says whether it is known what to serve, be it nothing.
func (f *Follower) Asked() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

// Run follows until the context ends.
func (f *Follower) Run(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; {
		if err := f.poll(ctx); err == nil {
			if failures > 0 {
				f.said = ""
				logr.FromContextOrDiscard(ctx).Info("the bucket can be read again")
			}
			failures = 0
			f.answered()
		} else if ctx.Err() == nil {
			failures++
			f.say(ctx, err, "the bucket cannot be read; serving on what is known")
			f.Metrics.bucketErrors.Inc()
		}
		f.lookAgain(ctx)
		f.sleep(ctx, pause(f.PollInterval, failures, rand.Float64()))
	}
}

func (f *Follower) answered() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = true
}

// pause until the next poll: the interval, give or take a tenth, and ever
// longer while polls fail.
func pause(interval time.Duration, failures int, draw float64) time.Duration {
	d := interval
	for range failures {
		if d >= mostBackoff {
			break
		}
		d *= 2
	}
	if failures > 0 {
		d = max(interval, min(d, mostBackoff))
	}
	return time.Duration(float64(d) * (0.9 + 0.2*draw))
}

func (f *Follower) sleep(ctx context.Context, d time.Duration) {
	timer := f.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C():
	}
}

// poll asks for the next document once. A refused one is no error: it is
// waited out.
func (f *Follower) poll(ctx context.Context) error {
	if err := f.identify(ctx); err != nil {
		return err
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	t, generation, err := f.Bucket.Traffic(call, f.generation)
	switch {
	case apierrors.IsNotFound(err):
		return nil // before the first one, or somebody removed it
	case err != nil && generation != 0:
		f.generation = generation // it cannot be read, now or later
		f.refuse(ctx, err)
		return nil
	case err != nil:
		return fmt.Errorf("read the traffic document: %w", err)
	case t == nil:
		f.Metrics.seen(f.Clock.Now())
		return nil
	}
	f.generation = generation
	f.take(ctx, t)
	return nil
}

// identify asks which federation this is, until it is known.
func (f *Follower) identify(ctx context.Context) error {
	if uid, _, _ := f.At(); uid != "" {
		return nil
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	federation, err := f.Bucket.Federation(call)
	if err != nil {
		return fmt.Errorf("read the federation: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at.federation = federation.UID
	return nil
}

// take over a document, unless it must be refused.
func (f *Follower) take(ctx context.Context, t *v1alpha1.Traffic) {
	f.mu.Lock()
	at := f.at
	f.mu.Unlock()
	if err := accept(at, t); err != nil {
		f.refuse(ctx, err)
		return
	}
	f.said = ""
	f.advance(t)
	f.fetch(ctx)
	f.serve(ctx)
	f.save(ctx)
	f.Metrics.seen(f.Clock.Now())
	logr.FromContextOrDiscard(ctx).Info("serving a new document", "serial", t.Serial, "epoch", t.Epoch)
}

func (f *Follower) refuse(ctx context.Context, err error) {
	f.Metrics.refused.Inc()
	f.say(ctx, err, "refusing a traffic document; serving on the last one")
}

// say logs what is wrong, once while it stays the same.
func (f *Follower) say(ctx context.Context, err error, message string) {
	if words := message + err.Error(); words != f.said {
		f.said = words
		logr.FromContextOrDiscard(ctx).Error(err, message)
	}
}

func (f *Follower) advance(t *v1alpha1.Traffic) {
	f.document = t
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = position{t.FederationUID, t.Epoch, t.Serial}
	f.Metrics.serial.Set(float64(t.Serial))
	f.Metrics.epoch.Set(float64(t.Epoch))
}

// lookAgain rereads files that changed, and asks for what is missing.
func (f *Follower) lookAgain(ctx context.Context) {
	now := f.Clock.Now()
	if f.document == nil || now.Sub(f.looked) < lookEvery {
		return
	}
	f.looked = now
	missed := f.missing
	if missed {
		f.fetch(ctx)
		f.save(ctx)
	}
	if f.files.changed(f.secrets()) || missed {
		f.serve(ctx)
	}
}

// serve hands over the document with the certificates that there are.
func (f *Follower) serve(ctx context.Context) {
	certificates := f.certificates(ctx)
	f.lack(ctx, certificates)
	f.Sink.Serve(f.document, certificates)
}

// save what is served, for a start while the bucket is away.
func (f *Follower) save(ctx context.Context) {
	s := &saved{Document: f.document}
	for _, c := range f.fetched {
		s.Certificates = append(s.Certificates, *c)
	}
	if err := s.store(f.StateDir); err != nil {
		f.say(ctx, err, "what is served cannot be remembered")
	}
}
