// Package tenancy says what tenants may use: hosts of callbacks, namespaces of a ClusterConnection, and hosts that the
// operator may send requests to.
package tenancy
