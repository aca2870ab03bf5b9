// Package problem turns what goes wrong in a command into one line: what failed, and what to do.
package problem

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/clientcmd"

	"webhook-operator.io/itwin/internal/cli/output"
)

// Error is one line for a person.
type Error struct {
	// What failed.
	What string
	// Do is what to do about it; "" when What says all.
	Do string
	// Cause is what it came from, for errors.Is and errors.As; it is not printed.
	Cause error
}

// New returns an error of a command's own: what failed, and what to do.
func New(what, do string) *Error { return &Error{What: what, Do: do} }

// Newf is New for an error that says all that there is to say.
func Newf(format string, args ...any) *Error { return &Error{What: fmt.Sprintf(format, args...)} }

// Error returns the line.
func (e *Error) Error() string {
	if e.Do == "" {
		return oneLine(e.What)
	}
	return oneLine(e.What) + ": " + oneLine(e.Do)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// ErrReported is the end of a command that has printed already what is wrong.
var ErrReported = errors.New("reported already")

// Interrupted is the end of a command after Ctrl-C.
func Interrupted() *Error { return Newf("interrupted") }

// NotInstalled is the problem of a cluster without our kinds.
func NotInstalled() *Error {
	return New("the kinds of "+group+"/v1alpha1 are not installed in this cluster",
		"install the operator's CRDs, or choose another cluster by --context")
}

// Several are errors that are printed as a line each.
type Several []error

// Join returns the errors that are not nil; nil when all are.
func Join(errs ...error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) == 0 {
		return nil
	}
	return Several(errs)
}

// Error returns the lines.
func (s Several) Error() string { return strings.Join(Lines(s), "\n") }

// Unwrap returns the errors.
func (s Several) Unwrap() []error { return s }

// Lines returns what is printed of an error: one line, or one for each of several; none of one that is printed already.
func Lines(err error) (lines []string) {
	if several, ok := errors.AsType[Several](err); ok {
		for _, err := range several {
			lines = append(lines, Lines(err)...)
		}
		return lines
	}
	if errors.Is(err, ErrReported) {
		return nil
	}
	return []string{Explain(err).Error()}
}

// Explain finds what to do about an error of a library. An *Error is returned as it is.
func Explain(err error) *Error {
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	what, do := explain(err)
	return &Error{What: what, Do: do, Cause: err}
}

// group is that of our kinds.
const group = "itwin.webhook-operator.io"

// right says how to get a right that the API server missed. An installation adds the ClusterRoles.
func right(refusal string) string {
	if !strings.Contains(refusal, group) {
		return "ask the cluster's administrator for this right"
	}
	return "ask the cluster's administrator to bind you to ClusterRole view or edit, or to " +
		"itwin-webhook-operator-webhook-viewer-role or itwin-webhook-operator-webhook-editor-role"
}

func explain(err error) (what, do string) {
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted", ""
	case clientcmd.IsEmptyConfig(err):
		return "no cluster is configured", "set KUBECONFIG or --kubeconfig to the file of a cluster"
	case meta.IsNoMatchError(err):
		return NotInstalled().What, NotInstalled().Do
	case apierrors.IsForbidden(err):
		return err.Error(), right(err.Error())
	case apierrors.IsUnauthorized(err):
		return "the API server does not accept the credentials of the kubeconfig", "log in again"
	}
	if unreachable, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Sprintf("cannot reach the API server at %s: %v", host(unreachable.URL), unreachable.Err),
			"check that the cluster runs, and --context"
	}
	return err.Error(), ""
}

// host is that of a URL.
func host(address string) string {
	if parsed, err := url.Parse(address); err == nil {
		return parsed.Host
	}
	return address
}

// oneLine is a text on one line, of what is printable.
func oneLine(text string) string { return strings.Join(strings.Fields(output.Clean(text)), " ") }
