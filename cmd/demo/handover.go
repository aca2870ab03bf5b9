package main

import (
	"os/exec"
)

// handOver says how to go on by hand.
func (d *demo) handOver() {
	d.print("\nEverything stays up until Ctrl-C, and what happens shows here. In another terminal:\n\n")
	d.print("  export KUBECONFIG=%s\n", d.plane.Kubeconfig)
	if _, err := exec.LookPath("kubectl"); err != nil {
		d.print("  alias kubectl=%s\n", d.plane.KubectlPath)
	}
	name := accountWebhook
	if !d.simulated() {
		name = d.settings.account.webhook()
	}
	d.print("  kubectl get itwin -A\n")
	d.print("  kubectl -n %s edit webhook %s\n", namespace, name)
	d.print("  kubectl -n %s delete webhook %s\n", namespace, name)
	if d.simulated() {
		d.print("\nThe platform's side, and an event to deliver:\n\n")
		d.print("  curl %s/simulator/webhooks\n", d.platform.URL)
		d.print("  curl %s/simulator/events -d '{\"eventType\":%q,\"iTwinId\":%q}'\n", d.platform.URL, iTwinCreated, anyITwin)
	}
	d.print("\nWhat the operator logs: %s\n\n", d.operator.OutputPath())
}
