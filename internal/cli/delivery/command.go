// Package delivery is the command that sends a synthetic event to the callback of a Webhook, as the platform would.
package delivery

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/cli/env"
	"webhook-operator.io/itwin/internal/cli/output"
	"webhook-operator.io/itwin/internal/cli/problem"
)

// defaultTimeout is how long an answer is waited for: longer than the platform does, to show how long it takes.
const defaultTimeout = 30 * time.Second

// options are the flags.
type options struct {
	insecure bool
	caFile   string
	timeout  time.Duration
	format   output.Format
}

// NewCommand returns `kubectl itwin test`.
func NewCommand(e *env.Env) *cobra.Command {
	o := &options{}
	command := &cobra.Command{
		Use:   "test NAME",
		Short: "Send a synthetic event to the callback of a Webhook",
		Long: "Send a synthetic event to the callback of a Webhook, signed as the platform signs, and show the answer,\n" +
			"the time that it took and the certificate. It is sent from where the command runs, which may reach what\n" +
			"the platform cannot, or the other way round.\n\n" +
			"The content of the event is {\"synthetic\": true, …}, and its iTwinId all zeros: a receiver can tell it from\n" +
			"a real one, and should answer 200 and do nothing more. One that does not look acts on it.\n\n" +
			"The right to read the Secret of the Webhook is needed. Nothing is sent to the platform.\n\n" +
			"Exit code: 0 if the platform would take the event as delivered, 1 otherwise.",
		Example:           "  kubectl itwin test model-events\n  kubectl itwin test model-events --ca-file ca.crt -o json",
		Args:              oneName,
		ValidArgsFunction: e.CompleteWebhook,
		RunE: func(command *cobra.Command, args []string) error {
			return o.run(command.Context(), e, args[0])
		},
	}
	flags := command.Flags()
	flags.BoolVar(&o.insecure, "insecure-callback", false,
		"Send the event although the certificate cannot be verified, which the platform would not do.")
	flags.StringVar(&o.caFile, "ca-file", "", "A file of PEM certificates that are trusted beside the system's.")
	flags.DurationVar(&o.timeout, "timeout", defaultTimeout, "How long to wait for the answer. The platform waits 5s.")
	output.AddFlag(command, &o.format, output.Table, output.JSON, output.YAML)
	_ = command.RegisterFlagCompletionFunc("timeout", cobra.NoFileCompletions)
	return command
}

func oneName(command *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return problem.New(fmt.Sprintf("%d Webhooks are named, not one", len(args)),
		fmt.Sprintf("see %q", command.CommandPath()+" --help"))
}

// run sends one event.
func (o *options) run(ctx context.Context, e *env.Env, name string) error {
	roots, err := trusted(o.caFile)
	if err != nil {
		return err
	}
	c, err := e.Client()
	if err != nil {
		return err
	}
	namespace, err := e.Namespace()
	if err != nil {
		return err
	}
	w := &itwinv1alpha1.Webhook{}
	if err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, w); err != nil {
		return notFound(err, namespace, name)
	}
	secret, note, err := secretOf(ctx, c, w)
	if err != nil {
		return err
	}
	r := newReport(w, note)
	r.sent(send(ctx, attempt{
		url: w.Spec.CallbackURL, secret: secret, event: eventFor(w, e.Now()), roots: roots, insecure: o.insecure,
		timeout: o.timeout, agent: "kubectl-itwin/" + e.Build.Version,
	}), secret)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := r.write(e.Out, o.format); err != nil {
		return err
	}
	if !r.Delivered {
		return problem.Newf("the platform would not take this event as delivered: %s", r.Why)
	}
	return nil
}

// trusted are the certificates of the system and of a file; nil without one.
func trusted(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // crypto/x509 takes nil for the system's
	}
	pem, err := os.ReadFile(file) //nolint:gosec // the user says which
	if err != nil {
		return nil, problem.New("cannot read --ca-file", err.Error())
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, problem.New(fmt.Sprintf("--ca-file %s has no certificate", file), "give a file of PEM blocks CERTIFICATE")
	}
	return roots, nil
}
