//go:build !race

package platform_test

// raceDetected is true under the race detector.
const raceDetected = false
