package status

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// retold reports whether a condition tells of the same trouble as before, in words that differ at most in numbers and
// ids: proxies and platforms put those of each request into their answers. One outage is one write.
func retold(known, c metav1.Condition) bool {
	switch c.Reason {
	case itwinv1alpha1.PlatformUnavailableReason, itwinv1alpha1.ConnectionNotReadyReason, itwinv1alpha1.UnauthorizedReason:
		return known.Reason == c.Reason && known.Status == c.Status && known.ObservedGeneration == c.ObservedGeneration &&
			withoutNumbers(known.Message) == withoutNumbers(c.Message)
	}
	return false
}

// withoutNumbers leaves of a text the words that have no digit.
func withoutNumbers(text string) string {
	words := slices.DeleteFunc(strings.Fields(text), func(word string) bool {
		return strings.ContainsAny(word, "0123456789")
	})
	return strings.Join(words, " ")
}
