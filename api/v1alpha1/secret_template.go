package v1alpha1

// LabelValue is the value of a label.
// +kubebuilder:validation:MaxLength=63
type LabelValue string

// AnnotationValue is the value of an annotation.
// +kubebuilder:validation:MaxLength=2048
type AnnotationValue string

// SecretTemplate is metadata that the generated Secret gets beside the operator's own.
type SecretTemplate struct {
	// labels of the generated Secret.
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule=`self.all(k, !format.qualifiedName().validate(k).hasValue())`,message="labels must have valid keys: an optional DNS name and a slash, then at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit"
	// +kubebuilder:validation:XValidation:rule=`self.all(k, !format.labelValue().validate(self[k]).hasValue())`,message="labels must have valid values: empty, or at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit"
	// +kubebuilder:validation:XValidation:rule=`self.all(k, k != 'app.kubernetes.io/managed-by' && !k.matches(r'^([^/]*\.)?itwin\.webhook-operator\.io/'))`,message="labels must not be the operator's own: app.kubernetes.io/managed-by, or below itwin.webhook-operator.io/"
	// +optional
	Labels map[string]LabelValue `json:"labels,omitempty"`

	// annotations of the generated Secret.
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule=`self.all(k, !format.qualifiedName().validate(k.lowerAscii()).hasValue())`,message="annotations must have valid keys: an optional DNS name in any letter case and a slash, then at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit"
	// +kubebuilder:validation:XValidation:rule=`self.all(k, !k.matches(r'(?i)^([^/]*\.)?itwin\.webhook-operator\.io/'))`,message="annotations must not be the operator's own, below itwin.webhook-operator.io/"
	// +optional
	Annotations map[string]AnnotationValue `json:"annotations,omitempty"`
}
