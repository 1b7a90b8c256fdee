package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	benchNamespace = "default"
	arriveWithin   = 30 * time.Second
)

// sample is one change: how long the command took, how long after its return
// the object was in the last member, and the same work done by kubectl.
type sample struct{ command, spread, kubectl time.Duration }

func (f *federation) measureChanges(ctx context.Context, kind string, n int, wait time.Duration) ([]sample, error) {
	var samples []sample
	for i := range n {
		progress("%s: %s change %d of %d", f.name, kind, i+1, n)
		if err := pause(ctx, wait); err != nil {
			return nil, err
		}
		s, err := f.measureChange(ctx, fmt.Sprintf("%s-%s-%d", f.name, kind, i))
		if err != nil {
			return nil, err
		}
		samples = append(samples, s)
	}
	return samples, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (f *federation) measureChange(ctx context.Context, name string) (sample, error) {
	path, err := f.manifest(name)
	if err != nil {
		return sample{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, arriveWithin)
	defer cancel()
	arrived, err := f.watchArrival(ctx, name)
	if err != nil {
		return sample{}, err
	}
	begun := time.Now()
	if err := f.fed(ctx, "--context", f.name, "create", "-f", path); err != nil {
		return sample{}, err
	}
	returned := time.Now()
	last, err := arrived()
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w", name, err)
	}
	kubectl, err := f.applyEverywhere(ctx, name+"-kubectl")
	return sample{command: returned.Sub(begun), spread: max(0, last.Sub(returned)), kubectl: kubectl}, err
}

func (f *federation) manifest(name string) (string, error) {
	path := filepath.Join(f.dir, name+".yaml")
	text := fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s}\ndata: {k: v}\n", name, benchNamespace)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// watchArrival returns once every member is being watched; the function it
// returns waits until the object is in all of them and tells when.
func (f *federation) watchArrival(ctx context.Context, name string) (func() (time.Time, error), error) {
	times, errs := make([]time.Time, len(members)), make([]error, len(members))
	var wg sync.WaitGroup
	for i, m := range members {
		w, err := f.clients[m].CoreV1().ConfigMaps(benchNamespace).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
		if err != nil {
			return nil, fmt.Errorf("watch %s: %w", m, err)
		}
		wg.Go(func() {
			defer w.Stop()
			times[i], errs[i] = firstAdded(ctx, w, m)
		})
	}
	return func() (time.Time, error) {
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return time.Time{}, err
			}
		}
		return slices.MaxFunc(times, time.Time.Compare), nil
	}, nil
}

func firstAdded(ctx context.Context, w watch.Interface, member string) (time.Time, error) {
	for {
		select {
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("it did not arrive in %s within %v", member, arriveWithin)
		case e, ok := <-w.ResultChan():
			if !ok {
				return time.Time{}, fmt.Errorf("the watch of %s ended", member)
			}
			if e.Type == watch.Added {
				return time.Now(), nil
			}
		}
	}
}

// applyEverywhere is what people do without a federation: kubectl apply to
// every cluster at once.
func (f *federation) applyEverywhere(ctx context.Context, name string) (time.Duration, error) {
	path, err := f.manifest(name)
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	errs := make([]error, len(members))
	var wg sync.WaitGroup
	for i, m := range members {
		wg.Go(func() { errs[i] = f.exec(ctx, nil, "kubectl", "--context", m, "apply", "-f", path) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return time.Since(begun), nil
}
