package member

import (
	"context"
	"fmt"
	"os"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/kwok/kustomize/stage/node/fast"
	podfast "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
	"sigs.k8s.io/kwok/pkg/apis/internalversion"
	"sigs.k8s.io/kwok/pkg/client/clientset/versioned"
	kwokconfig "sigs.k8s.io/kwok/pkg/config"
	"sigs.k8s.io/kwok/pkg/kwok/controllers"
	kwoklog "sigs.k8s.io/kwok/pkg/log"
	kwokclient "sigs.k8s.io/kwok/pkg/utils/client"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/pki"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/spec"
)

// podRecover makes a running pod Ready again that the node lifecycle
// controller marked NotReady while the cluster was suspended. kwok's own
// stages treat pending pods only, so such a pod would stay NotReady for ever.
const podRecover = `
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-recover}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: .metadata.deletionTimestamp, operator: DoesNotExist}
    - {key: .status.phase, operator: In, values: [Running]}
    - {key: '.status.conditions.[] | select( .type == "Ready" ) | .status', operator: NotIn, values: ["True"]}
  next:
    statusTemplate: |
      conditions:
      - lastTransitionTime: {{ Now | Quote }}
        status: "True"
        type: Ready
`

// badImage finds containers whose image does not exist: by agreement, those
// with the tag "broken".
const badImage = `.spec.containers.[].image | select( endswith(":broken") )`

// podBroken leaves a pod with such an image where a kubelet would.
const podBroken = `
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: pod-broken}
spec:
  resourceRef: {apiGroup: v1, kind: Pod}
  selector:
    matchExpressions:
    - {key: .metadata.deletionTimestamp, operator: DoesNotExist}
    - {key: '` + badImage + `', operator: Exists}
    - {key: '.status.containerStatuses.[].name', operator: DoesNotExist}
  next:
    statusTemplate: |
      phase: Pending
      conditions:
      - {type: Initialized, status: "True", lastTransitionTime: {{ Now | Quote }}}
      - {type: Ready, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ Now | Quote }}}
      - {type: ContainersReady, status: "False", reason: ContainersNotReady, lastTransitionTime: {{ Now | Quote }}}
      containerStatuses:
      {{ range .spec.containers }}
      - image: {{ .image | Quote }}
        name: {{ .name | Quote }}
        ready: false
        restartCount: 0
        state: {waiting: {reason: ImagePullBackOff, message: {{ printf "Back-off pulling image %s" .image | Quote }}}}
      {{ end }}
      startTime: {{ Now | Quote }}
`

// leaseSeconds is how long a node counts as alive after its last sign: the
// node lifecycle controller's own default for real nodes.
const leaseSeconds = 40

// runKubelets plays the kubelet of every fake node with kwok: nodes and their
// pods become Ready, a Job's pods complete, deleted pods go. No container runs.
func runKubelets(ctx context.Context, c spec.Cluster, config *rest.Config, client kubernetes.Interface) error {
	ctx = kwoklog.NewContext(ctx, kwoklog.NewLogger(os.Stderr, kwoklog.LevelError))
	conf, err := kubeletConfig(c, config, client)
	if err != nil {
		return err
	}
	ctrl, err := controllers.NewController(conf)
	if err != nil {
		return fmt.Errorf("make controller: %w", err)
	}
	if err := ctrl.Start(ctx); err != nil {
		return fmt.Errorf("start controller: %w", err)
	}
	<-ctx.Done()
	return nil
}

func kubeletConfig(c spec.Cluster, config *rest.Config, client kubernetes.Interface) (controllers.Config, error) {
	stages, err := stages()
	if err != nil {
		return controllers.Config{}, err
	}
	set, err := kwokclient.NewClientset("", pki.AdminConfig)
	if err != nil {
		return controllers.Config{}, fmt.Errorf("make client: %w", err)
	}
	// kwok sets the serializer that its REST client needs.
	own, err := set.ToRESTConfig()
	if err != nil {
		return controllers.Config{}, fmt.Errorf("make client: %w", err)
	}
	raw, err := rest.RESTClientFor(own)
	if err != nil {
		return controllers.Config{}, fmt.Errorf("make client: %w", err)
	}
	dynamic, err := set.ToDynamicClient()
	if err != nil {
		return controllers.Config{}, fmt.Errorf("make client: %w", err)
	}
	mapper, err := set.ToRESTMapper()
	if err != nil {
		return controllers.Config{}, fmt.Errorf("make client: %w", err)
	}
	kwok, err := versioned.NewForConfig(config)
	if err != nil {
		return controllers.Config{}, fmt.Errorf("make client: %w", err)
	}
	return controllers.Config{
		Clock:                         clock.RealClock{},
		ID:                            "lab-" + c.Name,
		RESTClient:                    raw,
		RESTMapper:                    mapper,
		DynamicClient:                 dynamic,
		TypedClient:                   client,
		TypedKwokClient:               kwok,
		ImpersonatingDynamicClient:    set.ToImpersonatingDynamicClient(),
		ImpersonatingTypedClient:      set.ToImpersonatingTypedClient(),
		ManageNodesWithLabelSelector:  fakeNodes,
		LocalStages:                   stages,
		CIDR:                          c.PodRange,
		NodeIP:                        nodeIP(c, 0),
		NodeLeaseDurationSeconds:      leaseSeconds,
		NodeLeaseParallelism:          4,
		NodePlayStageParallelism:      4,
		PodPlayStageParallelism:       4,
		PodsOnNodeSyncParallelism:     1,
		EnablePodsOnNodeSyncListPager: true,
	}, nil
}

// stages are what happens to nodes and pods, by the kind they are for.
func stages() (map[internalversion.StageResourceRef][]*internalversion.Stage, error) {
	out := map[internalversion.StageResourceRef][]*internalversion.Stage{}
	for _, text := range []string{
		fast.DefaultNodeInit,
		podfast.DefaultPodReady,
		podBroken,
		podRecover,
		podfast.DefaultPodComplete,
		podfast.DefaultPodDelete,
	} {
		s, err := kwokconfig.UnmarshalWithType[*internalversion.Stage](text)
		if err != nil {
			return nil, fmt.Errorf("read stage: %w", err)
		}
		if text == podfast.DefaultPodReady {
			s.Spec.Selector.MatchExpressions = append(s.Spec.Selector.MatchExpressions, internalversion.MatchExpression{
				JQ: &internalversion.SelectorJQ{Key: badImage, Operator: internalversion.SelectorOpDoesNotExist}})
		}
		out[s.Spec.ResourceRef] = append(out[s.Spec.ResourceRef], s)
	}
	return out, nil
}
