package upgrade

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"webhook-operator.io/itwin/simulator"
)

// changed are the remote webhooks that an upgrade changes, by their callback, and whether they are active then: one
// that was to be turned on while no operator ran, and one that its connection does not allow.
var changed = map[string]bool{
	"https://hooks.example.com/deactivated-always":    true,
	"https://hooks.example.com/suspended-not-allowed": false,
}

// Calls are those that change the platform, since the restore: how often each was carried out, and how often it met a
// fault.
type Calls struct{ Created, Updated, Deleted, NotCreated, NotUpdated, NotDeleted int }

// Calls counts them.
func (i *Installation) Calls(ctx context.Context) (calls Calls, err error) {
	counts, err := i.Platform.Requests(ctx)
	if err != nil {
		return calls, err
	}
	faults, err := i.Platform.Faults(ctx)
	if err != nil {
		return calls, err
	}
	met := map[string]int{}
	for _, f := range faults {
		met[f.Match.Method] += manyTimes - f.Times
	}
	calls.NotCreated, calls.NotUpdated = met[http.MethodPost], met[http.MethodPatch]
	calls.NotDeleted = met[http.MethodDelete]
	calls.Created = counts.Counts["POST /webhooks"] - calls.NotCreated
	calls.Updated = counts.Counts["PATCH /webhooks/{id}"] - calls.NotUpdated
	calls.Deleted = counts.Counts["DELETE /webhooks/{id}"] - calls.NotDeleted
	return calls, nil
}

// Kept checks that the remote webhooks are those of before, and that none but two was changed.
func (i *Installation) Kept(ctx context.Context) error {
	remotes, err := i.Platform.Webhooks(ctx)
	if err != nil {
		return err
	}
	if len(remotes) != len(i.remotes) {
		return fmt.Errorf("there are %d remote webhooks, not %d", len(remotes), len(i.remotes))
	}
	for n, is := range remotes {
		was := i.remotes[n]
		if active, due := changed[was.CallbackURL]; due {
			was.Active, was.Modified = active, is.Modified
		}
		if !sameWebhook(was, is) {
			return fmt.Errorf("remote webhook %s for %s was changed to %s", was.ID, was.CallbackURL, is.ID)
		}
	}
	return nil
}

func sameWebhook(a, b simulator.Webhook) bool {
	return a.ID == b.ID && a.ClientID == b.ClientID && a.Active == b.Active && a.CallbackURL == b.CallbackURL &&
		a.Secret == b.Secret && a.Modified.Equal(b.Modified.Time) && slices.Equal(a.EventTypes, b.EventTypes)
}
