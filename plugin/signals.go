package plugin

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	// reownEvery bounds how long a signal may still be kubectl's after it began to wait.
	reownEvery = 100 * time.Millisecond
	// unwindFor is how long an interrupted wait may take to end by itself.
	unwindFor = time.Second
)

// ownSignals lets a signal cancel the command while it waits. kubectl's own
// waits take signals too and exit with 1 at once, in a race with whoever else
// listens; so the signals are taken back from them until the command ends.
// Some of those waits heed no context: they are abandoned.
func (s *session) ownSignals() {
	taken := make(chan os.Signal, 1)
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, reownEvery) {
		signal.Reset(os.Interrupt, syscall.SIGTERM)
		signal.Notify(taken, os.Interrupt, syscall.SIGTERM)
		select {
		case <-s.ended:
			return
		case <-taken:
			s.interrupt()
		case <-s.ctx.Done():
			signal.Reset(os.Interrupt, syscall.SIGTERM) // a second one ends the process
			time.AfterFunc(unwindFor, func() { close(s.abandoned) })
			return
		case <-time.After(pause):
		}
	}
}
