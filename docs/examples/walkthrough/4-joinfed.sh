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
	# What further values of the chart it takes: a bucket that is a folder has to be mounted.
	values=()
	if [ -n "$FED_LAB" ]; then
		folder=${FED_BUCKET#file://}
		values=(
			--set "extraVolumes[0].name=federation,extraVolumes[0].hostPath.path=$folder"
			--set "extraVolumeMounts[0].name=federation,extraVolumeMounts[0].mountPath=$folder"
		)
	fi
	for zone in $zones; do
		kubectl fed join "cluster-$zone" --context="$FED_NAME" --cluster-context="$(fed_context "$zone")" \
			--install --chart "$chart" ${values[@]+"${values[@]}"}
		if [ -n "$FED_LAB" ]; then fed_fleet start "$zone"; fi
	done
	kubectl fed get clusters --context="$FED_NAME"
)
