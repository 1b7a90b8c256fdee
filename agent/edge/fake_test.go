package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

var (
	noon    = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	errAway = errors.New("the bucket is away")
	things  = schema.GroupResource{Resource: "things"}
)

// fakeBucket is a bucket in memory.
type fakeBucket struct {
	mu           sync.Mutex
	away         bool
	document     *v1alpha1.Traffic
	corrupt      bool
	generation   int64
	certificates map[string]*v1alpha1.Certificate
	reads        int // of certificates
	edge         *v1alpha1.Edge
	edgeAt       int64
	// lose the acknowledgement of the next write.
	lose bool
}

func (b *fakeBucket) Federation(context.Context) (*v1alpha1.Federation, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		return nil, errAway
	}
	return &v1alpha1.Federation{ObjectMeta: metav1.ObjectMeta{UID: "fed"}}, nil
}

func (b *fakeBucket) Traffic(_ context.Context, last int64) (*v1alpha1.Traffic, int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.away:
		return nil, 0, errAway
	case b.document == nil:
		return nil, 0, apierrors.NewNotFound(things, "document")
	case b.generation == last:
		return nil, last, nil
	case b.corrupt:
		return nil, b.generation, apierrors.NewInvalid(schema.GroupKind{}, "document", nil)
	}
	return b.document, b.generation, nil
}

func (b *fakeBucket) Certificate(_ context.Context, digest string) (*v1alpha1.Certificate, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
	if b.away {
		return nil, errAway
	}
	if c := b.certificates[digest]; c != nil {
		return c, nil
	}
	return nil, apierrors.NewNotFound(things, digest)
}

func (b *fakeBucket) Edge(context.Context, string) (*v1alpha1.Edge, int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.away:
		return nil, 0, errAway
	case b.edge == nil:
		return nil, 0, apierrors.NewNotFound(things, "edge")
	}
	e := *b.edge
	return &e, b.edgeAt, nil
}

func (b *fakeBucket) PutEdge(_ context.Context, e *v1alpha1.Edge, generation int64) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.edgeAt
	if b.edge == nil {
		at = 0
	}
	switch {
	case b.away:
		return 0, errAway
	case generation != at:
		return 0, apierrors.NewConflict(things, "edge", errors.New("another generation"))
	}
	written := *e
	b.edge = &written
	b.edgeAt++
	if b.lose {
		b.lose = false
		return 0, errAway
	}
	return b.edgeAt, nil
}

// put a document of an epoch and serial.
func (b *fakeBucket) put(epoch, serial int64, change func(*v1alpha1.Traffic)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := &v1alpha1.Traffic{FederationUID: "fed", Epoch: epoch, Serial: serial}
	if change != nil {
		change(t)
	}
	b.document, b.corrupt = t, false
	b.generation++
}

// rivalBeat is another process's write under our name.
func (b *fakeBucket) rivalBeat(process string, sequence int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.edge = &v1alpha1.Edge{Name: "eu", Process: process, Sequence: sequence, Interval: metav1.Duration{Duration: 10 * time.Second}}
	b.edgeAt++
}

// fakeSink remembers what it is to serve.
type fakeSink struct {
	document     *v1alpha1.Traffic
	certificates map[string]*tls.Certificate
	served       int
}

func (s *fakeSink) Serve(t *v1alpha1.Traffic, c map[string]*tls.Certificate) {
	s.document, s.certificates = t, c
	s.served++
}

func (s *fakeSink) Health() []v1alpha1.EdgeHealth {
	return []v1alpha1.EdgeHealth{{Backend: "d/web:80", Cluster: "eu", Healthy: 1, Total: 2}}
}

// world is an edge with all that it has to do with.
type world struct {
	*testing.T
	bucket *fakeBucket
	sink   *fakeSink
	clock  *clocktesting.FakeClock
	config Config
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, bucket: &fakeBucket{certificates: map[string]*v1alpha1.Certificate{}}, sink: &fakeSink{}, clock: clocktesting.NewFakeClock(noon)}
	w.config = Config{
		Edge:     v1alpha1.Edge{Name: "eu", Process: "host_1", Region: "europe-west1", Addresses: []string{"192.0.2.1"}},
		StateDir: t.TempDir(), CertificatesDir: t.TempDir(), PollInterval: time.Second, HeartbeatInterval: 10 * time.Second,
		Bucket: w.bucket, Sink: w.sink, Metrics: NewMetrics(prometheus.NewRegistry(), w.clock), Clock: w.clock,
	}
	return w
}

// restart is the same edge's next process.
func (w *world) restart() {
	w.sink = &fakeSink{}
	w.config.Sink = w.sink
	w.config.Edge.Process += "1"
}

func (w *world) follower() *Follower { return NewFollower(w.Context(), w.config) }

// poll once, and look at files.
func (w *world) poll(f *Follower) error {
	w.clock.Step(lookEvery)
	err := f.poll(w.Context())
	f.lookAgain(w.Context())
	return err
}

func (w *world) serves(serial int64) {
	w.Helper()
	if w.sink.document == nil || w.sink.document.Serial != serial {
		w.Errorf("serving %+v, want serial %d", w.sink.document, serial)
	}
}
