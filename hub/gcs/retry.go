package gcs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

// retry bounds the repetitions of one call.
type retry struct {
	attempts int
	base     time.Duration // the first pause; it doubles
	longest  time.Duration // no pause is longer
	timeout  time.Duration // of one attempt
}

func defaultRetry() retry {
	return retry{attempts: 5, base: time.Second, longest: 4 * time.Second, timeout: 30 * time.Second}
}

// Whether a call changes anything.
const (
	reading = false
	writing = true
)

// run calls until the storage answers, the attempts are used up, or ctx ends.
// The call is told whether an earlier attempt may have taken effect.
func (b *Bucket) run(ctx context.Context, writes bool, call func(ctx context.Context, unsure bool) error) error {
	unsure := false
	pause := b.retry.base
	for attempt := 1; ; attempt++ {
		err := b.once(ctx, func(ctx context.Context) error { return call(ctx, unsure) })
		if err == nil {
			return nil
		}
		verdict := judge(err)
		unsure = (unsure || (writes && verdict.unsure)) && !verdict.settled
		if !verdict.transient || attempt == b.retry.attempts || !sleep(ctx, jitter(pause)) {
			return b.report(verdict, unsure, errors.Join(describe(err), ctx.Err()))
		}
		pause = min(2*pause, b.retry.longest)
	}
}

func (b *Bucket) once(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, b.retry.timeout)
	defer cancel()
	return call(ctx)
}

// jitter spreads those who were turned away together: half the pause to the
// whole.
func jitter(pause time.Duration) time.Duration {
	return pause/2 + rand.N(pause/2+1)
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// verdict is what an error of the storage means.
type verdict struct {
	kind      error // of hub; nil when it is none of them
	transient bool  // worth repeating
	unsure    bool  // a write may have taken effect all the same
	settled   bool  // whatever earlier attempts left in doubt is known now
}

func judge(err error) verdict {
	var api *googleapi.Error
	var login *auth.Error
	var op *net.OpError
	switch {
	case err == nil:
		return verdict{}
	case errors.Is(err, hub.ErrTooLarge):
		return verdict{kind: hub.ErrTooLarge}
	case errors.Is(err, hub.ErrPrecondition):
		return verdict{kind: hub.ErrPrecondition, settled: true}
	case errors.As(err, &api):
		return judgeStatus(api)
	case errors.As(err, &login): // no token, so the storage was not even asked
		if login.Temporary() {
			return verdict{kind: hub.ErrUnavailable, transient: true}
		}
		return verdict{kind: hub.ErrForbidden}
	case errors.Is(err, storage.ErrBucketNotExist):
		return verdict{kind: hub.ErrNoBucket}
	case errors.Is(err, storage.ErrObjectNotExist):
		return verdict{kind: hub.ErrNotExist}
	case errors.As(err, &op) && op.Op == "dial":
		return verdict{kind: hub.ErrUnavailable, transient: true}
	default: // no answer, or half of one
		return verdict{kind: hub.ErrUnavailable, transient: true, unsure: true}
	}
}

func judgeStatus(api *googleapi.Error) verdict {
	switch code := api.Code; {
	case code == http.StatusNotModified:
		return verdict{kind: hub.ErrNotModified}
	case code == http.StatusPreconditionFailed:
		return verdict{kind: hub.ErrPrecondition}
	case code == http.StatusNotFound && namesBucket(api):
		return verdict{kind: hub.ErrNoBucket}
	case code == http.StatusNotFound:
		return verdict{kind: hub.ErrNotExist}
	case code == http.StatusTooManyRequests, code == http.StatusForbidden && isRateLimit(api):
		return verdict{kind: hub.ErrUnavailable, transient: true}
	case code == http.StatusForbidden, code == http.StatusUnauthorized:
		return verdict{kind: hub.ErrForbidden}
	case code == http.StatusRequestTimeout, code >= http.StatusInternalServerError:
		return verdict{kind: hub.ErrUnavailable, transient: true, unsure: true}
	default:
		return verdict{}
	}
}

// namesBucket tells a missing bucket from a missing object, which the status
// does not.
func namesBucket(api *googleapi.Error) bool {
	return strings.Contains(api.Message+api.Body, "bucket does not exist")
}

func isRateLimit(api *googleapi.Error) bool {
	for _, item := range api.Errors {
		if strings.HasSuffix(strings.ToLower(item.Reason), "ratelimitexceeded") {
			return true
		}
	}
	return false
}

func isMissingObject(err error) bool { return errors.Is(judge(err).kind, hub.ErrNotExist) }

// report builds the error a caller gets.
func (b *Bucket) report(v verdict, unsure bool, cause error) error {
	err := cause
	switch {
	case v.kind == nil:
	case errors.Is(v.kind, hub.ErrNoBucket):
		err = fmt.Errorf("%w: %s", hub.ErrNoBucket, b)
	case errors.Is(v.kind, hub.ErrNotExist), errors.Is(v.kind, hub.ErrNotModified), errors.Is(v.kind, hub.ErrPrecondition),
		errors.Is(v.kind, hub.ErrTooLarge):
		err = v.kind // the cause says nothing more
	default:
		err = fmt.Errorf("%w: %w", v.kind, cause)
	}
	if unsure {
		err = fmt.Errorf("%w (%w)", err, hub.ErrUnknownOutcome)
	}
	return err
}

const maxDescription = 300

// describe is the storage's own word without what does not concern the caller:
// URLs with upload ids, bodies and headers. The chain to context errors stays.
func describe(err error) error {
	var api *googleapi.Error
	if errors.As(err, &api) {
		text := api.Message
		if text == "" {
			text = http.StatusText(api.Code)
		}
		if len(text) > maxDescription {
			text = strings.ToValidUTF8(text[:maxDescription], "") + "…"
		}
		return fmt.Errorf("HTTP %d: %s", api.Code, text)
	}
	var transport *url.Error
	if errors.As(err, &transport) {
		err = transport.Err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the connection was closed before the answer")
	}
	return err
}
