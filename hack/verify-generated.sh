#!/usr/bin/env bash
# Fails when a generated file is not what its source now generates. It generates elsewhere, so it changes nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
make generate manifests OUT="$fresh"

stale=0
while read -r file; do
	diff -u "$file" "$fresh/$file" || stale=1
done < <({ (cd "$fresh" && find . -type f); find ./config/crd/bases -type f; } | sort -u)
if [ "$stale" != 0 ]; then
	echo "generated files are out of date: run make generate manifests" >&2
	exit 1
fi
