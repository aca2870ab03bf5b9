// Package export is the command that writes manifests of the remote webhooks that no Webhook claims.
package export

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"webhook-operator.io/itwin/internal/cli/env"
	"webhook-operator.io/itwin/internal/cli/output"
	"webhook-operator.io/itwin/internal/cli/problem"
	"webhook-operator.io/itwin/internal/cli/remote"
	"webhook-operator.io/itwin/internal/platform"
)

// options are the flags.
type options struct {
	connection       string
	all              bool
	apiURL, tokenURL string
	allowedHosts     []string
	keepSecret       bool
	format           output.Format
}

// NewCommand returns `kubectl itwin export`.
func NewCommand(e *env.Env) *cobra.Command {
	o := &options{}
	command := &cobra.Command{
		Use:   "export (--connection CONNECTION | --all)",
		Short: "Write manifests of the remote webhooks that no Webhook claims",
		Long: "Write manifests of the remote webhooks that no Webhook claims, for review and for Git.\n\n" +
			"Each manifest imports one remote webhook as it is, and is suspended: applying it sends nothing to the platform.\n" +
			"Once it is no longer suspended the webhook keeps the signing secret that its receivers have, until something\n" +
			"about it must be changed; with --keep-secret it has a secretRef for that secret, which you fill.\n\n" +
			"Credentials are those of the connection's Secret, or of " + remote.ClientIDVariable + " and " +
			remote.ClientSecretVariable + "; these need no\nConnection yet. Progress is written to standard error. The exit " +
			"code is 1 if a remote webhook could not be exported.",
		Example: "  kubectl itwin export --connection default > webhooks.yaml\n" +
			"  kubectl itwin export --connection /organization -n digital-twin --keep-secret > webhooks.yaml\n" +
			"  kubectl itwin export --all -o json | kubectl apply -f -",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(command *cobra.Command, _ []string) error { return o.run(command.Context(), e) },
	}
	flags := command.Flags()
	flags.StringVar(&o.connection, "connection", "",
		"The connection: NAME, NAMESPACE/NAME, or /NAME for a ClusterConnection.")
	flags.BoolVar(&o.all, "all", false, "The accounts of all Connections and ClusterConnections.")
	flags.StringVar(&o.apiURL, "api-url", "", "URL of the platform, with credentials of the environment.")
	flags.StringVar(&o.tokenURL, "token-url", "", "URL of its token server, with credentials of the environment.")
	flags.StringSliceVar(&o.allowedHosts, "allowed-api-hosts", []string{"api.bentley.com", "ims.bentley.com"},
		"The hosts that the credentials of a connection are sent to, beside loopback ones.")
	flags.BoolVar(&o.keepSecret, "keep-secret", false,
		"Write a secretRef to a Secret that you fill with the signing secret that the receivers have.")
	output.AddFlag(command, &o.format, output.YAML, output.JSON)
	_ = command.RegisterFlagCompletionFunc("connection", e.CompleteConnections)
	for _, name := range []string{"api-url", "token-url", "allowed-api-hosts"} {
		_ = command.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	return command
}

// run exports each account. One that fails does not keep the others from it.
func (o *options) run(ctx context.Context, e *env.Env) error {
	c, err := clientOf(e)
	if err != nil {
		return err
	}
	sources, err := o.sources(ctx, e, c)
	if err != nil && len(sources) == 0 {
		return err
	}
	namespaces := make([]string, len(sources))
	for i, s := range sources {
		namespaces[i] = s.namespace
	}
	slices.Sort(namespaces)
	claimed, readErr := readClaims(ctx, e, c, slices.Compact(namespaces))
	if readErr != nil {
		return readErr
	}
	w, failed := &writer{options: o, env: e, client: c}, []error{err}
	for _, s := range sources {
		err := w.account(ctx, s, claimed)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		failed = append(failed, about(s.place, err))
	}
	if w.odd > 0 {
		failed = append(failed, problem.New(fmt.Sprintf("%d remote webhooks were not exported", w.odd),
			"see above for the reasons"))
	}
	return problem.Join(append(failed, w.close())...)
}

// about says which connection an error is about.
func about(in place, err error) error {
	if err == nil {
		return nil
	}
	known := problem.Explain(err)
	return &problem.Error{What: in.String() + ": " + known.What, Do: known.Do, Cause: err}
}

// writer writes manifests.
type writer struct {
	*options

	env *env.Env
	// client is nil without a cluster.
	client client.Client
	// written are the manifests so far, of which JSON is one list; odd counts what was not exported.
	written []manifest
	odd     int
}

// account exports one account.
func (w *writer) account(ctx context.Context, s *source, claimed *claims) error {
	w.tell("%s: listing the remote webhooks at %s, with the credentials of %s.\n",
		s, platform.WithoutQueries(s.options.APIURL), s.from)
	s.options.UserAgent = "kubectl-itwin/" + w.env.Build.Version
	listing, err := remote.List(ctx, s.options)
	if err != nil {
		return err
	}
	var exported []platform.Webhook
	off, odd, others := 0, 0, 0
	for _, found := range sorted(listing.Webhooks) {
		if claimed.has(found) {
			others++
			continue
		}
		if why := oddities(found); len(why) > 0 {
			odd++
			if err := w.leaveOut(s, found, why); err != nil {
				return err
			}
			continue
		}
		if err := w.add(s, found); err != nil {
			return err
		}
		exported = append(exported, found)
		if !found.Active {
			off++
		}
	}
	w.odd += odd + len(listing.Issues)
	for _, issue := range listing.Issues {
		w.tell("%s: an entry of the list cannot be read: %s\n", s, issue)
	}
	w.tell("%s: %d remote webhooks: %d exported, %d of them off; %d claimed by Webhooks; %d left out.\n",
		s, len(listing.Webhooks)+len(listing.Unreadable), len(exported), off, others, odd+len(listing.Issues))
	w.warn(ctx, s, exported)
	return nil
}

// warn tells what keeps the exported from being imported.
func (w *writer) warn(ctx context.Context, s *source, exported []platform.Webhook) {
	if len(exported) == 0 {
		return
	}
	for _, text := range append(s.namespaceWarnings(ctx, w.client), s.warnings(exported)...) {
		w.tell("Warning: %s.\n", text)
	}
	if len(s.also) > 0 {
		w.tell("The account is also reached by %s.\n", strings.Join(s.also, ", "))
	}
}

// leaveOut tells of a remote webhook that no Webhook can be like.
func (w *writer) leaveOut(s *source, found platform.Webhook, why []string) error {
	w.tell("%s: remote webhook %s is not exported: %s.\n", s, platform.Clean(found.ID), strings.Join(why, "; "))
	if w.format == output.JSON {
		return nil
	}
	_, err := fmt.Fprint(w.env.Out, commentedOut(manifestOf(found, s.place, w.keepSecret), found, why))
	return err
}

// tell writes a line on standard error.
func (w *writer) tell(format string, args ...any) {
	fmt.Fprintln(w.env.ErrOut, strings.TrimSpace(output.Clean(fmt.Sprintf(format, args...))))
}

func (w *writer) add(s *source, found platform.Webhook) error {
	m := manifestOf(found, s.place, w.keepSecret)
	if w.format == output.JSON {
		w.written = append(w.written, m)
		return nil
	}
	data, err := document(m, found)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.env.Out, "---\n%s", data)
	return err
}

// close ends the list in JSON.
func (w *writer) close() error {
	if w.format != output.JSON {
		return nil
	}
	list := map[string]any{"apiVersion": "v1", "kind": "List", "items": append([]manifest{}, w.written...)}
	encoder := json.NewEncoder(w.env.Out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(list)
}

// sorted orders remote webhooks by the names of their manifests, so that each export has the same order.
func sorted(webhooks []platform.Webhook) []platform.Webhook {
	return slices.SortedFunc(slices.Values(webhooks), func(a, b platform.Webhook) int {
		return cmp.Or(strings.Compare(nameOf(a), nameOf(b)), strings.Compare(a.ID, b.ID))
	})
}

// hostOf is the host of a URL.
func hostOf(text string) string {
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		return u.Host
	}
	return platform.Clean(text)
}
