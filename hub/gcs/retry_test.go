package gcs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/auth"
	"google.golang.org/api/googleapi"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

func TestJudge(t *testing.T) {
	status := func(code int, reason string) error {
		return fmt.Errorf("storage: %w", &googleapi.Error{Code: code, Errors: []googleapi.ErrorItem{{Reason: reason}}})
	}
	login := func(code int) error {
		return &url.Error{Op: "Get", URL: "https://x", Err: &auth.Error{Response: &http.Response{StatusCode: code}}}
	}
	for _, c := range []struct {
		what string
		err  error
		want verdict
	}{
		{"success", nil, verdict{}},
		{"304", status(304, ""), verdict{kind: hub.ErrNotModified}},
		{"400", status(400, "invalid"), verdict{}},
		{"401", status(401, "required"), verdict{kind: hub.ErrForbidden}},
		{"403", status(403, "forbidden"), verdict{kind: hub.ErrForbidden}},
		{"403 for the rate", status(403, "userRateLimitExceeded"), verdict{kind: hub.ErrUnavailable, transient: true}},
		{"404", status(404, "notFound"), verdict{kind: hub.ErrNotExist}},
		{"404 of the bucket", &googleapi.Error{Code: 404, Message: "The specified bucket does not exist."}, verdict{kind: hub.ErrNoBucket}},
		{"404 of the bucket as text", &googleapi.Error{Code: 404, Body: "The specified bucket does not exist."}, verdict{kind: hub.ErrNoBucket}},
		{"408", status(408, ""), verdict{kind: hub.ErrUnavailable, transient: true, unsure: true}},
		{"412", status(412, "conditionNotMet"), verdict{kind: hub.ErrPrecondition}},
		{"429", status(429, "rateLimitExceeded"), verdict{kind: hub.ErrUnavailable, transient: true}},
		{"503", status(503, "backendError"), verdict{kind: hub.ErrUnavailable, transient: true, unsure: true}},
		{"half an answer", io.ErrUnexpectedEOF, verdict{kind: hub.ErrUnavailable, transient: true, unsure: true}},
		{"time out", context.DeadlineExceeded, verdict{kind: hub.ErrUnavailable, transient: true, unsure: true}},
		{"refused", &url.Error{Op: "Post", Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}, verdict{kind: hub.ErrUnavailable, transient: true}},
		{"reset", &url.Error{Op: "Post", Err: &net.OpError{Op: "read", Err: syscall.ECONNRESET}}, verdict{kind: hub.ErrUnavailable, transient: true, unsure: true}},
		{"no token", login(400), verdict{kind: hub.ErrForbidden}},
		{"no token for now", login(503), verdict{kind: hub.ErrUnavailable, transient: true}},
		{"too large", fmt.Errorf("%w: 5", hub.ErrTooLarge), verdict{kind: hub.ErrTooLarge}},
	} {
		if got := judge(c.err); got != c.want {
			t.Errorf("%s is judged %+v, want %+v", c.what, got, c.want)
		}
	}
}

func TestDescribeTellsNoURLsAndNoBodies(t *testing.T) {
	for _, err := range []error{
		&url.Error{Op: "Post", URL: "https://storage/upload?upload_id=SECRET", Err: syscall.ECONNRESET},
		&googleapi.Error{Code: 503, Body: "SECRET", Header: http.Header{"X": {"SECRET"}}},
		&url.Error{Op: "Get", URL: "https://x?token=SECRET", Err: io.EOF},
	} {
		if text := describe(err).Error(); text == "" || strings.Contains(text, "SECRET") {
			t.Errorf("described as %q", text)
		}
	}
	long := describe(&googleapi.Error{Code: 400, Message: strings.Repeat("é", 1000)}).Error()
	if len(long) > 2*maxDescription || !strings.Contains(long, "HTTP 400") {
		t.Errorf("a long message is described with %d bytes", len(long))
	}
	if err := describe(&url.Error{Op: "Get", Err: context.Canceled}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v is no longer a cancellation", err)
	}
}

func TestJitter(t *testing.T) {
	for _, pause := range []time.Duration{1, time.Second} {
		for range 100 {
			if got := jitter(pause); got < pause/2 || got > pause {
				t.Fatalf("a pause of %s became %s", pause, got)
			}
		}
	}
}
