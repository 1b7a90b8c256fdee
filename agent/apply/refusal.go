package apply

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Failure is what kind of failure an API server's answer is.
type Failure string

// The failures.
const (
	// Refused: the server understood and will not. Retried seldom.
	Refused Failure = "Refused"
	// Transient: the server could not. Retried soon.
	Transient Failure = "Transient"
)

// Classify tells a refusal from an outage.
func Classify(err error) Failure {
	if meta.IsNoMatchError(err) {
		return Refused
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return Transient
	}
	code := status.Status().Code
	switch {
	case apierrors.IsTooManyRequests(err), apierrors.IsTimeout(err), apierrors.IsConflict(err), apierrors.IsUnauthorized(err):
		return Transient
	case code >= 400 && code < 500:
		return Refused
	case apierrors.IsInternalError(err) && strings.Contains(err.Error(), "admission webhook"):
		return Refused
	case apierrors.IsInternalError(err) && strings.Contains(err.Error(), "failed calling webhook"):
		return Refused
	}
	return Transient
}

// RetryAfter is how long to wait after the n-th failure in a row (n >= 1).
func RetryAfter(f Failure, n int) time.Duration {
	first, most := time.Second, 30*time.Second
	if f == Refused {
		first, most = 5*time.Second, 5*time.Minute
	}
	d := first
	for range n - 1 {
		if d *= 2; d >= most {
			return most
		}
	}
	return d
}

const maxMessage = 1024

// Words is the API server's own text, bounded. What it says of a Secret is cut
// down to the names of the fields, because it may quote their values.
func Words(kind schema.GroupVersionKind, err error) string {
	text := err.Error()
	if kind == secretGVK {
		text = discreet(err)
	}
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	return text
}

// unauthorized is how an API server says that RBAC does not allow a verb. No
// more of the text than the verb is taken: the rest may be anyone's.
var unauthorized = regexp.MustCompile(`cannot (get|list|watch|create|update|patch|delete) resource "secrets"`)

func discreet(err error) string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return "the request failed"
	}
	s := status.Status()
	text := fmt.Sprintf("%s (%d)", s.Reason, s.Code)
	if m := unauthorized.FindStringSubmatch(s.Message); s.Code == http.StatusForbidden && m != nil {
		return fmt.Sprintf("%s: the agent may not %s secrets; its chart's value rbac.secrets lets it", text, m[1])
	}
	if s.Details == nil {
		return text
	}
	var fields []string
	for _, c := range s.Details.Causes {
		if c.Field != "" && !slices.Contains(fields, c.Field) {
			fields = append(fields, c.Field)
		}
	}
	if len(fields) > 0 {
		text += ": " + strings.Join(fields, ", ")
	}
	return text
}
