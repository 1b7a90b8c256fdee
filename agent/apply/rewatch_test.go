package apply

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

func TestWatchPause(t *testing.T) {
	forbidden := fmt.Errorf("failed to list pods: %w", apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", nil))
	tests := []struct {
		err  error
		n    int
		want time.Duration
	}{
		{nil, 1, 500 * time.Millisecond},
		{errors.New("connection refused"), 1, 500 * time.Millisecond},
		{errors.New("connection refused"), 2, 750 * time.Millisecond},
		{errors.New("connection refused"), 99, watchBackoff},
		{forbidden, 1, forbiddenBackoff},
		{forbidden, 99, forbiddenBackoff},
	}
	for _, tt := range tests {
		if got := watchPause(tt.err, tt.n); got != tt.want {
			t.Errorf("%v, %d: got %v, want %v", tt.err, tt.n, got, tt.want)
		}
	}
}

func TestRewatchTellsEachReasonOnce(t *testing.T) {
	var lines []string
	ctx, cancel := context.WithCancel(logf.IntoContext(t.Context(), funcr.New(func(_, args string) { lines = append(lines, args) }, funcr.Options{})))
	answers := []error{errors.New("connection refused"), errors.New("connection refused"), apierrors.NewTooManyRequestsError("busy")}
	rewatch(ctx, schema.GroupVersionResource{Version: "v1", Resource: "pods"}, func(context.Context) error {
		if len(answers) == 0 {
			cancel()
			return nil
		}
		err := answers[0]
		answers = answers[1:]
		return err
	})
	if len(lines) != 2 {
		t.Errorf("told %q", lines)
	}
}
