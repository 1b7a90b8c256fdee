package v1alpha1

// DefaultStrategy is how objects of a kind are spread when nobody says.
func DefaultStrategy(group, kind string) Strategy {
	switch group + "/" + kind {
	case "apps/Deployment", "apps/ReplicaSet", "batch/Job", "autoscaling/HorizontalPodAutoscaler":
		return StrategyDivide
	case "batch/CronJob":
		return StrategyOne
	}
	return StrategyCopy
}

// StrategyFor is how the Placement spreads objects of a kind. A Placement of
// several kinds that says Divide copies those that have nothing to divide.
// It may be called on nil, which stands for no Placement.
func (p *Placement) StrategyFor(group, kind string) Strategy {
	switch {
	case p == nil || p.Spec.Strategy == "":
		return DefaultStrategy(group, kind)
	case p.Spec.Strategy == StrategyDivide && DividedFields(group, kind) == nil:
		return StrategyCopy
	}
	return p.Spec.Strategy
}

// DividedFields are the JSON pointers of what Divide divides of a kind; nil for
// a kind that cannot be divided. A custom resource is divided where it has the
// field.
func DividedFields(group, kind string) []string {
	switch group + "/" + kind {
	case "apps/Deployment", "apps/ReplicaSet", "apps/StatefulSet", "/ReplicationController":
		return []string{"/spec/replicas"}
	case "batch/Job":
		return []string{"/spec/parallelism", "/spec/completions"}
	case "autoscaling/HorizontalPodAutoscaler":
		return []string{"/spec/minReplicas", "/spec/maxReplicas"}
	}
	if kubernetesGroup(group) {
		return nil
	}
	return []string{"/spec/replicas"}
}
