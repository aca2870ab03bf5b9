// Package status turns outcomes into conditions, and errors of the platform and of the API server into outcomes and
// messages. Both controllers use it.
package status
