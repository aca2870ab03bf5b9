package upgrade

import (
	"context"
	"fmt"

	"webhook-operator.io/itwin/internal/harness"
)

// sound are the connections whose account can be listed.
const sound = 5

// Idle waits until the operator that shows its metrics at an address has listed what can be listed, has looked at every
// Webhook, and has nothing to do for the moment.
func (i *Installation) Idle(ctx context.Context, address string) error {
	webhooks := 0
	for _, o := range i.objects {
		if o.GetKind() == "Webhook" {
			webhooks++
		}
	}
	return harness.Until(ctx, "the operator is idle", func(ctx context.Context) error {
		metrics, err := harness.ReadMetrics(ctx, address)
		if err != nil {
			return err
		}
		lists := metrics.Sum("itwin_api_requests_total", harness.Labels{"operation": "list", "code": "200"})
		looks := metrics.Sum("controller_runtime_reconcile_total", harness.Labels{"controller": "webhook"})
		busy := metrics.Sum("workqueue_depth", nil) + metrics.Sum("controller_runtime_active_workers", nil)
		if int(lists) < sound || int(looks) < webhooks+int(lists) || busy > 0 {
			return fmt.Errorf("%v lists, %v looks at %d Webhooks, %v in work", lists, looks, webhooks, busy)
		}
		return nil
	})
}
