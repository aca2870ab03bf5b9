// Package verify is the command that says whether a signature is right, and if not, why. It needs no cluster.
package verify

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"webhook-operator.io/itwin/internal/cli/env"
	"webhook-operator.io/itwin/internal/cli/problem"
	"webhook-operator.io/itwin/signature"
)

const (
	// SecretVariable is the environment variable that has the secret where no flag names one.
	SecretVariable = "ITWIN_WEBHOOK_SECRET" //nolint:gosec // it names a variable and is no secret
	// maxBody and maxSecret bound what is read.
	maxBody, maxSecret = 16 << 20, 64 << 10
	standardInput      = "-"
)

// options are the flags.
type options struct {
	signature, body string
	candidates      []signature.Candidate
}

// NewCommand returns `kubectl itwin verify-signature`.
func NewCommand(e *env.Env) *cobra.Command {
	o := &options{}
	command := &cobra.Command{
		Use:   "verify-signature --signature SIGNATURE --secret-file FILE [--secret-file FILE...] < BODY",
		Short: "Say whether an event was signed with a secret, and if not, why",
		Long: "Say whether an event was signed with a secret, and if not, why: a newline at the end of the secret, a body\n" +
			"that was encoded again, the secret of another webhook, or the one before a rotation. No cluster is needed.\n\n" +
			"The first secret is the one that you expect; give further ones, such as the previous one and those of other\n" +
			"webhooks, to find out which it was. The body is the raw bytes of the request.\n\n" +
			"The answer begins with yes or no. Exit code: 0 if the signature is that of the body with the first\n" +
			"secret, 1 otherwise.",
		Example: "  kubectl itwin verify-signature --signature sha256=… --secret-file secret < body.json\n" +
			"  kubectl get secret model-events-webhook-secret -o jsonpath='{.data.secret}' | base64 -d > secret",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(*cobra.Command, []string) error { return o.run(e, os.Getenv) },
	}
	flags := command.Flags()
	flags.StringVar(&o.signature, "signature", "", "The value of the request's Signature header.")
	flags.StringVar(&o.body, "body-file", standardInput, "The body of the request; - is standard input.")
	flags.Var(&fileValue{o}, "secret-file", "A file with a secret, as it is. May be given more than once.")
	flags.Var(&textValue{o}, "secret", "A secret. Others on this machine can see it in the list of processes, and your "+
		"shell keeps it: prefer --secret-file, or "+SecretVariable+".")
	_ = command.RegisterFlagCompletionFunc("signature", cobra.NoFileCompletions)
	_ = command.RegisterFlagCompletionFunc("secret", cobra.NoFileCompletions)
	return command
}

// run compares, and explains.
func (o *options) run(e *env.Env, getenv func(string) string) error {
	if o.signature == "" {
		return problem.New("no signature is given", "give the value of the request's Signature header by --signature")
	}
	candidates := o.candidates
	if value := getenv(SecretVariable); len(candidates) == 0 && value != "" {
		candidates = []signature.Candidate{{Name: "the secret of " + SecretVariable, Secret: value}}
	}
	if len(candidates) == 0 {
		return problem.New("no secret is given", "name its file by --secret-file, or set "+SecretVariable)
	}
	body, err := o.read(e)
	if err != nil {
		return err
	}
	header := strings.TrimSpace(o.signature)
	name, value, whole := strings.Cut(header, ":")
	if whole && strings.EqualFold(strings.TrimSpace(name), signature.Header) {
		header = strings.TrimSpace(value)
	}
	explained, found, err := signature.Explain(header, body, candidates...)
	switch {
	case errors.Is(err, signature.ErrMalformed), errors.Is(err, signature.ErrMissing):
		return problem.New(err.Error(), "give the whole value, sha256= included")
	case errors.Is(err, signature.ErrNoSecret):
		return problem.New("the secret is empty", "look at its file")
	case err != nil:
		return err
	case !found:
		return deny(e, notFound(body, len(candidates)))
	case !explained.Right():
		return deny(e, problem.Newf("no: %s", explained))
	}
	_, err = fmt.Fprintf(e.Out, "yes: the signature is that of the body with %s\n", explained.Secret)
	return err
}

// deny prints the answer no, which is what was asked for and no error, and ends the command with exit code 1.
func deny(e *env.Env, answer *problem.Error) error {
	if _, err := fmt.Fprintln(e.Out, answer); err != nil {
		return err
	}
	return problem.ErrReported
}

// notFound is the answer that says what to try next, with what the body says about itself.
func notFound(body []byte, candidates int) *problem.Error {
	what := fmt.Sprintf("no: none of the %d secrets makes this signature of this body, whatever was tried with newlines, "+
		"quotes, base64 and the encoding of the body", candidates)
	if candidates == 1 {
		what = strings.Replace(what, "none of the 1 secrets makes", "the secret does not make", 1)
	}
	switch event, err := signature.ParseEvent(body); {
	case len(body) == 0:
		return problem.New("no: the body is empty", "give the raw bytes of the request on standard input, or by --body-file")
	case err != nil:
		return problem.New(what, "the body is no event either: take the raw bytes of the request")
	case event.WebhookID != "":
		return problem.New(what, fmt.Sprintf("the event is of webhook %q: compare with the secret of the Webhook whose "+
			"status.webhookId that is, and with the one before its last rotation", event.WebhookID))
	}
	return problem.New(what, "take the raw bytes of the request, and the secret of the webhook that it came for")
}

// read reads the body.
func (o *options) read(e *env.Env) ([]byte, error) {
	if o.body != standardInput {
		return readFile(o.body, maxBody)
	}
	if e.Interactive() {
		fmt.Fprintln(e.ErrOut, "Reading the body from standard input.")
	}
	return readAll(e.In, "standard input", maxBody)
}

func readFile(name string, most int64) ([]byte, error) {
	file, err := os.Open(name) //nolint:gosec // the user says which
	if err != nil {
		return nil, problem.New(fmt.Sprintf("cannot read %s", name), err.Error())
	}
	defer func() { _ = file.Close() }()
	return readAll(file, name, most)
}

func readAll(from io.Reader, name string, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(from, most+1))
	switch {
	case err != nil:
		return nil, problem.New(fmt.Sprintf("cannot read %s", name), err.Error())
	case int64(len(data)) > most:
		return nil, problem.Newf("%s has more than %d KiB", name, most>>10)
	}
	return data, nil
}

// fileValue and textValue are the flags of secrets, which keep the order in which they are given.
type fileValue struct{ of *options }

func (v *fileValue) String() string { return "" }
func (v *fileValue) Type() string   { return "file" }

func (v *fileValue) Set(name string) error {
	data, err := readFile(name, maxSecret)
	if err != nil {
		return err
	}
	v.of.add("the secret in "+name, string(data))
	return nil
}

type textValue struct{ of *options }

func (v *textValue) String() string { return "" }
func (v *textValue) Type() string   { return "secret" }

func (v *textValue) Set(secret string) error {
	v.of.add(fmt.Sprintf("secret %d", len(v.of.candidates)+1), secret)
	return nil
}

func (o *options) add(name, secret string) {
	o.candidates = append(o.candidates, signature.Candidate{Name: name, Secret: secret})
}
