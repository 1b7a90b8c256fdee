package hubtest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

func listing(t *testing.T, b hub.Bucket) {
	all := []string{"a.yaml", "a/b", "a/c/d", "a/c.e", "a0", "b", "é/x", "a-b/c", "ab"}
	want := map[string]int64{}
	for _, key := range all {
		want[key] = write(t, b, key, key)
	}
	slices.Sort(all)
	got := list(t, b, "", "")
	if !slices.Equal(keys(got), all) {
		t.Fatalf("listed %q, want %q", keys(got), all)
	}
	for _, a := range got {
		if a.Generation != want[a.Key] || a.Size != int64(len(a.Key)) || time.Since(a.Updated).Abs() > time.Hour {
			t.Errorf("listed %+v, want generation %d", a, want[a.Key])
		}
	}
	for _, prefix := range []string{"a", "a/", "a/c", "a/c/", "é", "é/x", "zz", "a/b/", "a.yaml"} {
		for _, offset := range append(all, "", "a/", "a/c/", "zz", "A") {
			var expect []string
			for _, key := range all {
				if strings.HasPrefix(key, prefix) && key >= offset {
					expect = append(expect, key)
				}
			}
			if got := keys(list(t, b, prefix, offset)); !slices.Equal(got, expect) {
				t.Errorf("prefix %q offset %q: listed %q, want %q", prefix, offset, got, expect)
			}
		}
	}
}

func listingMany(t *testing.T, b hub.Bucket) {
	const many = 1203
	fill(t, b, many)
	got := keys(list(t, b, "shards/", ""))
	if len(got) != many || !slices.IsSorted(got) {
		t.Fatalf("listed %d, sorted %v, want %d", len(got), slices.IsSorted(got), many)
	}
	if once := slices.Compact(slices.Clone(got)); len(once) != many {
		t.Errorf("%d were listed twice", many-len(once))
	}
	if rest := keys(list(t, b, "shards/", got[many-3])); !slices.Equal(rest, got[many-3:]) {
		t.Errorf("from an offset: %q", rest)
	}
}

// fill writes numbered objects, some at a time.
func fill(t *testing.T, b hub.Bucket, many int) {
	ctx := deadline(t)
	numbers := make(chan int)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for i := range numbers {
				if _, err := b.Write(ctx, fmt.Sprintf("shards/c%d/%020d", i%3, i), []byte("x"), hub.WriteOptions{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range many {
		numbers <- i
	}
	close(numbers)
	group.Wait()
}

func listingLeft(t *testing.T, b hub.Bucket) {
	write(t, b, "a", "x")
	write(t, b, "b", "x")
	count := 0
	for _, err := range b.List(deadline(t), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		count++
		break
	}
	if count != 1 {
		t.Errorf("%d were yielded after the listing was left", count)
	}
}
