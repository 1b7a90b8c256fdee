package lead

import (
	"context"
	"errors"
	"time"
)

// margin of the lease that no write is begun in. A renewal takes up to two
// seconds.
const margin = 2 * time.Second

var (
	// errLease: the lease is not surely held for long enough. It may be again
	// after the next renewal.
	errLease = errors.New("the lease is about to run out")
	// errSuperseded: another leader has decided since. This one's term is over.
	errSuperseded = errors.New("another leader has taken over")
	// errGone: there is no federation in the bucket any more. Nothing is to
	// be written into it, least of all a lease.
	errGone = errors.New("the federation is gone from the bucket")
)

// fence lets writes through only while the lease is held, and ends those that
// would outlast it.
type fence struct{ lock Lock }

func (f fence) write(ctx context.Context, do func(context.Context) error) error {
	left := f.lock.Remaining()
	if left <= margin {
		return errLease
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	return do(ctx)
}
