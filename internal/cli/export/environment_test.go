package export

import (
	"bytes"
	"context"
	"errors"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/buildinfo"
	"webhook-operator.io/itwin/internal/cli/env"
	"webhook-operator.io/itwin/internal/platform"
)

// reader is a cluster of one answer.
type reader struct {
	client.Client
	answer func(client.Object) error
}

func (r reader) Get(_ context.Context, _ client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	return r.answer(o)
}

func refuses(err error) reader { return reader{answer: func(client.Object) error { return err }} }

const qa = "https://qa-api.example.com"

func TestCredentialsOfTheEnvironmentAreSentToNoHostByMistake(t *testing.T) {
	connections := schema.GroupResource{Group: itwinv1alpha1.GroupVersion.Group, Resource: "connections"}
	noKinds := &meta.NoKindMatchError{GroupKind: schema.GroupKind{Kind: "Connection"}}
	connection := reader{answer: func(o client.Object) error {
		o.(*itwinv1alpha1.Connection).Spec.APIURL, o.(*itwinv1alpha1.Connection).Spec.TokenURL = qa, qa+"/token"
		return nil
	}}
	forbidden := apierrors.NewForbidden(connections, "default", errors.New("no role"))
	both := options{apiURL: qa, tokenURL: qa + "/token"}
	const production = "https://api.bentley.com"
	for name, c := range map[string]struct {
		cluster client.Client
		flags   options
		// sent is where they are sent to; "" is nowhere.
		sent string
	}{
		"the connection says where":            {connection, options{}, qa},
		"no cluster":                           {nil, options{}, production},
		"no connection":                        {refuses(apierrors.NewNotFound(connections, "default")), options{}, production},
		"no kinds":                             {refuses(noKinds), options{}, production},
		"forbidden":                            {refuses(forbidden), options{}, ""},
		"forbidden, one URL by a flag":         {refuses(forbidden), options{apiURL: qa}, ""},
		"forbidden, both URLs by flags":        {refuses(forbidden), both, qa},
		"the API server is busy":               {refuses(apierrors.NewTooManyRequests("busy", 1)), options{}, ""},
		"the API server does not answer":       {refuses(context.DeadlineExceeded), options{}, ""},
		"the certificate is wrong, both flags": {refuses(errors.New("x509: unknown authority")), both, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			var told bytes.Buffer
			e := env.New(genericiooptions.IOStreams{ErrOut: &told}, buildinfo.Of("0.2.0", ""))
			s := &source{place: place{namespace: "a", kind: itwinv1alpha1.ConnectionKindNamespaced, name: "default"}}
			err := c.flags.fromEnvironment(t.Context(), e, c.cluster, s, platform.Credentials{ClientID: "a", ClientSecret: "b"})
			if c.sent == "" {
				g.Expect(err).To(MatchError(ContainSubstring("cannot read Connection a/default, so it is unknown where")))
				g.Expect(s.options.APIURL).To(BeEmpty())
				g.Expect(told.String()).To(BeEmpty())
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(s.options.APIURL).To(Equal(c.sent))
			g.Expect(told.String()).To(And(ContainSubstring(s.options.TokenURL), ContainSubstring(c.sent)))
		})
	}
}

func TestCredentialsOfTheEnvironmentAreNotSentInPlainText(t *testing.T) {
	for address, allowed := range map[string]bool{
		qa: true, "http://127.0.0.1:8090": true, "http://localhost": true, "HTTPS://qa-api.example.com": true,
		"http://qa-api.example.com": false, "http://192.0.2.1:8090": false, "ftp://127.0.0.2.example.com": false, "qa-api.example.com": false,
	} {
		var told bytes.Buffer
		e := env.New(genericiooptions.IOStreams{ErrOut: &told}, buildinfo.Of("0.2.0", ""))
		flags := options{apiURL: qa, tokenURL: address}
		err := flags.fromEnvironment(t.Context(), e, nil, &source{}, platform.Credentials{ClientID: "a", ClientSecret: "b"})
		if allowed {
			NewWithT(t).Expect(err).NotTo(HaveOccurred(), address)
			continue
		}
		NewWithT(t).Expect(err).To(MatchError(ContainSubstring("credentials are not sent to "+address)), address)
		NewWithT(t).Expect(told.String()).To(BeEmpty(), address)
	}
}

func TestANamespaceThatAClusterConnectionDoesNotAllowIsTold(t *testing.T) {
	labelled := reader{answer: func(o client.Object) error {
		o.(*corev1.Namespace).Labels = map[string]string{"team": "models"}
		return nil
	}}
	team := func(name string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: map[string]string{"team": name}}
	}
	for name, c := range map[string]struct {
		cluster  client.Reader
		selector *metav1.LabelSelector
		want     string
	}{
		"selected":          {labelled, team("models"), ""},
		"all":               {labelled, &metav1.LabelSelector{}, ""},
		"another":           {labelled, team("other"), `does not allow namespace "a"`},
		"none":              {labelled, nil, "allows no namespace"},
		"it cannot be read": {refuses(errors.New("connection refused")), team("models"), "unknown whether ClusterConnection organization allows"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			connection := &itwinv1alpha1.ClusterConnection{}
			connection.ConnectionSpec().AllowedNamespaces = c.selector
			p := place{namespace: "a", kind: itwinv1alpha1.ConnectionKindCluster, name: "organization", connection: connection}
			warnings := p.namespaceWarnings(t.Context(), c.cluster)
			if c.want == "" {
				g.Expect(warnings).To(BeEmpty())
				return
			}
			g.Expect(warnings).To(ConsistOf(ContainSubstring(c.want)))
			p.kind = itwinv1alpha1.ConnectionKindNamespaced
			g.Expect(p.namespaceWarnings(t.Context(), c.cluster)).To(BeEmpty())
		})
	}
}
