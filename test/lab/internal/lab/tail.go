package lab

import (
	"fmt"
	"io"
	"os"
	"strings"
)

const tailBytes = 64 << 10

// tail returns the last lines of a log with its path, for an error message.
func tail(path string, lines int) string {
	text, err := readEnd(path)
	if err != nil {
		return fmt.Sprintf("(no log: %v)", err)
	}
	all := strings.Split(strings.TrimSpace(text), "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return fmt.Sprintf("  %s\nthe whole log: %s", strings.Join(all, "\n  "), path)
}

func readEnd(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("open log: %w", err)
	}
	defer func() { _ = f.Close() }()
	if size, err := f.Seek(0, io.SeekEnd); err != nil {
		return "", fmt.Errorf("read log: %w", err)
	} else if _, err := f.Seek(max(0, size-tailBytes), io.SeekStart); err != nil {
		return "", fmt.Errorf("read log: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(f, tailBytes))
	if err != nil {
		return "", fmt.Errorf("read log: %w", err)
	}
	return string(b), nil
}

func joined(zones []string) string { return strings.Join(zones, ",") }
