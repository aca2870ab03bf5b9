#!/usr/bin/env bash
# Fails unless the cluster has no object of the kinds: hack/none-left.sh <kubectl> <plural>… Where it cannot ask, it fails
# too; a kind that the cluster does not have has no objects.
set -euo pipefail
kubectl=$1
shift
group=itwin.webhook-operator.io

for plural in "$@"; do
	# With --ignore-not-found, an error means that the question was not answered.
	if ! kind=$($kubectl get customresourcedefinition "$plural.$group" --ignore-not-found -o name); then
		echo "Whether there are ${plural} left cannot be asked, so nothing is removed." >&2
		exit 1
	fi
	test -n "$kind" || continue
	if ! left=$($kubectl get "$plural.$group" --all-namespaces -o name); then
		echo "Whether there are ${plural} left cannot be asked, so nothing is removed." >&2
		exit 1
	fi
	test -n "$left" || continue
	echo "There are ${plural} left: $(wc -l <<<"$left"). Delete them first, while the operator runs to let go of what they made:" >&2
	scope=' --all-namespaces'
	test "$plural" != clusterconnections || scope=
	echo "  kubectl delete $plural.$group --all$scope" >&2
	exit 1
done
