#!/bin/sh
# build.sh OUT: builds the lab into the file OUT. Go's build cache makes a
# second run cheap. The versions below are what `kubectl version`, the API
# servers and the fake nodes report; they must agree with go.mod.
set -eu

if [ $# -ne 1 ]; then
	echo "usage: build.sh OUT" >&2
	exit 2
fi
mkdir -p "$(dirname "$1")"
out=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")"

kubernetes=v1.36.3
kwok=v0.8.0
version=k8s.io/component-base/version
CGO_ENABLED=0 exec go build -trimpath -ldflags "-s -w \
-X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=36 -X $version.gitTreeState=clean \
-X k8s.io/client-go/pkg/version.gitVersion=$kubernetes \
-X sigs.k8s.io/kwok/pkg/consts.Version=$kwok" -o "$out" .
