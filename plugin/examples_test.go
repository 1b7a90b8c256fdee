package plugin

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-fed/kubectl-fed/plugin/internal/memory"
)

// Whatever the documentation tells people to try can be planned on paper.
func TestExamplesCanBePlanned(t *testing.T) {
	const examples = "../docs/examples/"
	files, err := filepath.Glob(examples + "*/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	for _, file := range files {
		if strings.Contains(file, "walkthrough") || strings.HasSuffix(file, "roster.yaml") || strings.HasSuffix(file, ".service") {
			continue
		}
		got := command(t, memory.New(), "", "plan", "-f", file, "--assume", examples+"plan/roster.yaml", "-o", "json")
		if got.code != 0 || !strings.Contains(got.out, `"action": "`) || strings.Contains(got.out, `"held"`) {
			t.Errorf("%s: %+v", file, got)
		}
	}
}
