#!/usr/bin/env bash
# Takes everything down again: the federation, the clusters and the bucket.
(
	set -euo pipefail
	# shellcheck source-path=SCRIPTDIR source=0-settings.sh
	. "$(dirname "${BASH_SOURCE[0]}")/0-settings.sh"

	kubectl fed destroy "$FED_NAME" --context="$FED_NAME" --yes

	if [ -n "$FED_LAB" ]; then
		lab down --dir "$FED_DIR/lab"
		rm -rf "$FED_DIR"
		exit
	fi
	for zone in $FED_ZONES; do
		gcloud -q container clusters delete "gce-$zone" --zone="$zone" --project="$FED_PROJECT"
	done
	gcloud -q storage rm --recursive "$FED_BUCKET"
)
