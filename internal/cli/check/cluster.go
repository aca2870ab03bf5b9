package check

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/rest"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/cli/kinds"
)

// oldest is the first version of Kubernetes that the kinds work on.
var oldest = version.MustParseGeneric("1.32.0")

// apiServer checks the version of Kubernetes, and returns the API server's time.
func (c *checker) apiServer(ctx context.Context) (now time.Time, err error) {
	server, err := c.clientset.Discovery().ServerVersion()
	if err != nil {
		return now, err
	}
	now = c.serverTime(ctx)
	has, err := version.ParseGeneric(server.GitVersion)
	if err == nil && has.LessThan(oldest) {
		return now, c.found(Finding{
			Check: "kubernetes", Result: Problem, Message: "Kubernetes " + server.GitVersion,
			NextStep: fmt.Sprintf("Upgrade to %d.%d or later", oldest.Major(), oldest.Minor()),
		})
	}
	return now, c.ok("kubernetes", "Kubernetes %s", server.GitVersion)
}

// serverTime is the API server's clock, as its answers have it; ours if they have none.
func (c *checker) serverTime(ctx context.Context) time.Time {
	config, err := c.env.RESTConfig()
	if err != nil {
		return c.env.Now()
	}
	caller, err := rest.HTTPClientFor(config)
	if err != nil {
		return c.env.Now()
	}
	address := c.clientset.Discovery().RESTClient().Get().AbsPath("/version").URL().String()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return c.env.Now()
	}
	response, err := caller.Do(request)
	if err != nil {
		return c.env.Now()
	}
	defer func() { _ = response.Body.Close() }()
	now, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return c.env.Now()
	}
	return now
}

// kinds checks that the CRDs are there and have the fields that this program knows.
func (c *checker) kinds(ctx context.Context) (installed bool, err error) {
	found, err := kinds.Read(ctx, c.clientset)
	if err != nil {
		return false, err
	}
	const install = "kubectl apply --server-side -f crds.yaml"
	installed = true
	var lacking []string
	for _, kind := range found {
		if !kind.Installed {
			installed = false
			err = c.found(Finding{
				Check: "kinds", Result: Problem, Message: fmt.Sprintf("%s is not installed in version %s", kind.Name,
					itwinv1alpha1.GroupVersion.Version),
				NextStep: "Install the CRDs of the operator's release", Commands: []string{install},
			})
			if err != nil {
				return false, err
			}
		}
		for _, field := range kind.Lacking {
			lacking = append(lacking, kind.Name+" "+field)
		}
	}
	switch {
	case !installed:
		return false, nil
	case len(lacking) > 0:
		return true, c.found(Finding{
			Check: "kinds", Result: Problem,
			Message:  fmt.Sprintf("The CRDs are older than this program (%s); they lack %s", c.env.Build.Version, some(lacking)),
			NextStep: "Upgrade the operator and its CRDs, or use the kubectl-itwin of their version",
			Commands: []string{install},
		})
	}
	return true, c.ok("kinds", "Webhook, Connection, ClusterConnection have all fields of version %s", c.env.Build.Version)
}

// some joins the first of several texts.
func some(texts []string) string {
	const most = 5
	if len(texts) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(texts[:most], ", "), len(texts)-most)
	}
	return strings.Join(texts, ", ")
}

// right is one that commands need.
type right struct {
	verb, resource string
	cluster        bool
	// lacking is how bad it is without, and what cannot be done then.
	lacking Result
	without string
	// role is a ClusterRole of the installation that has it.
	role string
}

// roles begins the names of the ClusterRoles that an installation adds.
const roles = "itwin-webhook-operator-"

var needed = []right{
	{
		"list", "webhooks", false, Problem, "status shows nothing",
		"ClusterRole view or " + roles + "webhook-viewer-role",
	},
	{
		"list", "connections", false, Problem, "connections cannot be checked",
		"ClusterRole view or " + roles + "connection-viewer-role",
	},
	{
		"list", "clusterconnections", true, Warning, "ClusterConnections cannot be checked",
		"a ClusterRoleBinding to " + roles + "clusterconnection-viewer-role",
	},
	{
		"patch", "webhooks", false, Warning, "reactivate, reconcile and rotate do not work",
		"ClusterRole edit or " + roles + "webhook-editor-role",
	},
}

// rights checks what the user may do. What export and test need besides, to read Secrets, is not checked: it is seldom
// given for a whole namespace.
func (c *checker) rights(ctx context.Context) error {
	namespace := c.namespace
	if c.allNamespaces {
		namespace = metav1.NamespaceAll
	}
	allowed := 0
	for _, r := range needed {
		attributes := &authorizationv1.ResourceAttributes{
			Verb: r.verb, Group: itwinv1alpha1.GroupVersion.Group, Resource: r.resource, Namespace: namespace,
		}
		if r.cluster {
			attributes.Namespace = ""
		}
		review, err := c.clientset.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx,
			&authorizationv1.SelfSubjectAccessReview{
				Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: attributes},
			}, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		if review.Status.Allowed {
			allowed++
			continue
		}
		err = c.found(Finding{
			Check: "rights", Result: r.lacking, Message: fmt.Sprintf("You may not %s %s: %s", r.verb, r.resource, r.without),
			NextStep: "Ask the cluster's administrator for this right: " + r.role,
		})
		if err != nil {
			return err
		}
	}
	if allowed < len(needed) {
		return nil
	}
	return c.ok("rights", "You may list Webhooks and connections, and ask for reactivations")
}
