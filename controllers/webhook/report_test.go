package webhook

import (
	"reflect"
	"testing"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// ofObject are the fields of a status that are about the object. All others are about its remote webhook, and go when
// the object gets another one.
var ofObject = []string{
	"ObservedGeneration", "Former", "Conditions", "RefusedRequest",
	"Deactivations", "LastDeactivationTime", "LastReactivationTime", "NextReactivationTime",
	"LastHandledReactivateAt", "LastHandledReconcileAt", "LastHandledRotateAt",
}

func TestAnotherRemoteWebhookKeepsTheFieldsOfTheObjectAlone(t *testing.T) {
	g := NewWithT(t)
	var st itwinv1alpha1.WebhookStatus
	fields := reflect.ValueOf(&st).Elem()
	for i := range fields.NumField() {
		setSome(t, fields.Type().Field(i).Name, fields.Field(i))
	}
	forgetRemote(&st)
	var kept []string
	for i := range fields.NumField() {
		if !fields.Field(i).IsZero() {
			kept = append(kept, fields.Type().Field(i).Name)
		}
	}
	g.Expect(kept).To(ConsistOf(ofObject))
}

// setSome gives a field a value.
func setSome(t *testing.T, name string, field reflect.Value) {
	t.Helper()
	switch field.Kind() {
	case reflect.String:
		field.SetString("x")
	case reflect.Int32, reflect.Int64:
		field.SetInt(1)
	case reflect.Bool:
		field.SetBool(true)
	case reflect.Pointer:
		field.Set(reflect.New(field.Type().Elem()))
	case reflect.Slice:
		if field.Type() == reflect.TypeFor[[]metav1.Condition]() {
			field.Set(reflect.ValueOf([]metav1.Condition{{Type: itwinv1alpha1.ReadyCondition}}))
			return
		}
		field.Set(reflect.MakeSlice(field.Type(), 1, 1))
	default:
		t.Fatalf("%s is of a kind that this test cannot fill: %s", name, field.Kind())
	}
}
