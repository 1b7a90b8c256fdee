package member

import (
	"context"
	"fmt"

	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

// loop treats objects one at a time, each again after every change of it, and
// again with growing delay as long as treating it fails.
type loop struct {
	treat func(ctx context.Context, key cache.ObjectName) error
	queue workqueue.TypedRateLimitingInterface[cache.ObjectName]
}

func newLoop(treat func(context.Context, cache.ObjectName) error) *loop {
	limiter := workqueue.DefaultTypedControllerRateLimiter[cache.ObjectName]()
	return &loop{treat: treat, queue: workqueue.NewTypedRateLimitingQueue(limiter)}
}

// watch has the loop treat the informer's objects.
func (l *loop) watch(informer cache.SharedIndexInformer) error {
	add := func(o any) {
		if key, err := cache.DeletionHandlingObjectToName(o); err == nil {
			l.queue.Add(key)
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    add,
		UpdateFunc: func(_, o any) { add(o) },
		DeleteFunc: add,
	})
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	return nil
}

// run returns when ctx ends.
func (l *loop) run(ctx context.Context) {
	defer context.AfterFunc(ctx, l.queue.ShutDown)()
	for l.next(ctx) {
	}
}

func (l *loop) next(ctx context.Context) bool {
	key, stop := l.queue.Get()
	if stop {
		return false
	}
	defer l.queue.Done(key)
	if err := l.treat(ctx, key); err != nil {
		klog.FromContext(ctx).Error(err, "Will try again", "object", key.String())
		l.queue.AddRateLimited(key)
		return true
	}
	l.queue.Forget(key)
	return true
}
