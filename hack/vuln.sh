#!/usr/bin/env bash
# Runs govulncheck: hack/vuln.sh <govulncheck> <packages>. A vulnerability that we call fails; a database that cannot
# be reached does not, for the check says nothing then, and machines without that way out build this project too.
set -euo pipefail

status=0
output=$("$@" 2>&1) || status=$?
printf '%s\n' "$output"
if [ "$status" != 0 ] && grep -q '^govulncheck: fetching vulnerabilities: Get ' <<<"$output"; then
	echo "govulncheck: the vulnerability database cannot be reached, so NOTHING was checked" >&2
	exit 0
fi
exit "$status"
