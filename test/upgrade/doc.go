// Package upgrade has what version 0.1.0 left in a cluster and on the platform, as test data, and checks what an
// upgrade makes of that. The program in record made the data.
package upgrade

// Version that is upgraded.
const Version = "0.1.0"

// RecordedHost is where the platform was for the operator of that version. It is in specs and messages.
const RecordedHost = "127.0.0.1:8090"
