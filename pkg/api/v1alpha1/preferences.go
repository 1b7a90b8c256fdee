package v1alpha1

import (
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// ParseReplicaPreferences reads the JSON of Federation v1's preferences
// annotations. Names of fields are matched whatever their case, as v1 did;
// everything else is strict. Errors name line, column and field.
func ParseReplicaPreferences(text string) (ReplicaPreferences, error) {
	p := ReplicaPreferences{}
	j := newJSONText(text)
	err := j.whole(func() error {
		return j.fields("",
			jsonField{"rebalance", func(path string) (err error) {
				p.Rebalance, err = j.boolean(path)
				return err
			}},
			jsonField{"clusters", func(path string) (err error) {
				p.Clusters, err = j.clusters(path)
				return err
			}})
	})
	if err != nil {
		return ReplicaPreferences{}, err
	}
	return p, nil
}

func (j *jsonText) clusters(path string) (map[string]ClusterPreferences, error) {
	all := map[string]ClusterPreferences{}
	err := j.entries(path, func(name string, at int) error {
		if _, dup := all[name]; dup {
			return j.fault(at, path, "%q is there twice", clip(name))
		}
		entry := path + "[" + clip(name) + "]"
		c, err := j.clusterPreferences(entry)
		if err != nil {
			return err
		}
		one := ReplicaPreferences{Clusters: map[string]ClusterPreferences{name: c}}
		if faults := one.Validate(nil); len(faults) > 0 {
			// The field that is at fault is named below the entry.
			f := faults[0]
			_, below, _ := strings.Cut(f.Field, "]")
			return j.fault(at, entry+below, "%s", f.ErrorBody())
		}
		all[name] = c
		return nil
	})
	return all, err
}

func (j *jsonText) clusterPreferences(path string) (ClusterPreferences, error) {
	c := ClusterPreferences{}
	err := j.fields(path,
		jsonField{"minReplicas", func(path string) (err error) {
			c.MinReplicas, err = j.number(path)
			return err
		}},
		jsonField{"maxReplicas", func(path string) error {
			n, err := j.number(path)
			c.MaxReplicas = &n
			return err
		}},
		jsonField{"weight", func(path string) (err error) {
			c.Weight, err = j.number(path)
			return err
		}})
	return c, err
}

// ValidateAnnotations checks those of Federation v1 that an object has, of
// whatever kind it is.
func ValidateAnnotations(annotations map[string]string) field.ErrorList {
	parsers := map[string]func(string) error{
		AnnotationV1DeploymentPreferences: preferencesFault,
		AnnotationV1ReplicaSetPreferences: preferencesFault,
		AnnotationV1ClusterSelector: func(text string) error {
			_, err := ParseClusterSelectorAnnotation(text)
			return err
		},
	}
	var errs field.ErrorList
	for _, name := range slices.Sorted(maps.Keys(parsers)) {
		text, ok := annotations[name]
		if !ok {
			continue
		}
		if err := parsers[name](text); err != nil {
			at := field.NewPath("metadata", "annotations").Key(name)
			errs = append(errs, field.Invalid(at, field.OmitValueType{}, err.Error()))
		}
	}
	return errs
}

func preferencesFault(text string) error {
	_, err := ParseReplicaPreferences(text)
	return err
}

// PreferencesAnnotation is the annotation of Federation v1 that says how the
// replicas of a kind are divided; empty for kinds that had none.
func PreferencesAnnotation(group, kind string) string {
	switch group + "/" + kind {
	case "apps/Deployment":
		return AnnotationV1DeploymentPreferences
	case "apps/ReplicaSet":
		return AnnotationV1ReplicaSetPreferences
	}
	return ""
}
