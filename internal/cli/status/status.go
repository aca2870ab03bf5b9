// Package status is the command `kubectl itwin status`: the state of Webhooks, and the next step for each.
package status

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/cli/env"
	"webhook-operator.io/itwin/internal/cli/output"
	"webhook-operator.io/itwin/internal/cli/selection"
)

type options struct {
	selection.Flags
	format output.Format
}

// NewCommand returns the command.
func NewCommand(e *env.Env) *cobra.Command {
	o := &options{}
	command := &cobra.Command{
		Use:   "status [NAME...]",
		Short: "Show Webhooks with the next step for each",
		Long: "Show Webhooks: whether each is ready and active, and the next step where something is to be done.\n" +
			"docs/troubleshooting.md has more about each reason.",
		Example: "  kubectl itwin status\n  kubectl itwin status -A -o wide\n  kubectl itwin status model-events -o yaml\n" +
			"  kubectl itwin status -A -o json | jq -r '.items[] | select(.nextStep != \"InSync\") | .name'",
		ValidArgsFunction: e.CompleteWebhooks,
		RunE: func(command *cobra.Command, names []string) error {
			return o.run(command.Context(), e, names)
		},
	}
	o.Add(command)
	output.AddFlag(command, &o.format, output.All...)
	return command
}

func (o *options) run(ctx context.Context, e *env.Env, names []string) error {
	c, err := e.Client()
	if err != nil {
		return err
	}
	buffer := bufio.NewWriter(e.Out)
	rows := newPrinter(buffer, o.format, o.AllNamespaces, e.Now())
	count := 0
	err = o.Each(ctx, e, c, names, func(page []*itwinv1alpha1.Webhook) error {
		count += len(page)
		for _, webhook := range page {
			if err := rows.add(RowOf(webhook, rows.now)); err != nil {
				return err
			}
		}
		return errors.Join(rows.flush(), buffer.Flush())
	})
	if err := errors.Join(err, rows.close(), buffer.Flush()); err != nil {
		return err
	}
	if count == 0 && o.format != output.JSON && o.format != output.YAML {
		return o.none(e)
	}
	return nil
}

// none says that there are no Webhooks, and where else to look.
func (o *options) none(e *env.Env) error {
	namespace, err := e.Namespace()
	switch {
	case err != nil:
		return err
	case o.AllNamespaces:
		fmt.Fprintln(e.ErrOut, "No Webhooks found in any namespace.")
	default:
		fmt.Fprintf(e.ErrOut, "No Webhooks found in namespace %q; -A shows those of all namespaces.\n", namespace)
	}
	return nil
}

// printer writes rows in one format.
type printer struct {
	format     output.Format
	namespaces bool
	now        time.Time

	out   io.Writer
	items *output.Items
	table *output.Rows
}

func newPrinter(out io.Writer, format output.Format, namespaces bool, now time.Time) *printer {
	p := &printer{format: format, namespaces: namespaces, now: now, out: out}
	switch format {
	case output.JSON, output.YAML:
		p.items = output.NewItems(out, format)
	case output.Table, output.Wide:
		p.table = output.NewRows(out, p.header()...)
	}
	return p
}

func (p *printer) header() (columns []string) {
	if p.namespaces {
		columns = append(columns, "NAMESPACE")
	}
	columns = append(columns, "NAME", "CONNECTION", "READY", "REASON", "ACTIVE", "OFF SINCE", "CALLBACK HOST", "NEXT STEP")
	if p.format == output.Wide {
		columns = append(columns, "WEBHOOK ID", "MESSAGE")
	}
	return columns
}

func (p *printer) add(row Row) error {
	switch {
	case p.items != nil:
		return p.items.Add(row)
	case p.table != nil:
		return p.table.Add(p.cells(row)...)
	}
	_, err := fmt.Fprintf(p.out, "webhook.%s/%s\n", itwinv1alpha1.GroupVersion.Group, row.Name)
	return err
}

func (p *printer) cells(row Row) (cells []string) {
	if p.namespaces {
		cells = append(cells, row.Namespace)
	}
	active, off := "", ""
	if row.Active != nil {
		active = strconv.FormatBool(*row.Active)
	}
	if row.OffSince != nil {
		off = duration.HumanDuration(p.now.Sub(*row.OffSince)) + " ago"
	}
	cells = append(cells, row.Name, row.Connection, row.Ready, row.Reason, active, off, row.CallbackHost, row.NextStep)
	if p.format == output.Wide {
		cells = append(cells, row.WebhookID, row.Message)
	}
	return cells
}

func (p *printer) flush() error {
	if p.table == nil {
		return nil
	}
	return p.table.Flush()
}

func (p *printer) close() error {
	if p.items != nil {
		return p.items.Close()
	}
	return p.flush()
}
