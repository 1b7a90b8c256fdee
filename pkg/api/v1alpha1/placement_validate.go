package v1alpha1

import (
	"fmt"
	"math"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Validate checks what no type can say. It knows no cluster and no kind, so
// that a Placement may name what is yet to come.
func (p *Placement) Validate() field.ErrorList {
	at := field.NewPath("spec")
	s := &p.Spec
	errs := validateObjects(s.Objects, at.Child("objects"))
	errs = append(errs, validateStrategy(s, at.Child("strategy"))...)
	errs = append(errs, s.Clusters.validate(at.Child("clusters"))...)
	errs = append(errs, validatePreferred(s.Preferred, at.Child("preferred"))...)
	for i := range s.Tolerations {
		errs = append(errs, s.Tolerations[i].validate(at.Child("tolerations").Index(i))...)
	}
	if s.Replicas != nil {
		errs = append(errs, s.Replicas.Validate(at.Child("replicas"))...)
	}
	errs = append(errs, validateSpread(s.Spread, at.Child("spread"))...)
	for i := range s.Overrides {
		errs = append(errs, s.Overrides[i].validate(at.Child("overrides").Index(i))...)
	}
	errs = append(errs, s.Rollout.validate(at.Child("rollout"))...)
	if s.Failover != nil {
		errs = append(errs, oneOfValues(s.Failover.Return, at.Child("failover", "return"), ReturnImmediate, ReturnGradual, ReturnNever)...)
	}
	return append(errs, oneOfValues(s.Dependencies, at.Child("dependencies"), DependenciesIgnore, DependenciesFollow)...)
}

func validateObjects(objects []ObjectSelector, at *field.Path) field.ErrorList {
	if len(objects) == 0 {
		return field.ErrorList{field.Required(at, "which objects the Placement is about: {kind: Deployment, name: web}")}
	}
	var errs field.ErrorList
	for i := range objects {
		errs = append(errs, objects[i].validate(at.Index(i))...)
	}
	return errs
}

func (s *ObjectSelector) validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	switch {
	case s.Kind == "":
		errs = append(errs, field.Required(at.Child("kind"), "a kind, such as Deployment"))
	case len(validation.IsDNS1035Label(strings.ToLower(s.Kind))) > 0:
		errs = append(errs, field.Invalid(at.Child("kind"), s.Kind, "want a kind, such as Deployment"))
	}
	switch {
	case s.APIGroup == Group:
		errs = append(errs, field.Invalid(at.Child("apiGroup"), s.APIGroup, "the federation's own kinds are never placed in a member"))
	case strings.Contains(s.APIGroup, "/"):
		errs = append(errs, field.Invalid(at.Child("apiGroup"), s.APIGroup, "want the group without its version"))
	case s.APIGroup != "":
		errs = append(errs, messages(at.Child("apiGroup"), s.APIGroup, validation.IsDNS1123Subdomain(s.APIGroup))...)
	}
	if s.Name != "" {
		if err := validateName(s.Name); err != nil {
			errs = append(errs, field.Invalid(at.Child("name"), s.Name, err.Error()))
		}
		if s.LabelSelector != nil {
			errs = append(errs, field.Forbidden(at.Child("labelSelector"), "a name selects one object already; leave one of the two out"))
		}
	}
	return append(errs, validateLabelSelector(s.LabelSelector, at.Child("labelSelector"))...)
}

func validateStrategy(s *PlacementSpec, at *field.Path) field.ErrorList {
	errs := oneOfValues(s.Strategy, at, StrategyDivide, StrategyCopy, StrategyOne)
	divisible := func(o ObjectSelector) bool { return DividedFields(o.group(), o.Kind) != nil }
	if s.Strategy == StrategyDivide && len(s.Objects) > 0 && !slices.ContainsFunc(s.Objects, divisible) {
		errs = append(errs, field.Invalid(at, s.Strategy, fmt.Sprintf("a %s has no replicas to divide; Copy and One are for every kind", s.Objects[0].Kind)))
	}
	return errs
}

// group is the one the selector is about, where it names none.
func (s *ObjectSelector) group() string {
	switch {
	case s.APIGroup != "":
		return s.APIGroup
	case slices.Contains([]string{"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"}, s.Kind):
		return "apps"
	case slices.Contains([]string{"Job", "CronJob"}, s.Kind):
		return "batch"
	case s.Kind == "HorizontalPodAutoscaler":
		return "autoscaling"
	}
	return ""
}

func validatePreferred(terms []ClusterPreferenceTerm, at *field.Path) field.ErrorList {
	const least, most = 1, 100
	var errs field.ErrorList
	for i := range terms {
		if w := terms[i].Weight; w < least || w > most {
			errs = append(errs, field.Invalid(at.Index(i).Child("weight"), w, fmt.Sprintf("must be from %d to %d", least, most)))
		}
		errs = append(errs, terms[i].Clusters.validate(at.Index(i).Child("clusters"))...)
	}
	return errs
}

func (t *Toleration) validate(at *field.Path) field.ErrorList {
	errs := oneOfValues(t.Operator, at.Child("operator"), TolerationEqual, TolerationExists)
	errs = append(errs, oneOfValues(t.Effect, at.Child("effect"), TaintNoSchedule, TaintNoExecute)...)
	switch {
	case t.Key != "":
		errs = append(errs, messages(at.Child("key"), t.Key, validation.IsQualifiedName(t.Key))...)
	case t.Operator != TolerationExists:
		errs = append(errs, field.Required(at.Child("key"), "a toleration without a key is for every taint and needs operator: Exists"))
	}
	if t.Operator == TolerationExists && t.Value != "" {
		errs = append(errs, field.Invalid(at.Child("value"), t.Value, "must be empty where the operator is Exists"))
	}
	return append(errs, messages(at.Child("value"), t.Value, validation.IsValidLabelValue(t.Value))...)
}

// Topologies that are no label.
const (
	TopologyRegion = "region"
	TopologyZone   = "zone"
)

func validateSpread(spread []SpreadConstraint, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, s := range spread {
		at := at.Index(i)
		switch {
		case s.Topology == "":
			errs = append(errs, field.Required(at.Child("topology"), "region, zone, or the key of a label of the clusters"))
		case seen[s.Topology]:
			errs = append(errs, field.Duplicate(at.Child("topology"), s.Topology))
		default:
			errs = append(errs, messages(at.Child("topology"), s.Topology, validation.IsQualifiedName(s.Topology))...)
		}
		seen[s.Topology] = true
		if s.MaxReplicas == nil && s.MaxClusters == nil {
			errs = append(errs, field.Required(at, "maxReplicas or maxClusters"))
		}
		errs = append(errs, atLeastOne(s.MaxReplicas, at.Child("maxReplicas"))...)
		errs = append(errs, atLeastOne(s.MaxClusters, at.Child("maxClusters"))...)
	}
	return errs
}

func atLeastOne(n *int64, at *field.Path) field.ErrorList {
	if n != nil && *n < 1 {
		return field.ErrorList{field.Invalid(at, *n, "must be at least 1")}
	}
	return nil
}

// AnyCluster in ReplicaPreferences stands for every cluster without an entry.
const AnyCluster = "*"

// Validate checks weights and bounds; at is the field that holds them.
func (r *ReplicaPreferences) Validate(at *field.Path) field.ErrorList {
	var errs field.ErrorList
	names := make([]string, 0, len(r.Clusters))
	for name := range r.Clusters {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		entry := at.Child("clusters").Key(name)
		if name != AnyCluster {
			errs = append(errs, validateClusterName(name, entry)...)
		}
		c := r.Clusters[name]
		errs = append(errs, count(c.MinReplicas, entry.Child("minReplicas"))...)
		errs = append(errs, count(c.Weight, entry.Child("weight"))...)
		if c.MaxReplicas == nil {
			continue
		}
		errs = append(errs, count(*c.MaxReplicas, entry.Child("maxReplicas"))...)
		if *c.MaxReplicas < c.MinReplicas {
			errs = append(errs, field.Invalid(entry.Child("maxReplicas"), *c.MaxReplicas, fmt.Sprintf("must not be less than minReplicas, %d", c.MinReplicas)))
		}
	}
	return errs
}

// count is from 0 to what a Deployment's replicas can hold.
func count(n int64, at *field.Path) field.ErrorList {
	if n < 0 || n > math.MaxInt32 {
		return field.ErrorList{field.Invalid(at, n, fmt.Sprintf("must be from 0 to %d", math.MaxInt32))}
	}
	return nil
}

func (s *ClusterSelector) validate(at *field.Path) field.ErrorList {
	if s == nil {
		return nil
	}
	var errs field.ErrorList
	for _, list := range []struct {
		name   string
		values []string
	}{{"names", s.Names}, {"exclude", s.Exclude}} {
		for i, name := range list.values {
			errs = append(errs, validateClusterName(name, at.Child(list.name).Index(i))...)
		}
	}
	for _, list := range []struct {
		name   string
		values []string
	}{{"regions", s.Regions}, {"zones", s.Zones}} {
		for i, v := range list.values {
			if strings.TrimSpace(v) == "" {
				errs = append(errs, field.Required(at.Child(list.name).Index(i), "a name"))
			}
		}
	}
	return append(errs, validateLabelSelector(s.LabelSelector, at.Child("labelSelector"))...)
}

// validateClusterName lets capital letters pass: no member has any, but an
// assumed roster may, and so may what is planned against it.
func validateClusterName(name string, at *field.Path) field.ErrorList {
	return messages(at, name, validation.IsDNS1123Label(strings.ToLower(name)))
}

func validateLabelSelector(s *metav1.LabelSelector, at *field.Path) field.ErrorList {
	return metav1validation.ValidateLabelSelector(s, metav1validation.LabelSelectorValidationOptions{}, at)
}

func messages(at *field.Path, value string, msgs []string) field.ErrorList {
	if len(msgs) == 0 {
		return nil
	}
	return field.ErrorList{field.Invalid(at, value, strings.Join(msgs, "; "))}
}

// oneOfValues lets the empty value pass: it means the default.
func oneOfValues[T ~string](v T, at *field.Path, known ...T) field.ErrorList {
	if v == "" || slices.Contains(known, v) {
		return nil
	}
	return field.ErrorList{field.NotSupported(at, v, known)}
}
