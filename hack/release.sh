#!/usr/bin/env bash
# Writes a release into a folder: hack/release.sh <registry> <folder>. Images for amd64 and arm64 as OCI archives, and what
# hack/release makes of their digests. Nothing is pushed. Equal sources and SOURCE_DATE_EPOCH give equal bytes.
set -euo pipefail
cd "$(dirname "$0")/.."

registry=$1
mkdir -p "$2"
out=$(cd "$2" && pwd)
version=$(cat VERSION)
revision=${REVISION-$(git describe --always --abbrev=40 --exclude='*' --dirty 2>/dev/null || true)}
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
# What is replaced must be an earlier release.
if [[ -n "$(ls -A "$out")" && ! -e "$out/checksums.txt" ]]; then
	echo "$out holds other files than a release: empty it, or name another folder, as DIST=..." >&2
	exit 1
fi
rm -f "$out"/*

images=()
# image <name> <program>
image() {
	local name=$1 program=$2 arch digest files=() binaries=()
	for arch in amd64 arm64; do
		file=$built/$arch/$program
		CGO_ENABLED=0 GOOS=linux GOARCH=$arch go build -trimpath -buildvcs=false \
			-ldflags "-s -w -X main.version=$version -X main.revision=$revision" -o "$file" "./cmd/$program"
		files+=("$file")
		binaries+=(-binary "$arch=$file")
	done
	digest=$(cd hack/image && go run . "${binaries[@]}" -name "$program" -title "$name" -version "$version" \
		-tag "$registry/$name:$version" -o "$out/$name-$version.oci.tar")
	images+=(-image "$name=$digest=$(IFS=,; echo "${files[*]}")")
	echo "$registry/$name:$version@$digest"
}
image itwin-webhook-operator manager
image itwin-simulator itwin-simulator
(cd hack/release && go run . -root ../.. -o "$out" -registry "$registry" "${images[@]}")
echo "wrote $out"
