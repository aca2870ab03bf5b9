#!/usr/bin/env bash
# Fails when a release is not the same, byte by byte, when it is made again elsewhere.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/copy"
git ls-files --cached --others --exclude-standard -z | while IFS= read -r -d '' file; do
	if [ -e "$file" ] || [ -L "$file" ]; then printf '%s\0' "$file"; fi
done | tar --null --files-from=- -cf - | tar -xf - -C "$work/copy"

# The copy is no repository that could tell its revision.
REVISION=$(git describe --always --abbrev=40 --exclude='*' --dirty)
export REVISION
# One platform tells as much as all of them.
export PLUGIN_PLATFORMS=linux/arm64
hack/release.sh registry.example.com "$work/one" >/dev/null
"$work/copy/hack/release.sh" registry.example.com "$work/other" >/dev/null
diff -r "$work/one" "$work/other" || { echo "a release made twice differs" >&2; exit 1; }
(cd "$work/one" && sha256sum --quiet --check checksums.txt)
if grep -rnE 'image: .*(:latest|[^0-9a-f]$)|latest"' "$work"/one/*.yaml; then
	echo "a manifest does not name its image by digest" >&2
	exit 1
fi
