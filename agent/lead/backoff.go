package lead

import (
	"math/rand/v2"
	"time"
)

const (
	firstPause = time.Second
	lastPause  = 30 * time.Second
)

// backoff doubles the pause with every failure, with jitter.
type backoff struct{ pause time.Duration }

func (b *backoff) fail() time.Duration {
	b.pause = min(max(2*b.pause, firstPause), lastPause)
	return b.pause/2 + rand.N(b.pause/2+1)
}

func (b *backoff) succeed() { b.pause = 0 }
