package gcs

import (
	"context"
	"testing"
	"time"

	"github.com/kubectl-fed/kubectl-fed/hub"
	"github.com/kubectl-fed/kubectl-fed/hub/hubtest"
	"github.com/kubectl-fed/kubectl-fed/test/gcsemu"
)

const testBucket = "federation"

// emulate starts an emulator and a bucket on it that repeats quickly.
func emulate(t *testing.T, prefix string) (*Bucket, *gcsemu.Server) {
	t.Helper()
	server, err := gcsemu.Start(gcsemu.Options{Buckets: []string{testBucket}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	t.Setenv("STORAGE_EMULATOR_HOST", server.URL)
	return openTest(t, testBucket, prefix), server
}

func openTest(t *testing.T, name, prefix string) *Bucket {
	t.Helper()
	b, err := Open(context.Background(), name, prefix)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	b.retry.base, b.retry.longest = time.Millisecond, 4*time.Millisecond
	return b
}

// The suite runs below a prefix, which is the harder case; the other tests of
// this package run without one.
func TestConformance(t *testing.T) {
	hubtest.Run(t, func(t *testing.T) hub.Bucket {
		b, _ := emulate(t, "team/blue")
		return b
	})
}
