package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
	"github.com/kubectl-fed/kubectl-fed/plugin/internal/memory"
)

// printed asks for a table and shows it as header and rows; wide columns in
// brackets.
func (w *world) printed(ctx context.Context, t *testing.T, path string) string {
	t.Helper()
	client, err := discovery.NewDiscoveryClientForConfig(w.config)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := client.RESTClient().Get().AbsPath(path).SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json").DoRaw(ctx)
	if err != nil {
		t.Fatal(err)
	}
	table := metav1.Table{}
	if err := json.Unmarshal(raw, &table); err != nil {
		t.Fatal(err)
	}
	var header []string
	for _, c := range table.ColumnDefinitions {
		if c.Priority > 0 {
			c.Name = "[" + c.Name + "]"
		}
		header = append(header, strings.ToUpper(c.Name))
	}
	lines := []string{strings.Join(header, "|")}
	for _, r := range table.Rows {
		var cells []string
		for _, c := range r.Cells {
			cells = append(cells, fmt.Sprint(c))
		}
		lines = append(lines, strings.Join(cells, "|"))
	}
	return strings.Join(lines, "\n")
}

func TestTables(t *testing.T) {
	template := "selector: {matchLabels: {app: a}}, template: {metadata: {labels: {app: a}}, spec: {containers: [{name: c, image: i:1}]}}"
	three := []v1alpha1.ObjectClusterStatus{{Cluster: "a"}, {Cluster: "b"}, {Cluster: "c"}}
	tests := []struct {
		key, spec string
		status    v1alpha1.ObjectStatus
		path      string
		want      string
	}{
		{"default/deployments.apps/a", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 3, " + template + "}}",
			v1alpha1.ObjectStatus{Counts: map[string]int64{"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 1}},
			"/apis/apps/v1/namespaces/default/deployments",
			"NAME|READY|UP-TO-DATE|AVAILABLE|AGE|[CONTAINERS]|[IMAGES]|[SELECTOR]\na|2/3|3|1|60m|c|i:1|app=a"},
		{"default/replicasets.apps/a", "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a}, spec: {" + template + "}}",
			v1alpha1.ObjectStatus{}, "/apis/apps/v1/namespaces/default/replicasets",
			"NAME|DESIRED|CURRENT|READY|AGE|[CONTAINERS]|[IMAGES]|[SELECTOR]\na|1|0|0|60m|c|i:1|app=a"},
		{"default/daemonsets.apps/a", "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a}, spec: {" + template + "}}",
			v1alpha1.ObjectStatus{Counts: map[string]int64{"desiredNumberScheduled": 5, "numberReady": 4}}, "/apis/apps/v1/daemonsets",
			"NAME|DESIRED|CURRENT|READY|UP-TO-DATE|AVAILABLE|NODE SELECTOR|AGE|[CONTAINERS]|[IMAGES]|[SELECTOR]\na|5|0|4|0|0|<none>|60m|c|i:1|app=a"},
		{"default/services/a", "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: LoadBalancer, selector: {app: a}, ports: [{port: 80}, {port: 53, protocol: UDP, nodePort: 30053}]}}",
			v1alpha1.ObjectStatus{Addresses: []string{"192.0.2.1", "lb.example.com"}}, "/api/v1/namespaces/default/services",
			"NAME|TYPE|CLUSTER-IP|EXTERNAL-IP|PORT(S)|AGE|[SELECTOR]\na|LoadBalancer|<none>|192.0.2.1,lb.example.com|80/TCP,53:30053/UDP|60m|app=a"},
		{"default/services/a", "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: LoadBalancer, ports: [{port: 80}]}}",
			v1alpha1.ObjectStatus{}, "/api/v1/namespaces/default/services",
			"NAME|TYPE|CLUSTER-IP|EXTERNAL-IP|PORT(S)|AGE|[SELECTOR]\na|LoadBalancer|<none>|<pending>|80/TCP|60m|<none>"},
		{"default/ingresses.networking.k8s.io/a", "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}, spec: {defaultBackend: {service: {name: s, port: {number: 80}}}}}",
			v1alpha1.ObjectStatus{Addresses: []string{"130.211.40.125"}}, "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
			"NAME|HOSTS|ADDRESS|PORTS|AGE|[CLASS]\na|*|130.211.40.125|80|60m|<none>"},
		{"default/configmaps/a", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: v}, binaryData: {b: aGk=}}",
			v1alpha1.ObjectStatus{}, "/api/v1/namespaces/default/configmaps/a", "NAME|DATA|AGE\na|2|60m"},
		{"_cluster/namespaces/a", "{apiVersion: v1, kind: Namespace, metadata: {name: a, deletionTimestamp: '2026-01-01T00:00:00Z'}}",
			v1alpha1.ObjectStatus{}, "/api/v1/namespaces", "NAME|STATUS|AGE\na|Terminating|60m"},
		{"default/jobs.batch/a", "{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {completions: 4, template: {spec: {containers: [{name: c, image: i:1}]}}}}",
			v1alpha1.ObjectStatus{Counts: map[string]int64{"succeeded": 3}}, "/apis/batch/v1/jobs",
			"NAME|STATUS|COMPLETIONS|AGE|[CONTAINERS]|[IMAGES]|[SELECTOR]\na|Running|3/4|60m|c|i:1|<none>"},
		{"default/jobs.batch/a", "{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {template: {spec: {containers: [{name: c, image: i:1}]}}}}",
			v1alpha1.ObjectStatus{Counts: map[string]int64{"succeeded": 1}, Clusters: three}, "/apis/batch/v1/namespaces/default/jobs/a",
			"NAME|STATUS|COMPLETIONS|AGE|[CONTAINERS]|[IMAGES]|[SELECTOR]\na|Running|1/3|60m|c|i:1|<none>"},
		{"default/statefulsets.apps/a", "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: {replicas: 2, " + template + "}}",
			v1alpha1.ObjectStatus{Counts: map[string]int64{"readyReplicas": 5}, Clusters: three}, "/apis/apps/v1/statefulsets",
			"NAME|READY|AGE|[CONTAINERS]|[IMAGES]\na|5/6|60m|c|i:1"},
		{"default/statefulsets.apps/a", "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: {replicas: 5, " + template + "}}",
			v1alpha1.ObjectStatus{Counts: map[string]int64{"readyReplicas": 5}, Wanted: 5, Clusters: three}, "/apis/apps/v1/statefulsets",
			"NAME|READY|AGE|[CONTAINERS]|[IMAGES]\na|5/5|60m|c|i:1"},
		{"default/jobs.batch/a", "{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {completions: 3, parallelism: 3, template: {spec: {containers: [{name: c, image: i:1}]}}}}",
			v1alpha1.ObjectStatus{Counts: map[string]int64{"succeeded": 3}, Wanted: 3, Clusters: three}, "/apis/batch/v1/jobs",
			"NAME|STATUS|COMPLETIONS|AGE|[CONTAINERS]|[IMAGES]|[SELECTOR]\na|Complete|3/3|60m|c|i:1|<none>"},
		{"default/deployments.apps/a", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 3, " + template + "}}",
			v1alpha1.ObjectStatus{Counts: map[string]int64{"readyReplicas": 3}, Clusters: three}, "/apis/apps/v1/deployments",
			"NAME|READY|UP-TO-DATE|AVAILABLE|AGE|[CONTAINERS]|[IMAGES]|[SELECTOR]\na|3/3|0|0|60m|c|i:1|app=a"},
		{"default/horizontalpodautoscalers.autoscaling/a", "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}, spec: {scaleTargetRef: {kind: Deployment, name: web}, maxReplicas: 9}}",
			v1alpha1.ObjectStatus{}, "/apis/autoscaling/v2/horizontalpodautoscalers",
			"NAME|REFERENCE|MINPODS|MAXPODS|REPLICAS|AGE\na|Deployment/web|<unset>|9|0|60m"},
		{"default/placements.kubectl-fed.io/a", "{apiVersion: kubectl-fed.io/v1alpha1, kind: Placement, metadata: {name: a}, spec: {objects: [{kind: Deployment, name: web}, {kind: ConfigMap, labelSelector: {matchLabels: {app: web}}}, {apiGroup: example.com, kind: Widget}], " +
			"clusters: {regions: [eu, us], exclude: [c]}, overrides: [{image: {tag: a}}]}}",
			v1alpha1.ObjectStatus{}, "/apis/kubectl-fed.io/v1alpha1/namespaces/default/placements",
			"NAME|OBJECTS|CLUSTERS|STRATEGY|AGE|[OVERRIDES]|[WAVES]|[DEPENDENCIES]\na|Deployment/web,ConfigMap(app=web),Widget.example.com|region eu,us, except c|<by kind>|60m|1|0|<none>"},
		{"default/leases.x.io/a", "", v1alpha1.ObjectStatus{}, "/apis/kubectl-fed.io/v1alpha1/clusters",
			"NAME|STATUS|AGE|[REGION]|[ZONES]|[LEADER]|[REVISION]|[APPLIED]|[OBJECTS]|[UNHEALTHY]|[HEARTBEAT]|[AGENT]|[VERSION]"},
		{"default/configmaps/a", "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}", v1alpha1.ObjectStatus{},
			"/apis/rbac.authorization.k8s.io/v1/clusterroles", "NAME|CREATED AT"},
	}
	for _, tt := range tests {
		w := newWorld(t)
		if tt.spec != "" {
			w.Put(key(tt.key), tt.spec)
			tt.status.CreationTimestamp = metav1.NewTime(memory.Epoch)
			w.ObjectStates[key(tt.key)] = tt.status
		}
		if got := w.printed(t.Context(), t, tt.path); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.path, got, tt.want)
		}
	}
}

func TestTableOfACustomResource(t *testing.T) {
	w := newWorld(t)
	w.Put(key("_cluster/customresourcedefinitions.apiextensions.k8s.io/widgets.example.com"), `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {plural: widgets, kind: Widget}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object}}
    additionalPrinterColumns:
    - {name: Size, type: integer, jsonPath: .spec.size}
    - {name: Shape, type: string, jsonPath: .spec.shape, priority: 1}
    - {name: Made, type: date, jsonPath: .metadata.creationTimestamp}
`)
	w.Put(key("default/widgets.example.com/a"), "{apiVersion: example.com/v1, kind: Widget, metadata: {name: a}, spec: {size: 4}}")
	want := "NAME|SIZE|[SHAPE]|MADE\na|4|<none>|60m"
	if got := w.printed(t.Context(), t, "/apis/example.com/v1/namespaces/default/widgets"); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
