#!/usr/bin/env bash
# Prints config/monitoring/rules.yaml as an object of the Prometheus operator. Run by make manifests.
set -euo pipefail
cd "$(dirname "$0")/.."

cat <<'HEAD'
# Generated from rules.yaml by make manifests.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: rules
  namespace: system
  labels:
    app.kubernetes.io/name: itwin-webhook-operator
spec:
HEAD
sed -e '/^#/d' -e 's/^./  &/' config/monitoring/rules.yaml
