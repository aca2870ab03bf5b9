package upgrade

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"webhook-operator.io/itwin/internal/harness"
)

// Difference is one that an upgrade makes.
type Difference struct {
	// Sentence of CHANGELOG.md that tells of it.
	Sentence string
	// Paths in the objects.
	Paths *regexp.Regexp
	// Objects that it is made in: each of these, and no other.
	Objects []string
}

func paths(text string) *regexp.Regexp { return regexp.MustCompile("^(" + text + ")$") }

// all are names with the same beginning.
func all(prefix, names string) (list []string) {
	for name := range strings.FieldsSeq(names) {
		list = append(list, prefix+name)
	}
	return list
}

const (
	team   = "Webhook digital-twin/"
	survey = "Webhook survey/"
)

// Accepted are all differences that an upgrade may make, and has to.
var Accepted = []Difference{
	{
		Sentence: "A Webhook whose account can be listed gets the annotation `owner` and, in its status, `account`, " +
			"`appliedGeneration`, `callbackUrl` and `secretFingerprint`, where it has a remote webhook.",
		Paths: paths(`metadata\.annotations\.itwin\.webhook-operator\.io/owner|` +
			`status\.(account|appliedGeneration|callbackUrl|secretFingerprint)`),
		Objects: slices.Concat(all(team, `account adopted cluster cluster-imported deactivated-always deactivated-onrequest
			imported inactive insync kept-deleted marked newline own-secret reactivated refused-update requested retain
			rotated twice-a twice-b vanished`), all(survey, "namespace-not-allowed suspended-not-allowed")),
	},
	{
		Sentence: "A connection that has logged in gets `status.account` and `status.rateLimit`.",
		Paths:    paths(`status\.account|status\.rateLimit\..*`),
		Objects: slices.Concat(all("Connection digital-twin/", "default forbidding keeping limited refusing unavailable"),
			all("ClusterConnection ", "cluster-limited cluster-unavailable organization")),
	},
	{
		Sentence: "Messages of conditions have new words, but for what a Webhook said already of a rate limit or an outage.",
		Paths:    paths(`status\.conditions\[(Ready|Reconciling|Stalled)\]\.message`),
		Objects: slices.Concat(all(team, `account adopted already-claimed cluster cluster-imported deactivated-always
			deactivated-onrequest forbidden-create host-not-allowed import-missing imported inactive insync kept-deleted
			marked newline own-secret reactivated requested retain rotated secret-taken twice-a twice-b unauthorized-deleted
			unauthorized-edited waits-for-absent waits-for-cluster-unauthorized waits-for-unauthorized`),
			all(survey, "suspended-not-allowed"), all("Connection digital-twin/", "absent limited unavailable"),
			all("ClusterConnection ", "cluster-absent cluster-limited cluster-unavailable")),
	},
	{
		Sentence: "A suspended Webhook gets the condition `Suspended` and loses `Reconciling` and `Stalled`, and " +
			"`status.observedGeneration` moves.",
		Paths:   paths(`status\.conditions\[Suspended\]\..*|status\.observedGeneration`),
		Objects: slices.Concat(all(team, "new-suspended suspended"), all(survey, "suspended-not-allowed")),
	},
	{
		Sentence: "`Deactivated` with `OnRequest` gets the condition `Stalled`.",
		Paths:    paths(`status\.conditions\[Stalled\]\..*`),
		Objects:  all(team, "deactivated-onrequest"),
	},
	{
		Sentence: "A connection whose Secret is missing loses the condition `Stalled` and gets `Reconciling`.",
		Paths:    paths(`status\.conditions\[(Reconciling|Stalled)\]\..*`),
		Objects:  []string{"Connection digital-twin/absent", "ClusterConnection cluster-absent"},
	},
	{
		Sentence: "A Webhook whose signing secret ends with a newline becomes `SecretInvalid`.",
		Paths:    paths(`status\.conditions\[Ready\]\.(status|reason|lastTransitionTime)`),
		Objects:  all(team, "newline"),
	},
	{
		Sentence: "A Webhook whose `callbackUrl` has the query parameter `itwin-webhook` becomes `Refused`.",
		Paths:    paths(`status\.conditions\[Ready\]\.(status|reason|lastTransitionTime)|status\.conditions\[Stalled\]\..*`),
		Objects:  all(team, "marked"),
	},
	{
		Sentence: "A Webhook with `deletionPolicy: Retain` gives up its generated Secret, and `status.secretVersion` is " +
			"that of the Secret without an owner.",
		Paths:   paths(`metadata\.ownerReferences\[0\]\..*|status\.secretVersion`),
		Objects: append(all(team, "retain"), "Secret digital-twin/retain-webhook-secret"),
	},
	{
		Sentence: "What was due while no operator ran is done: a reactivation after a pause, a deletion.",
		Paths: paths(`status\.(active|modified|lastReactivationTime|nextReactivationTime)|` +
			`status\.conditions\[(Active|Ready|Reconciling)\]\..*`),
		Objects: all(team, "deactivated-always"),
	},
	{
		Sentence: "A suspended Webhook that its connection does not allow is turned off, and says so.",
		Paths:    paths(`status\.(active|modified)|status\.conditions\[(Active|Ready)\]\..*`),
		Objects:  all(survey, "suspended-not-allowed"),
	},
	{
		Sentence: "What the platform refused is sent once more, and `status.refusedRequest` is that of the new request.",
		Paths:    paths(`status\.refusedRequest`),
		Objects:  all(team, "forbidden-create refused-create refused-update"),
	},
	{
		Sentence: "The operator key is generated.",
		Paths:    paths(`.*`),
		Objects:  []string{"Secret " + harness.Namespace + "/itwin-webhook-operator-key"},
	},
}

// Written waits until the operator has made all differences that are accepted, and no other. When that takes too long
// it returns what is missing and what is too much.
func (i *Installation) Written(ctx context.Context) error {
	var wrong error
	err := harness.Until(ctx, "the upgrade is written", func(ctx context.Context) error {
		now, err := List(ctx, i.Plane)
		if err == nil {
			wrong = compare(differences(i.objects, now))
		}
		return errors.Join(err, wrong)
	})
	if err != nil {
		return errors.Join(err, wrong)
	}
	return nil
}

// compare returns what is not accepted, and what is missing.
func compare(found map[string]map[string]string) (problems error) {
	for _, object := range slices.Sorted(maps.Keys(found)) {
		for path, values := range found[object] {
			if !slices.ContainsFunc(Accepted, func(d Difference) bool { return d.holds(object, path) }) {
				problems = errors.Join(problems, fmt.Errorf("%s: %s: %s", object, path, values))
			}
		}
	}
	for _, d := range Accepted {
		for _, object := range d.Objects {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(found[object])), d.Paths.MatchString) {
				problems = errors.Join(problems, fmt.Errorf("%s has nothing of: %s", object, d.Sentence))
			}
		}
	}
	return problems
}

func (d Difference) holds(object, path string) bool {
	return slices.Contains(d.Objects, object) && d.Paths.MatchString(path)
}
