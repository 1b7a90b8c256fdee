// Package proc names a running process so that it is never mistaken for
// another one. A process id goes in, an Identity comes out that stays true
// after the id has been given to somebody else. It reads Linux's /proc and
// never signals a process whose identity does not match.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ErrGone says that the process has ended.
var ErrGone = errors.New("the process has ended")

// Identity is one process of one boot. A process id alone is reused; together
// with its start time it is not.
type Identity struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"startTicks"` // field 22 of /proc/PID/stat, in clock ticks since boot
	Boot  string `json:"boot"`       // /proc/sys/kernel/random/boot_id
}

// State is what the kernel says about a process.
type State int

// The states that matter to a lab.
const (
	Gone    State = iota // ended, or its id belongs to another process now
	Running              // alive
	Paused               // alive and stopped by SIGSTOP
)

// Identify returns the identity of a living process, or of one that has ended
// and is not yet reaped.
func Identify(pid int) (Identity, error) {
	_, start, err := readStat(pid)
	if err != nil {
		return Identity{}, err
	}
	boot, err := bootID()
	if err != nil {
		return Identity{}, err
	}
	return Identity{PID: pid, Start: start, Boot: boot}, nil
}

// State tells whether this very process still lives.
func (id Identity) State() State {
	boot, err := bootID()
	if err != nil || boot != id.Boot {
		return Gone
	}
	state, start, err := readStat(id.PID)
	switch {
	case err != nil || start != id.Start || state == 'Z' || state == 'X':
		return Gone
	case state == 'T':
		return Paused
	}
	return Running
}

// Signal sends a signal to this very process; ErrGone if it has ended. The
// process is held by a descriptor while its identity is compared, so the id
// cannot change hands in between.
func (id Identity) Signal(sig syscall.Signal) error {
	p, err := os.FindProcess(id.PID)
	if err != nil {
		return fmt.Errorf("find process %d: %w", id.PID, err)
	}
	defer func() { _ = p.Release() }()
	if id.State() == Gone {
		return ErrGone
	}
	if err := p.Signal(sig); errors.Is(err, os.ErrProcessDone) {
		return ErrGone
	} else if err != nil {
		return fmt.Errorf("signal process %d: %w", id.PID, err)
	}
	return nil
}

// Tree returns this process and all that come from it, parents before their
// children; nothing when it has ended.
func (id Identity) Tree() []Identity {
	if id.State() == Gone {
		return nil
	}
	children := map[int][]int{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return []Identity{id}
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if parent, err := parentOf(pid); err == nil {
			children[parent] = append(children[parent], pid)
		}
	}
	out := []Identity{id}
	for i := 0; i < len(out); i++ {
		for _, pid := range children[out[i].PID] {
			if child, err := Identify(pid); err == nil && child.State() != Gone {
				out = append(out, child)
			}
		}
	}
	return out
}

func parentOf(pid int) (int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read process %d: %w", pid, err)
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) < 2 {
		return 0, errors.New("malformed stat")
	}
	return strconv.Atoi(fields[1])
}

func bootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read boot id: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

func readStat(pid int) (state byte, start uint64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("read process %d: %w", pid, err)
	}
	state, start, err = parseStat(b)
	if err != nil {
		return 0, 0, fmt.Errorf("read process %d: %w", pid, err)
	}
	return state, start, nil
}

// parseStat reads fields 3 and 22 of /proc/PID/stat. The second field is the
// program's name in parentheses and may itself hold blanks and parentheses, so
// counting begins after the last one.
func parseStat(b []byte) (state byte, start uint64, err error) {
	end := bytes.LastIndexByte(b, ')')
	if end < 0 {
		return 0, 0, errors.New("malformed stat")
	}
	fields := strings.Fields(string(b[end+1:]))
	if len(fields) < 20 || len(fields[0]) != 1 {
		return 0, 0, errors.New("malformed stat")
	}
	start, err = strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("malformed start time: %w", err)
	}
	return fields[0][0], start, nil
}
