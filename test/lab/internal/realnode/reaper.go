package realnode

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// reaper starts processes and collects all that end, its own and those whose
// parent ended before them: as the first process of a node it inherits them.
// os/exec cannot be used beside it.
type reaper struct {
	mu   sync.Mutex
	wait map[int]chan error
}

func newReaper() *reaper {
	r := &reaper{wait: map[int]chan error{}}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGCHLD)
	go func() {
		for range signals {
			r.collect()
		}
	}()
	return r
}

// start runs a program with its output appended to a file. The channel gets
// how it ended, nil for a success.
func (r *reaper) start(log, program string, args ...string) (<-chan error, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	in, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	r.mu.Lock() // its end may not be collected before it is known
	defer r.mu.Unlock()
	pid, err := syscall.ForkExec(program, append([]string{program}, args...), &syscall.ProcAttr{
		Dir: "/", Env: environment(), Files: []uintptr{in.Fd(), out.Fd(), out.Fd()},
	})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	ended := make(chan error, 1)
	r.wait[pid] = ended
	return ended, nil
}

func environment() []string {
	return []string{"PATH=" + tools + ":/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/var/lib", "GODEBUG=" + os.Getenv("GODEBUG")}
}

func (r *reaper) collect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if ended, ok := r.wait[pid]; ok {
			delete(r.wait, pid)
			ended <- failure(status)
		}
	}
}

func failure(status syscall.WaitStatus) error {
	switch {
	case status.Signaled():
		return fmt.Errorf("signal %v", status.Signal())
	case status.ExitStatus() != 0:
		return fmt.Errorf("exit code %d", status.ExitStatus())
	}
	return nil
}
