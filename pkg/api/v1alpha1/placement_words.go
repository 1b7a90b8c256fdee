package v1alpha1

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// String is the selector in one word: Deployment/web, ConfigMap(app=web),
// Widget.example.com.
func (s *ObjectSelector) String() string {
	text := s.Kind
	if s.APIGroup != "" && !kubernetesGroup(s.APIGroup) {
		text += "." + s.APIGroup
	}
	switch {
	case s.Name != "":
		return text + "/" + s.Name
	case s.LabelSelector != nil:
		return text + "(" + metav1.FormatLabelSelector(s.LabelSelector) + ")"
	}
	return text
}

// String is the selector in one line: "all", "a,b", "region eu, tier=gold,
// except c".
func (s *ClusterSelector) String() string {
	if s == nil {
		return "all"
	}
	var parts []string
	add := func(word string, values []string) {
		if len(values) > 0 {
			parts = append(parts, word+strings.Join(values, ","))
		}
	}
	add("", s.Names)
	add("region ", s.Regions)
	add("zone ", s.Zones)
	if l := s.LabelSelector; l != nil && len(l.MatchLabels)+len(l.MatchExpressions) > 0 {
		parts = append(parts, metav1.FormatLabelSelector(l))
	}
	if len(parts) == 0 {
		parts = append(parts, "all")
	}
	add("except ", s.Exclude)
	return strings.Join(parts, ", ")
}
