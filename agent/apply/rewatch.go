package apply

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// watchBackoff is the longest a broken watch waits before it is tried again,
	// far below client-go's half minute: drift is not seen while it waits.
	watchBackoff = 5 * time.Second
	// forbiddenBackoff is for a kind that the agent may not watch, which only
	// an administrator can change.
	forbiddenBackoff = 2 * time.Minute
	// watchHealthy is how long a watch must have lasted for its end to count
	// as the first failure.
	watchHealthy = time.Minute
)

// watchPause is how long to wait after the n-th end in a row (n >= 1).
func watchPause(err error, n int) time.Duration {
	if apierrors.IsForbidden(err) {
		return forbiddenBackoff
	}
	d := 500 * time.Millisecond
	for range n - 1 {
		if d = d * 3 / 2; d >= watchBackoff {
			return watchBackoff
		}
	}
	return d
}

// rewatch watches again whenever the watch ends, until the context does. It
// tells once why a watch fails, and again when the reason is another.
func rewatch(ctx context.Context, gvr schema.GroupVersionResource, watch func(context.Context) error) {
	var failing bool
	var told metav1.StatusReason
	for ends := 1; ; ends++ {
		began := time.Now()
		err := watch(ctx)
		if time.Since(began) >= watchHealthy {
			ends, failing = 1, false
		}
		if reason := apierrors.ReasonForError(err); err != nil && ctx.Err() == nil && (!failing || reason != told) {
			logf.FromContext(ctx).Info("watch failed, will retry", "resource", gvr.GroupResource().String(), "error", err.Error())
			failing, told = true, reason
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait.Jitter(watchPause(err, ends), 0.5)):
		}
	}
}
