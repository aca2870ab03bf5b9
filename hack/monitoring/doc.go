// Package monitoring reads the alerts and the dashboard of config/monitoring, and tests the alerts against series written by
// hand.
package monitoring
