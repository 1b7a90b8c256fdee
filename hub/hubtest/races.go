package hubtest

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

func createRace(t *testing.T, b hub.Bucket) {
	ctx := deadline(t)
	for round := range 5 {
		key := "shards/a/" + strconv.Itoa(round)
		var group sync.WaitGroup
		errs := make([]error, 20)
		for i := range errs {
			group.Go(func() {
				_, errs[i] = b.Write(ctx, key, []byte(strconv.Itoa(i)), hub.WriteOptions{IfGeneration: hub.IfAbsent()})
			})
		}
		group.Wait()
		var winners []int
		for i, err := range errs {
			if err == nil {
				winners = append(winners, i)
			} else {
				wantErr(t, "a loser", err, hub.ErrPrecondition)
			}
		}
		if len(winners) != 1 {
			t.Fatalf("round %d has winners %v", round, winners)
		}
		if got := string(read(t, b, key).Body); got != strconv.Itoa(winners[0]) {
			t.Errorf("round %d: %d won, but the object is of %s", round, winners[0], got)
		}
	}
}

// Increment adds one to the number kept at key by compare-and-swap. Who lost
// the race waits a moment by chance, as writers do.
func Increment(ctx context.Context, b hub.Bucket, key string) error {
	for {
		var n int
		var at int64
		obj, err := b.Read(ctx, key, 0)
		switch {
		case err == nil:
			at = obj.Generation
			if n, err = strconv.Atoi(string(obj.Body)); err != nil {
				return err
			}
		case !errors.Is(err, hub.ErrNotExist):
			return err
		}
		_, err = b.Write(ctx, key, []byte(strconv.Itoa(n+1)), hub.WriteOptions{IfGeneration: &at})
		if !errors.Is(err, hub.ErrPrecondition) {
			return err
		}
		time.Sleep(rand.N(maxPause))
	}
}

const maxPause = 50 * time.Millisecond

func increments(t *testing.T, b hub.Bucket) {
	const writers, each = 50, 4
	ctx := deadline(t)
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range each {
				if err := Increment(ctx, b, "counter"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if got := string(read(t, b, "counter").Body); got != strconv.Itoa(writers*each) {
		t.Errorf("%d increments made %s", writers*each, got)
	}
}

func wholeObjects(t *testing.T, b hub.Bucket) {
	const rounds = 60
	ctx := deadline(t)
	content := func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i%26)}, 1+i*971%40_000) }
	write(t, b, "k", "a")
	done := make(chan struct{})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			bodies := map[int64]string{}
			for more := true; more; {
				select {
				case <-done:
					more = false
				default:
				}
				obj, err := b.Read(ctx, "k", 0)
				if err != nil {
					t.Error(err)
					return
				}
				if body := string(obj.Body); strings.Trim(body, body[:1]) != "" {
					t.Errorf("generation %d is torn", obj.Generation)
				}
				if before, ok := bodies[obj.Generation]; ok && before != string(obj.Body) {
					t.Errorf("generation %d has two contents", obj.Generation)
				}
				bodies[obj.Generation] = string(obj.Body)
			}
		})
	}
	for i := range rounds {
		if _, err := b.Write(ctx, "k", content(i), hub.WriteOptions{}); err != nil {
			t.Error(err)
		}
	}
	close(done)
	group.Wait()
}
