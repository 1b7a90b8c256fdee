#!/usr/bin/env bash
# Creates one cluster per zone, and the bucket. Run it, or source it.
(
	set -euo pipefail
	# shellcheck source-path=SCRIPTDIR source=0-settings.sh
	. "$(dirname "${BASH_SOURCE[0]}")/0-settings.sh"

	if [ -n "$FED_LAB" ]; then
		# A zone at the end of a cluster's name becomes the zone of its nodes.
		mkdir -p "$FED_DIR/bucket"
		clusters=()
		for zone in $FED_ZONES; do clusters+=("gce-$zone"); done
		lab up "${clusters[@]}"
		exit
	fi

	for zone in $FED_ZONES; do
		gcloud container clusters create "gce-$zone" --project="$FED_PROJECT" --zone="$zone" \
			--workload-pool="$FED_PROJECT.svc.id.goog"
	done
	gcloud storage buckets create "$FED_BUCKET" --project="$FED_PROJECT" \
		--uniform-bucket-level-access --public-access-prevention
)
