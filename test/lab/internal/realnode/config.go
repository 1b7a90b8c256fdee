package realnode

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/pki"
	"github.com/kubectl-fed/kubectl-fed/test/lab/internal/spec"
)

// Where a node's configuration is, in the node.
const (
	configDir        = "/run/lab/config"
	containerdConfig = configDir + "/containerd.toml"
	kubeletConfig    = configDir + "/kubelet.yaml"
	kubeletUser      = configDir + "/kubelet.kubeconfig"
	clusterCA        = configDir + "/ca.crt"
	nameServers      = configDir + "/resolv.conf"
)

// containerdText: AppArmor's profiles and a lower oom_score_adj are not to be
// had everywhere, and a test needs neither.
const containerdText = `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
oom_score = 0
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]

[grpc]
  address = "@SOCKET@"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "@PAUSE@"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "@TOOLS@/cni"
    conf_dir = "@CONFIG@/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "@TOOLS@/runc"
        SystemdCgroup = false
`

const cniText = `{"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "pods", "isGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "/run/lab/addresses", "ranges": [[{"subnet": "@PODS@"}]], "routes": [{"dst": "0.0.0.0/0"}]}}
]}
`

// kubeletText: limits and evictions are off, for a lab's nodes share one
// machine that is nobody's but the tests'.
const kubeletText = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: @IP@
port: 10250
healthzPort: 0
containerRuntimeEndpoint: unix://@SOCKET@
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: false}
  x509: {clientCAFile: @CONFIG@/ca.crt}
authorization: {mode: AlwaysAllow}
registerWithTaints:
- {key: @REAL@, value: "true", effect: NoSchedule}
clusterDomain: cluster.local
clusterDNS: [@HOST@]
resolvConf: @CONFIG@/resolv.conf
failCgroupV1: false
cgroupDriver: cgroupfs
cgroupsPerQOS: false
enforceNodeAllocatable: []
enableControllerAttachDetach: false
makeIPTablesUtilChains: false
localStorageCapacityIsolation: false
failSwapOn: false
oomScoreAdj: 0
volumePluginDir: /var/lib/kubelet/volumeplugins
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: "0%", nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%", imagefs.inodesFree: "0%", pid.available: "0%"}
`

const userText = `apiVersion: v1
kind: Config
clusters:
- name: lab
  cluster: {server: "https://@HOST@:@PORT@", tls-server-name: localhost, certificate-authority: @CONFIG@/ca.crt}
users:
- name: kubelet
  user: {client-certificate: @CONFIG@/node.crt, client-key: @CONFIG@/node.key}
contexts:
- name: lab
  context: {cluster: lab, user: kubelet}
current-context: lab
`

// configuration is the content of all files of the node, by their paths in it.
// They will be in its /run, so they go with it.
func configuration(c spec.Cluster, n spec.RealNode, dir string) (map[string]string, error) {
	fill := strings.NewReplacer("@SOCKET@", containerdSocket, "@PAUSE@", spec.PauseImage, "@TOOLS@", tools, "@CONFIG@", configDir, "@PODS@", n.Pods.String(),
		"@IP@", n.IP.String(), "@REAL@", spec.RealKey, "@HOST@", n.HostIP.String(), "@PORT@", fmt.Sprint(c.Port))
	files := map[string]string{
		containerdConfig:                    fill.Replace(containerdText),
		configDir + "/cni/10-pods.conflist": fill.Replace(cniText),
		kubeletConfig:                       fill.Replace(kubeletText),
		kubeletUser:                         fill.Replace(userText),
		nameServers:                         "",
	}
	for to, from := range map[string]string{clusterCA: pki.CACert, configDir + "/node.crt": pki.NodeCert(n.Name), configDir + "/node.key": pki.NodeKey(n.Name)} {
		b, err := os.ReadFile(filepath.Join(dir, from))
		if err != nil {
			return nil, err
		}
		files[to] = string(b)
	}
	return files, nil
}

func writeAll(files map[string]string) error {
	for path, text := range files {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func kubeletFlags(n spec.RealNode) []string {
	labels := []string{
		spec.RealKey + "=true",
		"topology.kubernetes.io/region=" + n.Region,
		"topology.kubernetes.io/zone=" + n.Zone,
	}
	return []string{
		"--config=" + kubeletConfig,
		"--kubeconfig=" + kubeletUser,
		"--hostname-override=" + n.Name,
		"--node-ip=" + n.IP.String(),
		"--node-labels=" + strings.Join(labels, ","),
	}
}
