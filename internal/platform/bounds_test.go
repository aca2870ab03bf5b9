package platform_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/internal/platform"
)

// counted counts what is written through it.
type counted struct {
	http.ResponseWriter
	bytes *atomic.Int64
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.bytes.Add(int64(n))
	return n, err
}

// entries writes a list with entries made by number, until a write fails.
func entries(w io.Writer, count int, entry func(int) string) {
	_, err := io.WriteString(w, `{"webhooks":[`)
	for i := 0; i < count && err == nil; i++ {
		if i > 0 {
			_, _ = io.WriteString(w, ",")
		}
		_, err = io.WriteString(w, entry(i))
	}
	_, _ = io.WriteString(w, `]}`)
}

func small(i int) string {
	return fmt.Sprintf(`{"id":"%d","active":true,"callbackUrl":"https://x"}`, i)
}

// padded is an entry of some size of which little is kept.
func padded(size int) func(int) string {
	padding := strings.Repeat("x", size)
	return func(i int) string {
		return fmt.Sprintf(`{"id":"%d","active":true,"callbackUrl":"https://x","new":%q}`, i, padding)
	}
}

// grows runs something and returns by how much the heap in use grew at most, as seen every few milliseconds. Garbage is
// collected as early as in the operator, so that it is hardly counted.
func grows(do func()) (peak int64) {
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	for {
		runtime.ReadMemStats(&now)
		peak = max(peak, int64(now.HeapInuse)-int64(before.HeapInuse))
		select {
		case <-done:
			return peak
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// patient lets slow machines, with the race detector, take their time: the bounds of time have tests of their own.
func patient(o *platform.Options) { o.RequestTimeout, o.ListTimeout = 10*time.Minute, 10*time.Minute }

// megabytes skips a test that reads tens of MiB, which takes a minute under the race detector. `make test` runs this
// package without it, too.
func megabytes(t *testing.T) {
	t.Helper()
	if raceDetected {
		t.Skip("reads tens of MiB, which the race detector makes slow")
	}
}

func TestListIsBounded(t *testing.T) {
	megabytes(t)
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
	megabytes(t)
	s := newAnswerScene(t, func(w http.ResponseWriter, _ *http.Request) { entries(w, 100_000, small) }, patient)
	all, err := s.client.List(t.Context(), nil)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(all.Webhooks).To(HaveLen(100_000))

	s = newAnswerScene(t, func(w http.ResponseWriter, _ *http.Request) { entries(w, 63, padded(1<<20-100)) }, patient)
	all, err = s.client.List(t.Context(), nil)
	s.Expect(err).NotTo(HaveOccurred())
	s.Expect(all.Webhooks).To(HaveLen(63))
}

func TestAllPagesTogetherAreBounded(t *testing.T) {
	page := 0
	s := newAnswerScene(t, func(w http.ResponseWriter, _ *http.Request) {
		page++
		fmt.Fprintf(w, `{"_links":{"next":{"href":"?page=%d"}},`, page)
		_, _ = io.WriteString(w, `"x":"`+strings.Repeat("x", 1000)+`","webhooks":[`+
			strings.TrimSuffix(strings.Repeat(small(1)+",", 1000), ",")+`]}`)
	}, patient)
	_, err := s.client.List(t.Context(), nil)
	s.Expect(err).To(MatchError(ContainSubstring("more than 100000 webhooks")))
	s.Expect(page).To(Equal(101))
}

func TestWholeListIsBoundedInTime(t *testing.T) {
	page := 0
	var pages = make(chan struct{}, 100)
	s := newAnswerScene(t, func(w http.ResponseWriter, r *http.Request) {
		page++
		pages <- struct{}{}
		if page == 4 {
			<-r.Context().Done() // until the client gives up
			return
		}
		fmt.Fprintf(w, `{"webhooks":[],"_links":{"next":{"href":"?page=%d"}}}`, page)
	}, func(o *platform.Options) { o.ListTimeout, o.RequestTimeout = 3*time.Second, time.Hour })
	_, err := s.client.List(t.Context(), nil)
	s.Expect(err).To(MatchError(context.DeadlineExceeded))
	s.Expect(pages).To(HaveLen(4))
}

func TestOtherAnswersAreBounded(t *testing.T) {
	for _, op := range []string{"get", "update", "create"} {
		t.Run(op, func(t *testing.T) {
			var written atomic.Int64
			s := newAnswerScene(t, func(w http.ResponseWriter, _ *http.Request) {
				out, padding := counted{w, &written}, strings.Repeat("x", 1<<16)
				_, err := io.WriteString(out, `{"id":"`)
				for err == nil {
					_, err = io.WriteString(out, padding)
				}
			}, patient)
			err := operations[op](s, webhookID)
			s.Expect(err).To(MatchError(ContainSubstring("larger than 1 MiB")))
			s.client.CloseIdleConnections()
			s.Expect(written.Load()).To(BeNumerically("<", 16<<20))
		})
	}
}
