# Settings of the walk-through; the other scripts read them by themselves. Set
# what differs before, or edit this file, then:   . 0-settings.sh
# shellcheck shell=bash

# With FED_LAB=1 the clusters are real ones on this machine and the bucket is a
# folder (`make build lab tools`, then put bin/ on the PATH); otherwise everything
# is on Google Cloud.
export FED_LAB=${FED_LAB:-}

# Name of the federation, and of the kubectl context that stands for it.
export FED_NAME=${FED_NAME:-federation}

# One cluster in each of these zones: one in the US, one in Europe, one in Asia.
export FED_ZONES=${FED_ZONES:-us-east1-b europe-west1-b asia-east1-a}

# The first to join; it may lead.
export FED_HOST_CLUSTER=${FED_HOST_CLUSTER:-us-east1-b}

# DNS suffix of federated Services: a domain that you control.
export FED_DNS_ZONE=${FED_DNS_ZONE:-example.com}

if [ -n "$FED_LAB" ]; then
	# Everything of the lab lives in one folder.
	export FED_DIR=${FED_DIR:-$PWD/.demo/walkthrough}
	export FED_BUCKET=${FED_BUCKET:-file://$FED_DIR/bucket}
	export LAB_DIR=$FED_DIR/lab
	# The lab's contexts first; what the plugin adds goes to a file of its own.
	export KUBECONFIG=$LAB_DIR/kubeconfig:$FED_DIR/federation.kubeconfig
else
	# Google Cloud project.
	export FED_PROJECT=${FED_PROJECT:?set FED_PROJECT to your Google Cloud project, or FED_LAB=1 to stay on this machine}
	# Bucket that is the federation. Its name is unique in all of Google Cloud.
	export FED_BUCKET=${FED_BUCKET:-gs://$FED_PROJECT-$FED_NAME}
fi

# fed_context ZONE prints the kubectl context of the cluster in a zone.
fed_context() {
	if [ -n "$FED_LAB" ]; then
		echo "gce-$1"
	else
		echo "gke_${FED_PROJECT}_$1_gce-$1"
	fi
}

# fed_fleet VERB ZONE... runs the agents of the lab's clusters on this machine:
# the lab's nodes run no containers.
fed_fleet() {
	local verb=$1
	shift
	fleet -kubeconfig "$LAB_DIR/kubeconfig" -dir "$FED_DIR/agents" "$verb" "${@/#/gce-}"
}
