package platform_test

import (
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
