#!/usr/bin/env bash
# Writes a release into a folder: hack/release.sh <registry> <folder>. Images for amd64 and arm64 as OCI archives, the plugin
# of kubectl for PLUGIN_PLATFORMS, and what hack/release makes of them. Nothing is pushed. Equal sources and
# SOURCE_DATE_EPOCH give equal bytes.
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

# Where the plugin of kubectl runs.
platforms=${PLUGIN_PLATFORMS-linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64}
# compile <os> <architecture> <program> <file>
compile() {
	CGO_ENABLED=0 GOOS=$1 GOARCH=$2 go build -trimpath -buildvcs=false \
		-ldflags "-s -w -X main.version=$version -X main.revision=$revision" -o "$4" "./cmd/$3"
}
images=()
# image <name> <program>
image() {
	local name=$1 program=$2 arch digest files=() binaries=()
	for arch in amd64 arm64; do
		file=$built/$arch/$program
		compile linux "$arch" "$program" "$file"
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
plugins=()
for platform in $platforms; do
	compile "${platform%/*}" "${platform#*/}" kubectl-itwin "$built/$platform/kubectl-itwin"
	plugins+=(-plugin "$platform=$built/$platform/kubectl-itwin")
done
(cd hack/release && go run . -root ../.. -o "$out" -registry "$registry" "${images[@]}" "${plugins[@]}")
echo "wrote $out"
