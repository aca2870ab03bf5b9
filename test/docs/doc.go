// Package docs holds the documentation to what it shows: every block of commands is run by a test or says why not,
// manifests are accepted by a real API server, links lead somewhere, and every page can be found from README.
package docs
