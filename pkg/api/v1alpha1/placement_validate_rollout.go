package v1alpha1

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func (r *Rollout) validate(at *field.Path) field.ErrorList {
	if r == nil {
		return nil
	}
	var errs field.ErrorList
	if len(r.Waves) == 0 {
		errs = append(errs, field.Required(at.Child("waves"), "at least one wave; without rollout, changes go everywhere at once"))
	}
	errs = append(errs, validateWaves(r.Waves, at.Child("waves"))...)
	errs = append(errs, notNegative(r.MinHealthyTime.Duration, at.Child("minHealthyTime"))...)
	errs = append(errs, notNegative(r.Deadline.Duration, at.Child("deadline"))...)
	errs = append(errs, count(r.MaxFailedClusters, at.Child("maxFailedClusters"))...)
	return append(errs, oneOfValues(r.OnFailure, at.Child("onFailure"), RolloutStop, RolloutUndo)...)
}

// validateWaves: percentages count the earlier waves in, so they must grow.
func validateWaves(waves []Wave, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	reached := 0
	for i, w := range waves {
		at := at.Index(i)
		errs = append(errs, notNegative(w.Pause.Duration, at.Child("pause"))...)
		switch {
		case w.Clusters == nil && w.Percentage == nil:
			errs = append(errs, field.Required(at, "clusters or percentage"))
		case w.Clusters != nil && w.Percentage != nil:
			errs = append(errs, field.Forbidden(at.Child("percentage"), "a wave has clusters or a percentage, not both"))
		case w.Clusters != nil:
			errs = append(errs, w.Clusters.validate(at.Child("clusters"))...)
		default:
			n, err := w.Percent()
			switch {
			case err != nil:
				errs = append(errs, field.Invalid(at.Child("percentage"), w.Percentage.String(), err.Error()))
			case n <= reached:
				errs = append(errs, field.Invalid(at.Child("percentage"), w.Percentage.String(),
					fmt.Sprintf("includes the earlier waves, so it must be more than their %d%%", reached)))
			default:
				reached = n
			}
		}
	}
	return errs
}

// Percent is the wave's percentage, from 1 to 100; 0 for a wave of a selector.
func (w *Wave) Percent() (int, error) {
	if w.Percentage == nil {
		return 0, nil
	}
	const most = 100
	text, ok := strings.CutSuffix(w.Percentage.StrVal, "%")
	n, err := strconv.Atoi(text)
	if w.Percentage.Type != intstr.String || !ok || err != nil || n < 1 || n > most || text != strconv.Itoa(n) {
		return 0, fmt.Errorf("want a percentage from 1%% to %d%%", most)
	}
	return n, nil
}

func notNegative(d time.Duration, at *field.Path) field.ErrorList {
	if d < 0 {
		return field.ErrorList{field.Invalid(at, d.String(), "must not be negative")}
	}
	return nil
}
