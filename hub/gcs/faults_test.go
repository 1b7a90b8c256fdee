package gcs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/hub"
	"github.com/kubectl-fed/kubectl-fed/hub/hubtest"
	"github.com/kubectl-fed/kubectl-fed/test/gcsemu"
)

const key = "specs/default/configmaps/a.yaml"

func put(t *testing.T, b *Bucket, body string) int64 {
	t.Helper()
	g, err := b.Write(t.Context(), key, []byte(body), hub.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func content(t *testing.T, b *Bucket, key string) (string, int64) {
	t.Helper()
	obj, err := b.Read(t.Context(), key, 0)
	if err != nil {
		t.Fatal(err)
	}
	return string(obj.Body), obj.Generation
}

func TestLostAnswerOfAConditionalWrite(t *testing.T) {
	b, server := emulate(t, "")
	for name, at := range map[string]*int64{"create": hub.IfAbsent(), "replace": nil} {
		if at == nil {
			at = hub.IfGeneration(put(t, b, "before"))
		}
		target := key
		if name == "create" {
			target += ".new"
		}
		server.Inject(
			gcsemu.Fault{Op: gcsemu.OpWrite, Times: 2, LoseAnswer: true},
			gcsemu.Fault{Op: gcsemu.OpList, Times: 100, Status: http.StatusForbidden}, // not every writer may list
		)
		g, err := b.Write(t.Context(), target, []byte("mine"), hub.WriteOptions{IfGeneration: at})
		if err != nil {
			t.Fatalf("%s: %v: its own success was taken for a lost race", name, err)
		}
		if body, now := content(t, b, target); body != "mine" || now != g {
			t.Errorf("%s: told generation %d, but there is %q at %d", name, g, body, now)
		}
	}
}

// Somebody builds on a write before its author knows that it succeeded.
func TestLostAnswerOfAWriteThatWasReplacedSince(t *testing.T) {
	b, server := emulate(t, "")
	other := openTest(t, testBucket, "")
	b.retry.base, b.retry.longest = 300*time.Millisecond, 300*time.Millisecond
	server.Inject(gcsemu.Fault{Op: gcsemu.OpWrite, Times: 1, LoseAnswer: true})
	var mine int64
	var err error
	var group sync.WaitGroup
	group.Go(func() {
		mine, err = b.Write(t.Context(), key, []byte("mine"), hub.WriteOptions{IfGeneration: hub.IfAbsent()})
	})
	for {
		obj, err := other.Read(t.Context(), key, 0)
		if err == nil {
			if _, err := other.Write(t.Context(), key, []byte("theirs"), hub.WriteOptions{IfGeneration: &obj.Generation}); err != nil {
				t.Fatal(err)
			}
			break
		}
		if !errors.Is(err, hub.ErrNotExist) {
			t.Fatal(err)
		}
	}
	group.Wait()
	if err != nil {
		t.Fatalf("its own success was taken for a lost race: %v", err)
	}
	if obj, err := b.ReadVersion(t.Context(), key, mine); err != nil || string(obj.Body) != "mine" {
		t.Errorf("generation %d is %v, %v", mine, obj, err)
	}
	if body, _ := content(t, b, key); body != "theirs" {
		t.Errorf("the later write was lost to %q", body)
	}
}

func TestLostAnswersLoseNoIncrement(t *testing.T) {
	b, server := emulate(t, "")
	const writers, each = 8, 5
	var group sync.WaitGroup
	for i := range writers {
		server.Inject(gcsemu.Fault{Op: gcsemu.OpWrite, Times: 1 + i%3, LoseAnswer: i%2 == 0, Status: []int{0, 503}[i%2]})
		group.Go(func() {
			for range each {
				if err := hubtest.Increment(t.Context(), b, "counter"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if body, _ := content(t, b, "counter"); body != strconv.Itoa(writers*each) {
		t.Errorf("%d increments made %s", writers*each, body)
	}
}

func TestLostRaceIsToldAsOne(t *testing.T) {
	b, server := emulate(t, "")
	put(t, b, "theirs")
	server.Inject(gcsemu.Fault{Op: gcsemu.OpWrite, Times: 1, Status: http.StatusServiceUnavailable})
	_, err := b.Write(t.Context(), key, []byte("mine"), hub.WriteOptions{IfGeneration: hub.IfAbsent()})
	if !errors.Is(err, hub.ErrPrecondition) || errors.Is(err, hub.ErrUnknownOutcome) {
		t.Errorf("create of what is there: %v", err)
	}
	if body, _ := content(t, b, key); body != "theirs" {
		t.Errorf("it is %q now", body)
	}
}

func TestLostAnswerOfADelete(t *testing.T) {
	b, server := emulate(t, "")
	g := put(t, b, "x")
	server.Inject(gcsemu.Fault{Op: gcsemu.OpDelete, Times: 1, LoseAnswer: true})
	if err := b.Delete(t.Context(), key, g); err != nil {
		t.Errorf("delete whose answer was lost: %v", err)
	}
	if err := b.Delete(t.Context(), key, g); !errors.Is(err, hub.ErrNotExist) {
		t.Errorf("delete of what is gone: %v", err)
	}
}

func TestTransientAnswersAreRepeated(t *testing.T) {
	b, server := emulate(t, "")
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusInternalServerError, http.StatusRequestTimeout} {
		for _, op := range []string{gcsemu.OpWrite, gcsemu.OpRead, gcsemu.OpList, gcsemu.OpDelete} {
			server.Inject(gcsemu.Fault{Op: op, Times: 2, Status: status})
		}
		g := put(t, b, "x")
		content(t, b, key)
		for _, err := range b.List(t.Context(), "", "") {
			if err != nil {
				t.Errorf("list after %d: %v", status, err)
			}
		}
		if err := b.Delete(t.Context(), key, g); err != nil {
			t.Errorf("delete after %d: %v", status, err)
		}
	}
}

func TestNoAnswer(t *testing.T) {
	b, server := emulate(t, "")
	put(t, b, "x")
	server.SetOutage(true)
	server.ResetCounts()
	_, err := b.Write(t.Context(), key, []byte("y"), hub.WriteOptions{})
	if !errors.Is(err, hub.ErrUnavailable) || !errors.Is(err, hub.ErrUnknownOutcome) {
		t.Errorf("write: %v", err)
	}
	if n := server.Counts()[gcsemu.OpWrite]; n != b.retry.attempts {
		t.Errorf("%d attempts to write, want %d", n, b.retry.attempts)
	}
	_, err = b.Read(t.Context(), key, 0)
	if !errors.Is(err, hub.ErrUnavailable) || errors.Is(err, hub.ErrUnknownOutcome) || errors.Is(err, hub.ErrNotExist) {
		t.Errorf("read: %v", err)
	}
	for _, err := range b.List(t.Context(), "", "") {
		if !errors.Is(err, hub.ErrUnavailable) {
			t.Errorf("list: %v", err)
		}
	}
	server.SetOutage(false)
	if body, _ := content(t, b, key); body != "x" {
		t.Errorf("after the outage it is %q", body)
	}
}

func TestConnectionRefused(t *testing.T) {
	b, server := emulate(t, "")
	server.Close()
	_, err := b.Write(t.Context(), key, nil, hub.WriteOptions{})
	if !errors.Is(err, hub.ErrUnavailable) || errors.Is(err, hub.ErrUnknownOutcome) {
		t.Errorf("write to nobody: %v; it cannot have taken effect", err)
	}
}

func TestRefusedTooOften(t *testing.T) {
	b, server := emulate(t, "")
	server.Inject(gcsemu.Fault{Op: gcsemu.OpWrite, Times: b.retry.attempts, Status: http.StatusTooManyRequests})
	_, err := b.Write(t.Context(), key, nil, hub.WriteOptions{})
	if !errors.Is(err, hub.ErrUnavailable) || errors.Is(err, hub.ErrUnknownOutcome) || !strings.Contains(err.Error(), "429") {
		t.Errorf("write: %v; 429 means that nothing happened", err)
	}
}

func TestOneWritePerNameAndSecond(t *testing.T) {
	b, server := emulate(t, "")
	server.SetStrictRate(true)
	b.retry = defaultRetry()
	put(t, b, "one")
	put(t, b, "two")
	if body, _ := content(t, b, key); body != "two" {
		t.Errorf("it is %q", body)
	}
	if n := server.Counts()[gcsemu.OpWrite]; n < 3 {
		t.Errorf("%d writes arrived: nothing was turned away", n)
	}
}

func TestTheCallersDeadlineBoundsTheRepetitions(t *testing.T) {
	b, server := emulate(t, "")
	server.SetOutage(true)
	b.retry.base, b.retry.longest, b.retry.attempts = time.Hour, time.Hour, 100
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := b.Read(ctx, key, 0)
	if !errors.Is(err, hub.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
}

func TestASlowAttemptIsGivenUp(t *testing.T) {
	b, server := emulate(t, "")
	put(t, b, "x")
	b.retry.timeout, b.retry.attempts = 20*time.Millisecond, 2
	server.SetLatency(time.Hour, time.Hour)
	if _, err := b.Read(t.Context(), key, 0); !errors.Is(err, hub.ErrUnavailable) {
		t.Errorf("read: %v", err)
	}
	_, err := b.Write(t.Context(), key, []byte("y"), hub.WriteOptions{})
	if !errors.Is(err, hub.ErrUnavailable) || !errors.Is(err, hub.ErrUnknownOutcome) {
		t.Errorf("write: %v", err)
	}
}

func TestForbidden(t *testing.T) {
	b, server := emulate(t, "")
	g := put(t, b, "x")
	server.Inject(gcsemu.Fault{Times: 1000, Status: http.StatusForbidden})
	_, readErr := b.Read(t.Context(), key, 0)
	_, writeErr := b.Write(t.Context(), key, nil, hub.WriteOptions{})
	_, historyErr := b.History(t.Context(), key)
	var listErr error
	for _, err := range b.List(t.Context(), "", "") {
		listErr = err
	}
	for what, err := range map[string]error{
		"read": readErr, "write": writeErr, "delete": b.Delete(t.Context(), key, g), "list": listErr, "history": historyErr, "empty": b.Empty(t.Context(), nil),
	} {
		if !errors.Is(err, hub.ErrForbidden) || errors.Is(err, hub.ErrNotExist) || errors.Is(err, hub.ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestNoBucket(t *testing.T) {
	emulate(t, "")
	b := openTest(t, "other", "")
	_, readErr := b.Read(t.Context(), key, 0)
	_, writeErr := b.Write(t.Context(), key, nil, hub.WriteOptions{})
	var listErr error
	for _, err := range b.List(t.Context(), "", "") {
		listErr = err
	}
	_, provisionErr := b.Provision(t.Context())
	for what, err := range map[string]error{
		"read": readErr, "write": writeErr, "delete": b.Delete(t.Context(), key, 0), "list": listErr, "provision": provisionErr,
	} {
		if !errors.Is(err, hub.ErrNoBucket) || !errors.Is(err, hub.ErrNotExist) || !strings.Contains(fmt.Sprint(err), "gs://other") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What a call costs is part of the design: reads that find nothing are not
// billed, others are.
func TestOperationsPerCall(t *testing.T) {
	b, server := emulate(t, "")
	g := put(t, b, "x")
	for _, c := range []struct {
		what, want string
		call       func()
	}{
		{"poll of what is missing", "map[read:1]", func() { _, _ = b.Read(t.Context(), "missing", 0) }},
		{"poll of what is unchanged", "map[read:1]", func() { _, _ = b.Read(t.Context(), key, g) }},
		{"read", "map[read:1]", func() { _, _ = b.Read(t.Context(), key, 0) }},
		{"write", "map[write:1]", func() { _, _ = b.Write(t.Context(), "other", nil, hub.WriteOptions{}) }},
		{"listing", "map[list:1]", func() {
			for _, err := range b.List(t.Context(), "", "") {
				if err != nil {
					t.Error(err)
				}
			}
		}},
	} {
		server.ResetCounts()
		c.call()
		if got := fmt.Sprint(server.Counts()); got != c.want {
			t.Errorf("a %s costs %s, want %s", c.what, got, c.want)
		}
	}
}
