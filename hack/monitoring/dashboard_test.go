package monitoring

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestEveryPanelUsesTheDatasourceVariable(t *testing.T) {
	g := NewWithT(t)
	d, err := ReadDashboard(root)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(d.Panels).NotTo(BeEmpty())
	chosen := Datasource{Type: "prometheus", UID: "${datasource}"}
	for _, p := range d.Panels {
		g.Expect(p.Datasource).To(Equal(chosen), "panel %q", p.Title)
		for _, target := range p.Targets {
			g.Expect(target.Datasource).To(Equal(chosen), "panel %q", p.Title)
		}
		if p.Type != "row" {
			g.Expect(p.Targets).NotTo(BeEmpty(), "panel %q", p.Title)
			g.Expect(p.Description).NotTo(BeEmpty(), "panel %q", p.Title)
		}
	}
	g.Expect(d.Templating.List).To(ContainElement(HaveField("Type", "datasource")))
	for _, v := range d.Templating.List {
		if v.Type == "query" {
			g.Expect(v.Datasource).To(Equal(chosen), "variable %q", v.Name)
		}
	}
}
