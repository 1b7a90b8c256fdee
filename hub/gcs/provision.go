package gcs

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/storage"

	"github.com/kubectl-fed/kubectl-fed/hub"
)

// forgotten are the keys and prefixes whose past versions nobody reads back:
// all but specs/ and clusters/. A lifecycle rule cannot say "all but".
var forgotten = []string{"bell", "edges/", "leader/", "reports/", "requests/", "shards/", "status/", "traffic/"}

// probeKey is written and removed to find out whether the caller may.
const probeKey = "provision-check"

// Provision implements hub.Provisioner. It does not create the bucket: its
// place, owner and access are its owner's to decide. It turns versioning on
// and adds a lifecycle rule; other rules stay.
func (b *Bucket) Provision(ctx context.Context) ([]string, error) {
	var attrs *storage.BucketAttrs
	err := b.run(ctx, reading, func(ctx context.Context, _ bool) (err error) {
		attrs, err = b.bucket.Attrs(ctx)
		return err
	})
	var warnings []string
	switch {
	case errors.Is(err, hub.ErrNoBucket) || errors.Is(err, hub.ErrNotExist):
		return nil, fmt.Errorf("%w: %s; create it with: gcloud storage buckets create gs://%s --uniform-bucket-level-access --public-access-prevention",
			hub.ErrNoBucket, b, b.name)
	case errors.Is(err, hub.ErrForbidden):
		warnings = append(warnings, "the bucket's settings could not be read (storage.buckets.get is missing): "+
			"versioning, lifecycle, public access prevention and soft delete are unchecked")
	case err != nil:
		return nil, fmt.Errorf("read the settings of gs://%s: %w", b.name, err)
	default:
		if attrs.RetentionPolicy != nil {
			return nil, fmt.Errorf("gs://%s has a retention policy: objects could not be overwritten; remove it, or use another bucket", b.name)
		}
		warnings, err = b.adjust(ctx, attrs)
		if err != nil {
			return nil, err
		}
		warnings = append(warnings, concerns(attrs)...)
	}
	return warnings, b.tryWrite(ctx)
}

// adjust sets what the layout needs and is not set.
func (b *Bucket) adjust(ctx context.Context, attrs *storage.BucketAttrs) (warnings []string, err error) {
	var update storage.BucketAttrsToUpdate
	var wanted []string
	if !attrs.VersioningEnabled {
		update.VersioningEnabled = true
		wanted = append(wanted, "object versioning")
	}
	if rule := b.forgetRule(); !slices.ContainsFunc(attrs.Lifecycle.Rules, func(r storage.LifecycleRule) bool { return reflect.DeepEqual(r, rule) }) {
		update.Lifecycle = &storage.Lifecycle{Rules: append(slices.Clone(attrs.Lifecycle.Rules), rule)}
		wanted = append(wanted, "a lifecycle rule that drops past versions of "+strings.Join(forgotten, " "))
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	err = b.run(ctx, writing, func(ctx context.Context, _ bool) error {
		_, err := b.bucket.Update(ctx, update)
		return err
	})
	if errors.Is(err, hub.ErrForbidden) {
		return []string{"could not set " + strings.Join(wanted, " and ") + " (storage.buckets.update is missing)"}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("set %s: %w", strings.Join(wanted, " and "), err)
	}
	return nil, nil
}

func (b *Bucket) forgetRule() storage.LifecycleRule {
	prefixes := make([]string, len(forgotten))
	for i, p := range forgotten {
		prefixes[i] = b.prefix + p
	}
	return storage.LifecycleRule{
		Action:    storage.LifecycleAction{Type: storage.DeleteAction},
		Condition: storage.LifecycleCondition{DaysSinceNoncurrentTime: 1, MatchesPrefix: prefixes},
	}
}

// concerns are settings that work, but that the owner should know of.
func concerns(attrs *storage.BucketAttrs) []string {
	var warnings []string
	if !attrs.UniformBucketLevelAccess.Enabled {
		warnings = append(warnings, "uniform bucket-level access is off: access lists of single objects may open what the roles close")
	}
	if attrs.PublicAccessPrevention != storage.PublicAccessPreventionEnforced {
		warnings = append(warnings, "public access prevention is not enforced on the bucket: a mistaken role could publish it")
	}
	if p := attrs.SoftDeletePolicy; p != nil && p.RetentionDuration > 0 {
		warnings = append(warnings, fmt.Sprintf("soft delete keeps, and bills, every overwritten heartbeat for %s; versioning keeps past specs without it",
			p.RetentionDuration.Round(time.Hour)))
	}
	return warnings
}

func (b *Bucket) tryWrite(ctx context.Context) error {
	generation, err := b.Write(ctx, probeKey, nil, hub.WriteOptions{})
	if err == nil {
		err = b.Delete(ctx, probeKey, generation)
	}
	if err != nil {
		return fmt.Errorf("try to write %s: %w", b, err)
	}
	return nil
}

// removers delete at a time.
const removers = 16

// Empty implements hub.Provisioner. It takes the first page until there is
// none, so it can be interrupted and repeated.
func (b *Bucket) Empty(ctx context.Context, progress func(removed int)) error {
	removed := 0
	for {
		query := &storage.Query{Prefix: b.prefix, Versions: true}
		if err := query.SetAttrSelection([]string{"Name", "Generation"}); err != nil {
			return err
		}
		page, _, err := b.page(ctx, query, "")
		if err != nil {
			return fmt.Errorf("empty %s: %w", b, err)
		}
		if len(page) == 0 {
			return nil
		}
		if err := b.removeAll(ctx, page); err != nil {
			return fmt.Errorf("empty %s: %w", b, err)
		}
		removed += len(page)
		if progress != nil {
			progress(removed)
		}
	}
}

func (b *Bucket) removeAll(ctx context.Context, page []*storage.ObjectAttrs) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slots := make(chan struct{}, removers)
	var group sync.WaitGroup
	for _, attrs := range page {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			if err := b.removeVersion(ctx, attrs); err != nil {
				cancel(err)
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

func (b *Bucket) removeVersion(ctx context.Context, attrs *storage.ObjectAttrs) error {
	handle := b.bucket.Object(attrs.Name).Generation(attrs.Generation)
	err := b.run(ctx, writing, func(ctx context.Context, _ bool) error {
		err := handle.Delete(ctx)
		if isMissingObject(err) {
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("delete %s: %w", attrs.Name, err)
	}
	return nil
}
