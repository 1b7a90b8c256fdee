package lead

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/pkg/traffic"
)

const (
	// edgesEvery is how often it is looked which edges are registered.
	edgesEvery = 5 * time.Second
	// documentEvery is how often the document is written at most: Google Cloud
	// Storage takes one write per second and name.
	documentEvery = time.Second
	// checkEvery is how often it is looked whether the document is still there.
	checkEvery = time.Minute
)

// dispatcher is the loop from what is wanted and known to the document that
// carriers serve.
type dispatcher struct {
	*term
	// previous document; nil while there was none.
	previous *v1alpha1.Traffic
	// generation at which the bucket has it.
	generation int64
	// read: the bucket has been asked; checked is when.
	read    bool
	checked time.Time
	// claimed: it was written in this term.
	claimed bool
	// edges that are registered; listed says that they are known, unlisted that
	// the last look got no answer.
	edges            []v1alpha1.Edge
	listed, unlisted bool
	// written is when the document was last written.
	written time.Time
	// absent are clusters of the document that are missing from the roster.
	absent map[string]time.Time
	certs  *certificates
}

func newDispatcher(t *term) *dispatcher {
	return &dispatcher{term: t, absent: map[string]time.Time{}, certs: newCertificates(t)}
}

// run looks whenever something is new, and never more often than it may write.
func (d *dispatcher) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var pause backoff
	var due, notBefore, listAt time.Time // due is zero for never
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.carried.news:
			due = time.Now()
		case <-timer.C:
		}
		if !time.Now().Before(listAt) {
			if listAt = time.Now().Add(edgesEvery); d.list(ctx) {
				due = time.Now()
			}
		}
		if now := time.Now(); !due.IsZero() && !now.Before(due) && !now.Before(notBefore) {
			again, err := d.pass(ctx)
			wait := bellEvery
			switch {
			case errors.Is(err, errSuperseded):
				return err
			case err != nil && ctx.Err() == nil:
				again = pause.fail()
				wait = again
				logr.FromContextOrDiscard(ctx).Info("traffic will be retried", "after", again, "err", err.Error())
			default:
				pause.succeed()
			}
			due, notBefore = after(again), later(time.Now().Add(wait), d.written.Add(documentEvery))
		}
		timer.Reset(time.Until(wakeAt(due, notBefore, listAt)))
	}
}

// after is the moment so far ahead; none for 0.
func after(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// wakeAt is when the loop has something to do by itself.
func wakeAt(due, notBefore, listAt time.Time) time.Time {
	if due.IsZero() {
		return listAt
	}
	if at := later(due, notBefore); at.Before(listAt) {
		return at
	}
	return listAt
}

// pass builds the document and writes it if it differs. It returns when time
// alone may change it; 0 for never.
func (d *dispatcher) pass(ctx context.Context) (time.Duration, error) {
	pl, health := d.board.plan(), d.board.healthy()
	if !pl.complete || pl.followed.unknown || health.restored != "" || !d.listed {
		return 0, nil // whoever changes that rings
	}
	if err := d.recall(ctx, pl); err != nil {
		return 0, err
	}
	now := time.Now()
	out := traffic.Build(d.input(pl, health, now))
	if err := d.certs.put(ctx, out.Certificates); err != nil {
		return 0, err
	}
	if err := d.publish(ctx, out.Document); apierrors.IsConflict(err) {
		logr.FromContextOrDiscard(ctx).Info("traffic document was written by another", "err", err.Error())
		d.read = false
		return bellEvery, nil
	} else if err != nil {
		return 0, err
	}
	d.tell(out)
	d.certs.tidy(ctx, d.previous)
	return until(out.Again, now), nil
}

// recall reads the document as the bucket has it: once, after a conflict, and
// now and then. What it lacks, and this term has seen, stays.
func (d *dispatcher) recall(ctx context.Context, pl planned) error {
	if d.read && time.Since(d.checked) < checkEvery {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	doc, generation, err := d.cfg.Store.Traffic(limited, d.generation)
	switch {
	case apierrors.IsNotFound(err):
		if err := d.mayRestore(limited); err != nil {
			return err
		}
		generation = 0
	case apierrors.IsInvalid(err):
		logr.FromContextOrDiscard(ctx).Info("traffic document cannot be used and is replaced", "err", err.Error())
	case err != nil:
		return fmt.Errorf("read the traffic document: %w", err)
	case doc == nil: // as it was
		d.read, d.checked = true, time.Now()
		return nil
	case doc.FederationUID != pl.federation || doc.Epoch >= mostEpoch:
		logr.FromContextOrDiscard(ctx).Info("traffic document is not the federation's and is replaced", "federation", doc.FederationUID, "epoch", doc.Epoch)
		doc = nil
	case doc.Epoch > d.epoch:
		return errSuperseded
	}
	if err != nil {
		doc = nil
	}
	d.take(doc)
	d.generation, d.read, d.checked = generation, true, time.Now()
	return nil
}

// mayRestore says whether a document that is gone may be written again: not into
// a bucket that was emptied.
func (d *dispatcher) mayRestore(ctx context.Context) error {
	if d.previous == nil {
		return nil
	}
	if _, err := d.cfg.Store.Cluster(ctx, d.cfg.Cluster); err != nil {
		return fmt.Errorf("the traffic document is gone: read the roster: %w", err)
	}
	return nil
}

// take goes on from a document that the bucket has, unless this term knows a
// newer one. It may be this term's own, whose answer was lost.
func (d *dispatcher) take(doc *v1alpha1.Traffic) {
	if d.previous == nil || doc != nil && doc.Serial > d.previous.Serial {
		d.previous = doc
	}
	d.claimed = doc != nil && doc.Epoch == d.epoch && doc.Serial == d.previous.Serial
}

// publish writes the document if it differs from the previous one, and once in
// a term in any case: what an earlier leader still tries to write will then fail.
func (d *dispatcher) publish(ctx context.Context, doc v1alpha1.Traffic) error {
	if d.claimed && traffic.Same(d.previous, &doc) {
		return nil
	}
	doc.Epoch, doc.Serial = d.epoch, 1
	if d.previous != nil {
		doc.Serial = d.previous.Serial + 1
	}
	doc.Time = metav1.NewTime(time.Now().UTC().Truncate(time.Second))
	err := d.fence.write(ctx, func(ctx context.Context) error {
		var err error
		d.generation, err = d.replace(ctx, &doc)
		return err
	})
	if err != nil {
		return err
	}
	d.previous, d.claimed, d.written = &doc, true, time.Now()
	logr.FromContextOrDiscard(ctx).Info("traffic document written", "serial", doc.Serial, "frontends", len(doc.Frontends), "backends", len(doc.Backends))
	return nil
}

// replace returns the generation at which the bucket then has the document.
func (d *dispatcher) replace(ctx context.Context, doc *v1alpha1.Traffic) (int64, error) {
	generation, err := d.cfg.Store.PutTraffic(ctx, doc, d.generation)
	if err != nil {
		return d.generation, fmt.Errorf("write the traffic document: %w", err)
	}
	return generation, nil
}

// tell says what became of the Ingresses, now that carriers can know it.
func (d *dispatcher) tell(out traffic.Output) {
	results := out.Ingresses
	if results == nil {
		results = map[v1alpha1.Key]traffic.IngressResult{}
	}
	changed, moved := d.carried.set(results)
	if changed {
		d.board.stir()
	}
	if moved {
		d.board.ring()
	}
}
