// Package kube is what both controllers need of Kubernetes beside the client: field indexes, the transform of the
// cache, the last written versions, and a source that enqueues objects from outside of any watch.
package kube
