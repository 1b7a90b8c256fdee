package hub

import (
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-fed/kubectl-fed/pkg/api/v1alpha1"
)

const (
	federationPath = "federation.yaml"
	bellPath       = "bell"
	leasePath      = "leader/lease.json"
	verdictsPath   = "leader/verdicts.json"

	trafficPath = "traffic/document.json"

	clustersPrefix = "clusters/"
	specsPrefix    = "specs/"
	requestsPrefix = "requests/"
	shardsPrefix   = "shards/"
	reportsPrefix  = "reports/"
	edgesPrefix    = "edges/"

	certificatesPrefix = "traffic/certificates/"

	federationStatusPath = "status/federation.json"
	clusterStatusPrefix  = "status/clusters/"
	objectStatusPrefix   = "status/objects/"

	yamlEnding = ".yaml"
	jsonEnding = ".json"

	revisionDigits = 20
)

func clusterPath(name string) string { return clustersPrefix + name + yamlEnding }

func requestPath(id string) string { return requestsPrefix + id + jsonEnding }

func shardPrefix(cluster string) string { return shardsPrefix + cluster + "/" }

func revisionPath(cluster string, n int64) string {
	return shardPrefix(cluster) + fmt.Sprintf("%0*d", revisionDigits, n) + jsonEnding
}

func blobPath(cluster, sha string) string { return shardPrefix(cluster) + "objects/" + sha }

func heartbeatPath(cluster string) string { return reportsPrefix + cluster + "/heartbeat" }

func claimPath(cluster string) string { return reportsPrefix + cluster + "/claim" }

func reportPath(cluster string) string { return reportsPrefix + cluster + "/report.json" }

func certificatePath(digest string) string { return certificatesPrefix + digest + jsonEnding }

func edgePath(name string) string { return edgesPrefix + name + jsonEnding }

func clusterStatusPath(name string) string { return clusterStatusPrefix + name + jsonEnding }

func objectStatusPath(k v1alpha1.Key) string { return objectStatusPrefix + k.String() + jsonEnding }

// parseRevision reads the number from a revision's path below its cluster's
// prefix; ok is false for anything else.
func parseRevision(rest string) (n int64, ok bool) {
	digits, found := strings.CutSuffix(rest, jsonEnding)
	if !found || len(digits) != revisionDigits {
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil && n > 0
}

// parseSpecPath reads the key from a path below specs/.
func parseSpecPath(rest string) (v1alpha1.Key, error) {
	stem, ok := strings.CutSuffix(rest, yamlEnding)
	if !ok {
		return v1alpha1.Key{}, fmt.Errorf("specs/%s: the name must end in %s", rest, yamlEnding)
	}
	return v1alpha1.ParseKey(stem)
}

// checkClusterName keeps names that come from users or objects from leaving
// their prefix.
func checkClusterName(name string) error {
	if msgs := validation.IsDNS1123Label(name); len(msgs) > 0 {
		return fmt.Errorf("cluster name %q: %s", name, strings.Join(msgs, "; "))
	}
	return nil
}
