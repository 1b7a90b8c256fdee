#!/usr/bin/env bash
# The main job, end to end, on this machine: real clusters, a bucket in a
# directory, the real plugin and agents. Every step says what it does, does it,
# and checks it. KEEP=1 leaves everything running and tells how to play on.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PATH="$root/bin:$PATH"
state=${DEMO_DIR:-$root/.demo}
examples=$root/docs/examples
bucket=file://$state/bucket
export LAB_DIR=$state/lab
# The lab's contexts first; what the plugin adds goes to the last file.
export KUBECONFIG=$LAB_DIR/kubeconfig:$state/federation.kubeconfig
fleet=(fleet -kubeconfig "$LAB_DIR/kubeconfig" -dir "$state/agents")

members=(us-east1-b europe-west1-b asia-east1-a us-central1-a us-central1-f)
sixth=europe-west1-d
# Where the edges listen; port 80 would need root.
europe=127.91.250.1 america=127.91.250.2 port=8080
host=gce-us-east1-b
began=$SECONDS

say() {
  if [[ -t 1 ]]; then printf '\n\033[1m── %s\033[0m\n' "$*"; else printf '\n── %s\n' "$*"; fi
}
run()  { printf '$ %s\n' "$*"; "$@"; }
fail() { printf 'demo: %s\n' "$*" >&2; exit 1; }

# check SECONDS WHAT WANT COMMAND...: waits until the command prints WANT.
check() {
  local patience=$1 what=$2 want=$3 got='' end=$((SECONDS + $1)); shift 3
  while (( SECONDS < end )); do
    got=$("$@" 2>/dev/null) || true
    if [[ $got == "$want" ]]; then printf '  ok: %s\n' "$what"; return; fi
    sleep 0.3
  done
  printf '  wanted: %s\n  got:    %s\n' "$want" "$got"
  printf '%s\n' "$*"
  fail "not within $patience s: $what"
}

fed()     { kubectl fed --context=federation "$@"; }
member()  { kubectl --context="gce-$1" "${@:2}"; }
replicas() { member "$1" get replicaset k8shserver -o 'jsonpath={.status.readyReplicas}'; }
state_of() { fed get cluster "cluster-$1" --no-headers | awk '{print $2}'; }

clean_up() {
  "${fleet[@]}" stop >/dev/null 2>&1 || true
  lab down >/dev/null 2>&1 || true
  rm -rf "$state"
}

on_exit() {
  local code=$?
  if (( code != 0 )); then
    echo "demo: failed after $((SECONDS - began)) s; logs were copied to $root/.demo-failed" >&2
    rm -rf "$root/.demo-failed"; mkdir -p "$root/.demo-failed"
    cp "$state"/agents/*.log "$root/.demo-failed/" 2>/dev/null || true
    tail -n 3 "$state"/agents/*.log >&2 2>/dev/null || true
  fi
  if (( code != 0 )) || [[ -z ${KEEP:-} ]]; then clean_up; fi
  exit "$code"
}

if [[ -d $state ]]; then
  echo "An earlier demo is still there; it is removed first."
  clean_up
fi
trap on_exit EXIT
trap 'exit 130' INT TERM
mkdir -p "$state/bucket"

join() {
  run kubectl fed --context=federation join "cluster-$1" --cluster-context="gce-$1" --host-cluster-context="$host" "${@:2}" \
    --address-ranges=127.0.0.0/8 --install --chart "$root/charts/fed-agent"
  run "${fleet[@]}" start "gce-$1"
}

say "Start 5 clusters, each a real API server with its controllers"
echo "Their pods are simulated: at their Services' addresses one program answers for all of them"
run lab up --app k8shserver "${members[@]/#/gce-}"
run kubectl config get-contexts -o name

say "Create the federation (kubefed's words work)"
run kubectl fed init federation --bucket="$bucket" --host-cluster-context="$host" --dns-zone-name=example.com

say "Join the clusters: region and zones come from their nodes, the agent from its chart"
for m in "${members[@]}"; do
  case $m in
    us-east1-b | europe-west1-b | asia-east1-a) join "$m" --leader-eligible ;;
    *) join "$m" ;;
  esac
done
for m in "${members[@]}"; do check 60 "cluster-$m is Ready" Ready state_of "$m"; done
run fed get clusters
run fed get clusters -o wide

say "Hand over plain manifests"
run fed create -f "$examples/rs/k8shserver"
run fed create -f "$examples/service/k8shserver"
run fed create -f "$examples/ingress/k8shserver.yaml"
run fed create -f "$examples/configmap/settings.yaml" -f "$examples/daemonset/node-agent.yaml" -f "$examples/deployment/web.yaml"

say "1000 replicas over 5 clusters: 200 in each"
for m in "${members[@]}"; do check 90 "200 replicas are ready in gce-$m" 200 replicas "$m"; done
run kubectl --context=gce-asia-east1-a get rs k8shserver
run kubectl --context=gce-asia-east1-a get ingress,service,configmap,daemonset,deployment
ready_total() { fed get rs k8shserver -o 'jsonpath={.status.readyReplicas}'; }
check 30 "the federation counts 1000 ready" 1000 ready_total
run fed get rs,deployments,services,ingress,configmaps,daemonsets
run fed describe rs k8shserver

say "Scale to 500: 100 in each"
run fed scale rs k8shserver --replicas=500
for m in "${members[@]}"; do check 60 "100 replicas are ready in gce-$m" 100 replicas "$m"; done

say "Edit the ConfigMap in an editor (here: sed)"
setting() { member "$1" get configmap settings -o 'jsonpath={.data.greeting}'; }
printf '#!/bin/sh\nsed -i "s/greeting: .*/greeting: edited/" "$1"\n' > "$state/editor"
chmod +x "$state/editor"
KUBE_EDITOR=$state/editor run fed edit configmap settings
for m in "${members[@]}"; do check 30 "the edit is in gce-$m" edited setting "$m"; done

say "Repair drift: somebody changes a member by hand"
run kubectl --context=gce-us-east1-b patch configmap settings --type=merge -p '{"data":{"greeting":"by hand"}}'
check 30 "gce-us-east1-b is as wanted again" edited setting us-east1-b

lost=us-central1-f
say "Kill a cluster: API server, controllers and agent at once"
run "${fleet[@]}" kill "gce-$lost"
run lab kill "gce-$lost"
check 60 "cluster-$lost is Stale" Stale state_of "$lost"
run fed get clusters
say "The others follow a change meanwhile"
run fed patch configmap settings --type=merge -p '{"data":{"greeting":"while away"}}'
check 30 "the change is in gce-us-east1-b" "while away" setting us-east1-b
say "Bring it back: it catches up"
run lab start "gce-$lost"
run "${fleet[@]}" start "gce-$lost"
check 60 "cluster-$lost is Ready" Ready state_of "$lost"
check 30 "gce-$lost has caught up" "while away" setting "$lost"

say "Join a sixth cluster: the DaemonSet and the rest appear there"
run lab up --app k8shserver "gce-$sixth"
join "$sixth"
check 60 "cluster-$sixth is Ready" Ready state_of "$sixth"
daemons() { member "$sixth" get daemonset node-agent -o 'jsonpath={.status.numberReady}'; }
check 60 "the DaemonSet runs on its 3 nodes" 3 daemons
check 30 "the ConfigMap is there" "while away" setting "$sixth"
run fed get clusters

say "Running replicas stay where they are until somebody says otherwise"
run fed rebalance rs k8shserver
some() { (( $(replicas "$1") > 0 )) && echo some; }
check 90 "gce-$sixth runs its part" some some "$sixth"

edge() { run "${fleet[@]}" edge "$1" --bucket="$bucket" --region="${2%-*}" --zone="$2" --address="$3" --http-listen="$3:$port" --https-listen=; }
ask()  { if command -v curl >/dev/null; then curl -sS --max-time 5 "http://$1:$port/"; else k8shserver -get "http://$1:$port/"; fi; }
zone() { ask "$1" | grep -o '"zone":"[^"]*"' | cut -d'"' -f4; }
address() { "$@" get ingress k8shserver -o 'jsonpath={.status.loadBalancer.ingress[*].ip}'; }
say "Start an edge in Europe and one in the US: their addresses are the Ingress's, in every cluster"
edge edge-europe europe-west1-b $europe
edge edge-america us-east1-b $america
check 30 "the Ingress has its address" "$europe $america" address fed
check 30 "and shows it in gce-asia-east1-a" "$europe $america" address member asia-east1-a
run fed get ingress
run kubectl --context=gce-asia-east1-a get ingress
run fed traffic edges
say "Clients reach the closest cluster"
check 30 "in Europe, europe-west1-b answers" europe-west1-b zone $europe
check 30 "in the US, us-east1-b answers" us-east1-b zone $america
printf '$ curl http://%s:%s/\n' $europe $port; ask $europe; echo
run fed describe ingress k8shserver
say "Kill that cluster: the next closest answers, under the same address"
run "${fleet[@]}" kill gce-europe-west1-b
run lab kill gce-europe-west1-b
check 15 "$sixth answers" "$sixth" zone $europe
printf '$ curl http://%s:%s/\n' $europe $port; ask $europe; echo
run lab start gce-europe-west1-b
run "${fleet[@]}" start gce-europe-west1-b
check 60 "cluster-europe-west1-b is Ready" Ready state_of europe-west1-b
check 90 "it answers again" europe-west1-b zone $europe

if [[ -n ${KEEP:-} ]]; then
  say "Left running. To play on:"
  cat <<PLAY
  export PATH=$root/bin:\$PATH LAB_DIR=$LAB_DIR KUBECONFIG=$KUBECONFIG
  kubectl fed --context=federation get clusters -o wide
  kubectl fed --context=federation describe rs k8shserver
  kubectl --context=gce-asia-east1-a get all
  kubectl fed --context=federation traffic get
  curl http://$europe:$port/
  lab kill gce-us-central1-a && ${fleet[*]} kill gce-us-central1-a
  lab start gce-us-central1-a && ${fleet[*]} start gce-us-central1-a
and to remove everything:
  ${fleet[*]} stop; lab down; rm -rf $state
PLAY
  exit 0
fi

say "Delete what was created"
run fed delete --yes rs/k8shserver service/k8shserver ingress/k8shserver configmap/settings daemonset/node-agent deployment/web
for m in "${members[@]}" "$sixth"; do
  left() { member "$m" get rs,svc,ingress,cm,ds,deploy -l kubectl-fed.io/federation -o name; }
  check 60 "nothing of ours is left in gce-$m" "" left
done

say "Stop the edges, and give their addresses back"
run "${fleet[@]}" stop edge-europe edge-america
run fed traffic unregister edge-europe edge-america --yes

say "Unjoin the clusters, those that may lead last, and destroy the federation"
for m in "$sixth" us-central1-f us-central1-a asia-east1-a europe-west1-b us-east1-b; do
  run kubectl fed --context=federation unjoin "cluster-$m" --cluster-context="gce-$m" --host-cluster-context="$host" --delete
  run helm --kube-context="gce-$m" --namespace=kubectl-fed-system uninstall fed-agent
done
run fed destroy --yes
run "${fleet[@]}" stop
[[ -z $(find "$state/bucket" -type f 2>/dev/null) ]] || fail "the bucket is not empty: $(find "$state/bucket" -type f)"
echo "  ok: the bucket is empty"
if kubectl config get-contexts -o name | grep -qx federation; then fail "the context is still there"; fi
echo "  ok: the context is gone"
run lab down
clean_up
say "Done in $((SECONDS - began)) s; nothing is left behind"
