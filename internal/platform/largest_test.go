//go:build !race

package platform_test

// Tests that read tens of MiB, which takes a minute under the race detector: `make test` tests this package without it,
// too.

import (
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/platform"
)

func TestListIsBounded(t *testing.T) {
	long, ones := strings.Repeat("x", 1900), strings.Repeat("1,", 510<<10)
	for name, test := range map[string]struct {
		count int
		entry func(int) string
		says  string
		most  int64 // decompressed bytes that are read
	}{
		"in bytes":   {2000, padded(60_000), "larger than 64 MiB", 66 << 20},
		"in entries": {200_000, small, "more than 100000 webhooks", 8 << 20},
		"in text": {20_000, func(i int) string {
			return fmt.Sprintf(`{"id":"%d","active":true,"callbackUrl":"https://x/%s"}`, i, long)
		}, "more than 16 MiB of text", 20 << 20},
		"in event types": {2000, func(i int) string {
			return fmt.Sprintf(`{"id":"%d","active":true,"callbackUrl":"https://x","eventTypes":[%s"a"]}`, i, strings.Repeat(`"a",`, 2000))
		}, "more than 16 MiB of text", 20 << 20},
		"in values that mean nothing": {70, func(i int) string {
			return fmt.Sprintf(`{"id":"%d","active":true,"callbackUrl":"https://x","x":[%s1]}`, i, ones)
		}, "larger than 64 MiB", 66 << 20},
		"in the size of an entry":      {2, padded(2 << 20), "a value in the list is larger than 1 MiB", 3 << 20},
		"in white space":               {2, func(int) string { return strings.Repeat(" ", 8<<20) }, "a value in the list is larger than 1 MiB", 10 << 20},
		"in entries that are no entry": {200_000, func(int) string { return "0" }, "more than 100000 webhooks", 2 << 20},
	} {
		for _, encoding := range []string{"", "gzip"} {
			t.Run(name+" "+encoding, func(t *testing.T) {
				var read atomic.Int64
				s := newAnswerScene(t, func(w http.ResponseWriter, _ *http.Request) {
					if encoding == "" {
						entries(counted{w, &read}, test.count, test.entry)
						return
					}
					w.Header().Set("Content-Encoding", "gzip")
					compressed := gzip.NewWriter(w)
					entries(compressed, test.count, test.entry)
					_ = compressed.Close()
				}, patient)
				var err error
				peak := grows(func() { _, err = s.client.List(t.Context(), nil) })
				s.Expect(err).To(MatchError(ContainSubstring(test.says)))
				s.Expect(peak).To(BeNumerically("<", 64<<20), "bytes of heap, those of the server included")
				s.Expect(read.Load()).To(BeNumerically("<", test.most+(8<<20)), "beside what the sockets hold")
				s.Expect(platform.LargeListsUnderWay()).To(BeZero())
			})
		}
	}
}

func TestListsOfTheBoundsAreRead(t *testing.T) {
	s := newAnswerScene(t, func(w http.ResponseWriter, _ *http.Request) { entries(w, 100_000, small) }, patient)
	all, err := s.client.List(t.Context(), nil)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(all.Webhooks).To(HaveLen(100_000))

	s = newAnswerScene(t, func(w http.ResponseWriter, _ *http.Request) { entries(w, 63, padded(1<<20-100)) }, patient)
	all, err = s.client.List(t.Context(), nil)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(all.Webhooks).To(HaveLen(63))
}

// A list that got its place late has no time left to be read. That is no fault of its platform: no outage is told.
func TestALargeListGetsItsSlotLateItIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, held := NewWithT(t), make(chan error, 1)
		go func() {
			_, err := drippingClient(t, 2<<20, time.Hour).List(t.Context(), nil)
			held <- err
		}()
		time.Sleep(time.Second)
		// The place is free after some 32 s, and given again 20 s later; then some 30 s are needed.
		_, err := drippingClient(t, 2<<20, time.Minute).List(t.Context(), nil)
		g.Expect(overInFlightLimit(err)).To(BeTrue(), "%v", err)
		g.Expect(<-held).To(MatchError(ContainSubstring("larger than 64 MiB")))
		g.Expect(platform.LargeListsUnderWay()).To(BeZero())
	})
}

// A large list keeps up a pace, or gives its place up with an error that says so.
func TestALargeListComesTooSlowlyItIsEnded(t *testing.T) {
	for name, test := range map[string]struct {
		perSecond   int
		atLeast, by time.Duration
		says        string
	}{
		"below the pace": {512 << 10, 13 * time.Second, 20 * time.Second, "comes too slowly: less than 1 MiB a second"},
		"above it":       {2 << 20, 32 * time.Second, 34 * time.Second, "larger than 64 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := NewWithT(t)
				client := drippingClient(t, test.perSecond, time.Hour)
				begun := time.Now()
				_, err := client.List(t.Context(), nil)
				g.Expect(err).To(MatchError(ContainSubstring(test.says)))
				g.Expect(time.Since(begun)).To(And(BeNumerically(">=", test.atLeast), BeNumerically("<=", test.by)))
				g.Expect(platform.LargeListsUnderWay()).To(BeZero())
			})
		})
	}
}
