package edge

import (
	"errors"
	"testing"
	"time"
)

// registrar of an edge that knows its federation.
func (w *world) registrar() *Registrar {
	f := w.follower()
	if err := w.poll(f); err != nil && !w.bucket.away {
		w.Fatal(err)
	}
	return NewRegistrar(w.Context(), w.config, f)
}

func (w *world) beats(r *Registrar, want error) {
	w.Helper()
	w.clock.Step(w.config.HeartbeatInterval)
	if err := r.beat(w.Context()); !errors.Is(err, want) {
		w.Errorf("got %v, want %v", err, want)
	}
}

func TestRegistration(t *testing.T) {
	w := newWorld(t)
	w.bucket.put(2, 5, nil)
	r := w.registrar()
	w.beats(r, nil)
	w.beats(r, nil)
	e := w.bucket.edge
	if e.Process != "host_1" || e.Sequence != 2 || e.FederationUID != "fed" || e.Epoch != 2 || e.Serial != 5 || len(e.Health) != 1 ||
		e.Interval.Duration != 10*time.Second || e.Addresses[0] != "192.0.2.1" || e.Region != "europe-west1" {
		t.Errorf("%+v", e)
	}
}

func TestANameThatLivesIsNotTaken(t *testing.T) {
	w := newWorld(t)
	r := w.registrar()
	for i := range int64(6) {
		w.bucket.rivalBeat("elsewhere", i)
		w.beats(r, errNameTaken)
	}
	if w.bucket.edge.Process != "elsewhere" {
		t.Error("it was taken")
	}
	for range silentAfter - 1 {
		w.beats(r, errNameTaken)
	}
	w.beats(r, nil) // silent for long enough
	if w.bucket.edge.Process != "host_1" || w.bucket.edge.Sequence != 6 {
		t.Errorf("%+v", w.bucket.edge)
	}
}

func TestARestartHasItsNameAtOnce(t *testing.T) {
	w := newWorld(t)
	w.beats(w.registrar(), nil)
	w.restart()
	w.beats(w.registrar(), nil)
	if w.bucket.edge.Process != "host_11" || w.bucket.edge.Sequence != 2 {
		t.Errorf("%+v", w.bucket.edge)
	}
}

func TestARegistrationThatIsRemovedIsNotWrittenAgain(t *testing.T) {
	w := newWorld(t)
	r := w.registrar()
	w.beats(r, nil)
	w.bucket.edge = nil
	for range 5 {
		w.beats(r, errUnregistered)
	}
	if w.bucket.edge != nil {
		t.Error("it was written again")
	}
	w.restart()
	w.beats(w.registrar(), nil)
}

func TestWhoeverIsWrittenOverStepsBack(t *testing.T) {
	w := newWorld(t)
	r := w.registrar()
	w.beats(r, nil)
	for i := range int64(5) {
		w.bucket.rivalBeat("elsewhere", i)
		w.beats(r, errNameTaken)
	}
	if w.bucket.edge.Process != "elsewhere" {
		t.Error("it was written over")
	}
}

func TestALostAcknowledgementIsSeenThrough(t *testing.T) {
	w := newWorld(t)
	r := w.registrar()
	w.bucket.lose = true
	w.beats(r, errAway) // the very first
	w.beats(r, nil)
	w.bucket.lose = true
	w.beats(r, errAway)
	w.clock.Step(w.config.HeartbeatInterval)
	if err := r.beat(t.Context()); err == nil {
		t.Error("it cannot be known yet")
	}
	w.beats(r, nil)
	w.bucket.away = true
	w.beats(r, errAway)
	w.bucket.away = false
	w.beats(r, nil)
}
