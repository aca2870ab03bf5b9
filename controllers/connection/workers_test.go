package connection

import (
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// hang lets connections begin to poll until no more may, and returns how to end them and how many there are.
func hang(p *polls, namespaces, each int, now time.Time) (leave []func(time.Time)) {
	for i := range namespaces {
		for j := range each {
			if l, wait := p.begin(fmt.Sprintf("ns%d/c%d", i, j), now); wait == 0 {
				leave = append(leave, l)
			}
		}
	}
	return leave
}

// However many connections get no answer, one that does is polled at once.
func TestManyConnectionsHangAnotherIsPolled(t *testing.T) {
	for _, test := range []struct{ namespaces, each, unproven int }{
		{1, 1000, 77}, {100, 1, 100}, {10, 100, 190}, {1000, 1, 192},
	} {
		g, now := NewWithT(t), time.Unix(0, 0)
		p := newPolls(256)
		sound := func() {
			t.Helper()
			leave, wait := p.begin("sound/default", now)
			g.Expect(wait).To(BeZero())
			leave(now.Add(time.Second))
		}
		sound()
		held := hang(p, test.namespaces, test.each, now)
		g.Expect(len(held)).To(BeNumerically("~", test.unproven, 8), "%+v", test)
		sound()
		for _, leave := range held {
			leave(now.Add(10 * time.Second))
		}
		// Those that had a slot are slow now.
		held = hang(p, test.namespaces, test.each, now)
		g.Expect(len(held)).To(BeNumerically("<=", 192), "%+v", test)
		sound()
		for _, leave := range held {
			leave(now)
		}
		g.Expect(p.held).To(BeEmpty())
	}
}
