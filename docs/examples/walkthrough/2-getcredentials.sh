#!/usr/bin/env bash
# Fetches a kubectl context per cluster. The credentials stay in your own
# kubeconfig: the federation never gets them.
(
	set -euo pipefail
	# shellcheck source-path=SCRIPTDIR source=0-settings.sh
	. "$(dirname "${BASH_SOURCE[0]}")/0-settings.sh"

	if [ -z "$FED_LAB" ]; then
		for zone in $FED_ZONES; do
			gcloud -q container clusters get-credentials "gce-$zone" --zone="$zone" --project="$FED_PROJECT"
		done
	fi
	kubectl config get-contexts
)
