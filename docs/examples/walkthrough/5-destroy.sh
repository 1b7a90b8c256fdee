#!/usr/bin/env bash
# Takes everything down again: the members' objects, the federation, the clusters
# and the bucket.
(
	set -euo pipefail
	# shellcheck source-path=SCRIPTDIR source=0-settings.sh
	. "$(dirname "${BASH_SOURCE[0]}")/0-settings.sh"

	# The host cluster goes last: whoever may lead has to see the others leave.
	zones=""
	for zone in $FED_ZONES; do
		[ "$zone" = "$FED_HOST_CLUSTER" ] || zones+=" $zone"
	done
	for zone in $zones $FED_HOST_CLUSTER; do
		# Those that have left already are passed over, so that this can be run again.
		[ -n "$(kubectl fed get cluster "cluster-$zone" --context="$FED_NAME" --ignore-not-found -o name)" ] || continue
		kubectl fed unjoin "cluster-$zone" --context="$FED_NAME" --cluster-context="$(fed_context "$zone")" --delete
	done
	kubectl fed destroy --context="$FED_NAME" --yes

	if [ -n "$FED_LAB" ]; then
		fed_fleet stop
		lab down
		rm -rf "$FED_DIR"
		exit
	fi
	for zone in $FED_ZONES; do
		gcloud -q container clusters delete "gce-$zone" --zone="$zone" --project="$FED_PROJECT"
	done
	gcloud -q storage rm --recursive "$FED_BUCKET"
)
