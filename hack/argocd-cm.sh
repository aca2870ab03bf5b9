#!/usr/bin/env bash
# Prints the scripts of config/argocd as a patch of Argo CD's settings. Run by make manifests.
set -euo pipefail
cd "$(dirname "$0")/../config/argocd"

group=itwin.webhook-operator.io

# script prints a file with so many spaces before each line.
script() { sed -e "s/^./$(printf "%$1s" '')&/" "$2"; }

cat <<'HEAD'
# Generated from the scripts in this folder by make manifests.
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
data:
HEAD
for kind in Webhook Connection ClusterConnection; do
	printf '  resource.customizations.health.%s_%s: |\n' "$group" "$kind"
	script 4 health.lua
done
printf '  resource.customizations.actions.%s_Webhook: |\n    discovery.lua: |\n' "$group"
script 6 actions/discovery.lua
printf '    definitions:\n'
for action in actions/*/action.lua; do
	printf '    - name: %s\n      action.lua: |\n' "$(basename "$(dirname "$action")")"
	script 8 "$action"
done
