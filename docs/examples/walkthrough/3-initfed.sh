#!/usr/bin/env bash
# Lays the federation out in the bucket and adds a kubectl context for it. There
# is no control plane to wait for.
(
	set -euo pipefail
	# shellcheck source-path=SCRIPTDIR source=0-settings.sh
	. "$(dirname "${BASH_SOURCE[0]}")/0-settings.sh"

	kubectl fed init "$FED_NAME" --bucket="$FED_BUCKET" --dns-zone-name="$FED_DNS_ZONE"
	kubectl config get-contexts "$FED_NAME"
)
