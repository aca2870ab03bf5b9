package harness

import (
	"context"
	"testing"
)

// tests stand for those of a package, and end with a code.
type tests struct {
	code int
	ran  bool
}

func (t *tests) Run() int {
	t.ran = true
	return t.code
}

func TestSuiteWithoutAStartEndsWithTheCodeOfTheTests(t *testing.T) {
	t.Setenv(assetsEnv, "")
	for _, want := range []int{0, 1} {
		m := &tests{code: want}
		if got := (Suite{}).run(m); got != want || !m.ran {
			t.Errorf("got code %d, not %d; ran: %t", got, want, m.ran)
		}
	}
}

func TestSuiteWithoutAControlPlaneFailsBeforeTheTests(t *testing.T) {
	t.Setenv(assetsEnv, "")
	t.Setenv("TMPDIR", t.TempDir())
	m := &tests{}
	s := Suite{Name: "example", Start: func(context.Context, *ControlPlane) error {
		t.Error("Start was called")
		return nil
	}}
	if code := s.run(m); code != 1 || m.ran {
		t.Errorf("got code %d, not 1; ran: %t", code, m.ran)
	}
}
