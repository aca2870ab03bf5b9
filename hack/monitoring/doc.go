// Package monitoring reads the alerts and the dashboard of config/monitoring, and tests the alerts against series
// written by hand. Package scrape resolves every query of both against a scrape of the operator.
package monitoring
