#!/usr/bin/env bash
# Joins the clusters. With --install, join runs the helm command that it
# otherwise prints; region and zones come from the nodes' labels.
(
	set -euo pipefail
	# shellcheck source-path=SCRIPTDIR source=0-settings.sh
	. "$(dirname "${BASH_SOURCE[0]}")/0-settings.sh"

	chart=$(dirname "${BASH_SOURCE[0]}")/../../../charts/fed-agent

	# The host cluster goes first: the first to join may lead.
	zones=$FED_HOST_CLUSTER
	for zone in $FED_ZONES; do
		[ "$zone" = "$FED_HOST_CLUSTER" ] || zones+=" $zone"
	done
	for zone in $zones; do
		kubectl fed join "cluster-$zone" --context="$FED_NAME" --cluster-context="$(fed_context "$zone")" \
			--install --chart "$chart"
		if [ -n "$FED_LAB" ]; then fed_fleet start "$zone"; fi
	done
	kubectl fed get clusters --context="$FED_NAME"
)
