package v1alpha1

// The types of this file are aliases: they give every field of one meaning the same validation, and are strings to Go.

// SecretName is the name of a Secret.
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule=`!format.dns1123Subdomain().validate(self).hasValue()`,message="name must be the name of a Secret: lower case letters, digits, '-' and '.', beginning and ending with a letter or digit"
type SecretName = string

// SecretKey is a key in the data of a Secret.
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[-._a-zA-Z0-9]+$') && self != '.' && !self.startsWith('..')`,message="key must be a key of a Secret: letters, digits, '-', '_' and '.', and neither '.' nor beginning with '..'"
type SecretKey = string
