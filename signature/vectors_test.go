package signature_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	. "github.com/onsi/gomega"

	"webhook-operator.io/itwin/signature"
)

// vector is a row of testdata/vectors.json, which testdata/vectors.js writes.
type vector struct {
	Name, Secret, Body, Header string
	// SampleAccepts is what Bentley's sample for Node says of it.
	SampleAccepts bool
}

// stricter are the rows that the sample accepts, and that are refused here: the platform sends nothing like them.
var stricter = map[string]bool{"SHA-1": true, "SHA-512": true, "text after the digits": true}

func vectors(t testing.TB) (rows []vector) {
	g := NewWithT(t)
	content, err := os.ReadFile("testdata/vectors.json")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(json.Unmarshal(content, &rows)).To(Succeed())
	g.Expect(len(rows)).To(BeNumerically(">=", 17))
	return rows
}

func TestVerifyAgreesWithBentleysNodeSample(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			g := NewWithT(t)
			err := signature.Verify(v.Header, []byte(v.Body), v.Secret)
			g.Expect(err == nil).To(Equal(v.SampleAccepts && !stricter[v.Name]), "%v", err)
			g.Expect(stricter[v.Name] && !v.SampleAccepts).To(BeFalse(), "the sample refuses it too")
		})
	}
}

// TestVectorsAreWhatNodeComputes needs node.
func TestVectorsAreWhatNodeComputes(t *testing.T) {
	g := NewWithT(t)
	computed, err := exec.CommandContext(t.Context(), "node", "testdata/vectors.js").Output()
	g.Expect(err).NotTo(HaveOccurred())
	committed, err := os.ReadFile("testdata/vectors.json")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(computed)).To(Equal(string(committed)), "run node testdata/vectors.js > testdata/vectors.json")
}
