package lab

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/proc"
)

func readIdentity(path string) (proc.Identity, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return proc.Identity{}, fmt.Errorf("read process: %w", err)
	}
	var id proc.Identity
	if err := json.Unmarshal(b, &id); err != nil {
		return proc.Identity{}, fmt.Errorf("read %s: %w", path, err)
	}
	return id, nil
}

func writeIdentity(path string, id proc.Identity) error {
	b, err := json.Marshal(id)
	if err != nil {
		return fmt.Errorf("encode process: %w", err)
	}
	return replace(path, append(b, '\n'))
}

// replace writes a file as a whole: a reader sees the old content or the new.
func replace(path string, b []byte) error {
	next := path + ".next"
	if err := os.WriteFile(next, b, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
