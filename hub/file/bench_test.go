//go:build linux || darwin

package file

import (
	"fmt"
	"os"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

func BenchmarkPollMissing(b *testing.B) {
	bucket := provisioned(b)
	for b.Loop() {
		_, _ = bucket.Read(b.Context(), "shards/a/00000000000000000001.json", 0)
	}
}

func BenchmarkPollUnchanged(b *testing.B) {
	bucket := provisioned(b)
	g, err := bucket.Write(b.Context(), "bell", []byte("x"), hub.WriteOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		_, _ = bucket.Read(b.Context(), "bell", g)
	}
}

func BenchmarkWrite(b *testing.B) {
	bucket := provisioned(b)
	for b.Loop() {
		if _, err := bucket.Write(b.Context(), "specs/default/configmaps/a.yaml", make([]byte, 1000), hub.WriteOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkList5000(b *testing.B) {
	bucket := provisioned(b)
	bucket.disk.sync = func(*os.File) error { return nil }
	for i := range 5000 {
		key := fmt.Sprintf("specs/ns%d/configmaps/c%d.yaml", i%20, i)
		if _, err := bucket.Write(b.Context(), key, []byte("x"), hub.WriteOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	for name, cold := range map[string]bool{"cold": true, "warm": false} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if cold {
					bucket.seen = sightings{}
				}
				for _, err := range bucket.List(b.Context(), "specs/", "") {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
