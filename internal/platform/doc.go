// Package platform is the client of the iTwin Platform's Webhooks API, version 2. It knows HTTP, OAuth and the
// platform's rate limit, and nothing of Kubernetes.
//
// Facts about the API come from its own pages: https://developer.bentley.com/apis/webhooks-v2/.
package platform
