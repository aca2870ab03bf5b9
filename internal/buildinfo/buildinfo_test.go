package buildinfo

import (
	"runtime"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestStampsAreToldWithTheVersionOfGo(t *testing.T) {
	g := NewWithT(t)
	info := Of("0.2.0", "0123abc-dirty")
	g.Expect(info).To(Equal(Info{Version: "0.2.0", Revision: "0123abc-dirty", Go: runtime.Version()}))
	g.Expect(info.Line("itwin-simulator")).To(Equal("itwin-simulator 0.2.0 (revision 0123abc-dirty, " +
		runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH + ")"))
}

func TestABuildWithoutStampsStillTellsSomething(t *testing.T) {
	g := NewWithT(t)
	info := Of("", "")
	g.Expect(info.Version).To(Equal("dev"))
	g.Expect(info.Revision).NotTo(BeEmpty())
}

func TestSourceDateIsTheEnvironmentsOrNone(t *testing.T) {
	g := NewWithT(t)
	for epoch, want := range map[string]int64{"": 0, "1700000000": 1700000000} {
		t.Setenv("SOURCE_DATE_EPOCH", epoch)
		g.Expect(SourceDate()).To(Equal(time.Unix(want, 0).UTC()))
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	_, err := SourceDate()
	g.Expect(err).To(MatchError(ContainSubstring("SOURCE_DATE_EPOCH")))
}
