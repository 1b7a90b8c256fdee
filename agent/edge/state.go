package edge

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	savedFile   = "served.json"
	processFile = "process"
)

// saved is what an edge served last. It holds keys: nobody else may read it.
type saved struct {
	Document     *v1alpha1.Traffic      `json:"document"`
	Certificates []v1alpha1.Certificate `json:"certificates,omitempty"`
}

// load reads it; nothing where nothing was saved.
func load(dir string) (*saved, error) {
	if dir == "" {
		return nil, nil
	}
	sweep(dir)
	text, err := os.ReadFile(filepath.Join(dir, savedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what was served last: %w", err)
	}
	s := &saved{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("read what was served last: %w", err)
	}
	if s.Document == nil {
		return nil, errors.New("read what was served last: there is no document in it")
	}
	return s, nil
}

// sweep removes what a process that was cut short left half written: keys are in
// it, and nobody would.
func sweep(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "."+savedFile+"-") {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

func (s *saved) store(dir string) error {
	if dir == "" {
		return nil
	}
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write what is served: %w", err)
	}
	return replace(dir, savedFile, text)
}

// replace writes a file whole or not at all.
func replace(dir, name string, text []byte) error {
	t, err := os.CreateTemp(dir, "."+name+"-*") // only its owner may read it
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = t.Write(text)
	err = errors.Join(err, t.Sync(), t.Close())
	if err == nil {
		err = os.Rename(t.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		_ = os.Remove(t.Name())
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// predecessor is the process that ran with this folder before, "" for none.
func predecessor(dir string) string {
	if dir == "" {
		return ""
	}
	text, err := os.ReadFile(filepath.Join(dir, processFile))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// leave this process's name for the next one.
func leave(dir, process string) error {
	if dir == "" {
		return nil
	}
	return replace(dir, processFile, []byte(process+"\n"))
}
