package harness

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

const (
	// Ports from here to where the kernel begins to hand out ports by itself, on Linux, to outgoing connections and to
	// programs that do not ask for one by number.
	firstPort     = 20_000
	firstAutoPort = 32_768
	portAttempts  = 100
)

// FreeAddress is an address on loopback that no program listens on. The kernel never gives its port out by itself,
// so it stays free while other programs start; only another caller of this function could draw the same of the
// thousands.
func FreeAddress() (string, error) {
	var failures error
	for range portAttempts {
		port := firstPort + rand.IntN(firstAutoPort-firstPort) //nolint:gosec // a port is no secret
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return listener.Addr().String(), listener.Close()
		}
		failures = errors.Join(failures, err)
	}
	return "", failures
}
