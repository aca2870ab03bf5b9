package main

import (
	"fmt"
	"os/exec"
	"path/filepath"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

// lesson is something to try by hand: commands that work in their order.
type lesson struct {
	title    string
	commands []string
}

// handOver says how to go on by hand.
func (d *demo) handOver() {
	d.print("\nEverything stays up until Ctrl-C, and what happens shows here. In another terminal:\n\n")
	d.print("  export KUBECONFIG=%s\n", d.plane.Kubeconfig)
	if _, err := exec.LookPath("kubectl"); err != nil {
		d.print("  export PATH=$PATH:%s\n", filepath.Dir(d.plane.KubectlPath))
	}
	if plugin, err := harness.Binary("kubectl-itwin"); err == nil {
		d.print("  export PATH=%s:$PATH\n", filepath.Dir(plugin))
	}
	lessons := d.lessonsOfSimulator
	if !d.simulated() {
		lessons = d.lessonsOfAccount
	}
	for _, l := range lessons() {
		d.print("\n%s:\n\n", l.title)
		for _, command := range l.commands {
			d.print("  %s\n", command)
		}
	}
	d.print("\nWhat the operator logs: %s\n\n", d.operator.OutputPath())
}

// lessonsOfSimulator follow each other, as a person would try them.
func (d *demo) lessonsOfSimulator() []lesson {
	k, name := kubectl, accountWebhook
	event := fmt.Sprintf("curl -s %s/simulator/events -d '{\"eventType\":%q,\"iTwinId\":%q}'",
		d.platform.URL, iTwinCreated, anyITwin)
	show := fmt.Sprintf("curl -s %s/simulator/webhooks", d.platform.URL)
	return []lesson{
		{"Look at both sides", []string{k("get itwin"), k("events --for webhook/%s", name), show}},
		{"Break the receiver, and let three days pass: the platform turns the webhook off, which now stays off", []string{
			patchCommand(name, `{"spec":{"reactivationPolicy":"OnRequest"}}`),
			k("wait webhook/%s --for=condition=Ready --timeout=60s", name),
			"curl -s -X POST " + d.control.url + "/break",
			event,
			fmt.Sprintf("curl -s %s/simulator/clock/advance -d '{\"duration\":\"72h\"}'", d.platform.URL),
			k("wait webhook/%s --for=condition=Active=False --timeout=60s", name),
			k("get webhook %s -o wide", name),
		}},
		{"Fix the receiver, turn the webhook on again, and see the next event arrive", []string{
			"curl -s -X POST " + d.control.url + "/fix",
			plugin("reactivate %s -n %s --wait", name, namespace),
			event,
		}},
		{"Suspend it: what you edit meanwhile is sent when it goes on", []string{
			patchCommand(name, `{"spec":{"suspend":true,"eventTypes":["`+iTwinCreated+`"]}}`),
			k("wait webhook/%s --for=condition=Suspended --timeout=60s", name),
			show,
			patchCommand(name, `{"spec":{"suspend":false}}`),
			k("wait webhook/%s --for=condition=Ready --timeout=60s", name),
			show,
		}},
		rotation(name, event),
		{"See what is to be done, and try the route to the receiver, whose certificate is its own", []string{
			plugin("status -A"),
			plugin("test %s -n %s --insecure-callback", name, namespace),
		}},
		farewell(name),
	}
}

// lessonsOfAccount call nothing but the API server: the platform is a real one.
func (d *demo) lessonsOfAccount() []lesson {
	name := d.settings.account.webhook()
	lessons := []lesson{{"Look at it", []string{kubectl("get itwin"), kubectl("events --for webhook/%s", name)}}}
	if name == accountWebhook { // the secret of the other one is not generated
		lessons = append(lessons, rotation(name))
	}
	return append(lessons, lesson{"See what is to be done", []string{plugin("status -A")}}, farewell(name))
}

// rotation gives a generated signing secret a new value.
func rotation(name string, more ...string) lesson {
	commands := append([]string{
		"export NOW=$(date -Is)",
		kubectl(`annotate webhook %s --overwrite %s="$NOW"`, name, itwinv1alpha1.RotateRequestedAtAnnotation),
		kubectl(`wait webhook/%s --for=jsonpath='{.status.lastHandledRotateAt}'="$NOW" --timeout=60s`, name),
	}, more...)
	return lesson{"Rotate the signing secret; receivers accept the previous one too, until the next rotation", commands}
}

func farewell(name string) lesson {
	return lesson{"Edit it, and delete it", []string{
		kubectl("edit webhook %s", name), kubectl("delete webhook %s", name), kubectl("get itwin"),
	}}
}

func kubectl(format string, args ...any) string {
	return "kubectl -n " + namespace + " " + fmt.Sprintf(format, args...)
}

func patchCommand(name, change string) string {
	return kubectl("patch webhook %s --type=merge -p '%s'", name, change)
}

func plugin(format string, args ...any) string {
	return "kubectl itwin " + fmt.Sprintf(format, args...)
}
