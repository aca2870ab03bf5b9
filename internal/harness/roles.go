package harness

import (
	"context"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// AggregateRoles fills the cluster's roles view, edit and admin from the roles that add themselves to them. That is the
// work of a controller of Kubernetes, which does not run here.
func (c *ControlPlane) AggregateRoles(ctx context.Context) error {
	// In this order, for edit takes in view, and admin takes in edit.
	for _, name := range []string{"view", "edit", "admin"} {
		var all rbacv1.ClusterRoleList
		if err := c.Client.List(ctx, &all); err != nil {
			return err
		}
		for i := range all.Items {
			role := &all.Items[i]
			if role.Name != name {
				continue
			}
			var err error
			if role.Rules, err = aggregated(role, all.Items); err != nil {
				return fmt.Errorf("aggregate %s: %w", name, err)
			}
			if err := c.Client.Update(ctx, role); err != nil {
				return err
			}
		}
	}
	return nil
}

func aggregated(role *rbacv1.ClusterRole, all []rbacv1.ClusterRole) (rules []rbacv1.PolicyRule, err error) {
	for _, selector := range role.AggregationRule.ClusterRoleSelectors {
		selects, err := metav1.LabelSelectorAsSelector(&selector)
		if err != nil {
			return nil, err
		}
		for i := range all {
			if all[i].Name != role.Name && selects.Matches(labels.Set(all[i].Labels)) {
				rules = append(rules, all[i].Rules...)
			}
		}
	}
	return rules, nil
}
