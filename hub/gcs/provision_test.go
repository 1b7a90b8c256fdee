package gcs

import (
	"net/http"
	"strings"
	"testing"

	"cloud.google.com/go/storage"

	"github.com/kubectl-fed/kubectl-fed/hub"
	"github.com/kubectl-fed/kubectl-fed/test/gcsemu"
)

func settings(t *testing.T, b *Bucket) *storage.BucketAttrs {
	t.Helper()
	attrs, err := b.bucket.Attrs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return attrs
}

func change(t *testing.T, b *Bucket, update storage.BucketAttrsToUpdate) {
	t.Helper()
	if _, err := b.bucket.Update(t.Context(), update); err != nil {
		t.Fatal(err)
	}
}

func TestProvisionSetsVersioningAndLifecycle(t *testing.T) {
	b, _ := emulate(t, "team")
	theirs := storage.LifecycleRule{
		Action:    storage.LifecycleAction{Type: storage.DeleteAction},
		Condition: storage.LifecycleCondition{AgeInDays: 30, MatchesPrefix: []string{"logs/"}},
	}
	change(t, b, storage.BucketAttrsToUpdate{VersioningEnabled: false, Lifecycle: &storage.Lifecycle{Rules: []storage.LifecycleRule{theirs}}})
	for range 2 {
		if _, err := b.Provision(t.Context()); err != nil {
			t.Fatal(err)
		}
		attrs := settings(t, b)
		rules := attrs.Lifecycle.Rules
		if !attrs.VersioningEnabled || len(rules) != 2 || rules[0].Condition.MatchesPrefix[0] != "logs/" {
			t.Fatalf("versioning %v, rules %+v", attrs.VersioningEnabled, rules)
		}
		for _, prefix := range rules[1].Condition.MatchesPrefix {
			if !strings.HasPrefix(prefix, "team/") || strings.Contains(prefix, "specs") || strings.Contains(prefix, "clusters") {
				t.Errorf("past versions of %q are dropped", prefix)
			}
		}
	}
}

func TestProvisionWarns(t *testing.T) {
	b, server := emulate(t, "")
	change(t, b, storage.BucketAttrsToUpdate{SoftDeletePolicy: &storage.SoftDeletePolicy{RetentionDuration: 7 * 24 * 3600e9}})
	warned := func() string {
		warnings, err := b.Provision(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(warnings, "\n")
	}
	got := warned()
	for _, want := range []string{"uniform bucket-level access", "public access prevention", "soft delete keeps"} {
		if !strings.Contains(got, want) {
			t.Errorf("no warning of %q in %q", want, got)
		}
	}
	change(t, b, storage.BucketAttrsToUpdate{
		UniformBucketLevelAccess: &storage.UniformBucketLevelAccess{Enabled: true},
		PublicAccessPrevention:   storage.PublicAccessPreventionEnforced,
		SoftDeletePolicy:         &storage.SoftDeletePolicy{},
	})
	if got := warned(); got != "" {
		t.Errorf("warned of %q with everything set", got)
	}
	server.Inject(gcsemu.Fault{Op: gcsemu.OpBucket, Times: 1, Status: http.StatusForbidden})
	if got := warned(); !strings.Contains(got, "storage.buckets.get") {
		t.Errorf("not told that nothing could be checked: %q", got)
	}
}

func TestProvisionNeedsToWrite(t *testing.T) {
	b, server := emulate(t, "")
	server.Inject(gcsemu.Fault{Op: gcsemu.OpWrite, Times: 1, Status: http.StatusForbidden})
	if _, err := b.Provision(t.Context()); err == nil || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("provision: %v", err)
	}
}

func TestEmptyTakesVersionsAndLeavesOthers(t *testing.T) {
	mine, _ := emulate(t, "mine")
	theirs := openTest(t, testBucket, "theirs")
	for range 1010 { // versions of one name, more than a page
		if _, err := mine.Write(t.Context(), "bell", nil, hub.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	put(t, theirs, "x")
	if err := mine.Empty(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if versions, err := mine.History(t.Context(), "bell"); err != nil || len(versions) != 0 {
		t.Errorf("%d versions left, %v", len(versions), err)
	}
	content(t, theirs, key)
}

func TestOpenRefusesAPrefixThatLeaves(t *testing.T) {
	for _, prefix := range []string{"..", "a/../b", "a/", "/a"} {
		if _, err := Open(t.Context(), "b", prefix); err == nil {
			t.Errorf("opened with the prefix %q", prefix)
		}
	}
}
