package monitoring

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// PromQL parses queries as Prometheus does without feature flags.
var PromQL = parser.NewParser(parser.Options{})

// RulesFile is the path of the alerts in a clone of the repository.
func RulesFile(root string) string { return filepath.Join(root, "config", "monitoring", "rules.yaml") }

// Alerts reads the alerts as Prometheus does.
func Alerts(root string) (alerts []rulefmt.Rule, err error) {
	groups, errs := rulefmt.ParseFile(RulesFile(root), false, model.UTF8Validation, PromQL, promslog.NewNopLogger())
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	for _, group := range groups.Groups {
		alerts = append(alerts, group.Rules...)
	}
	return alerts, nil
}

// Dashboard is what the tests and the drawing read of the dashboard.
type Dashboard struct {
	Panels     []Panel `json:"panels"`
	Templating struct {
		List []Variable `json:"list"`
	} `json:"templating"`
	// Digest is the SHA-256 of the file.
	Digest string `json:"-"`
}

// Panel is a panel; a row is one without targets.
type Panel struct {
	Type        string     `json:"type"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Datasource  Datasource `json:"datasource"`
	Targets     []Target   `json:"targets"`
	// GridPos is its place; the dashboard has 24 columns.
	GridPos     struct{ X, Y, W, H int } `json:"gridPos"`
	FieldConfig struct {
		Defaults Field `json:"defaults"`
	} `json:"fieldConfig"`
	Options struct {
		// TextMode of a stat panel: its "value", or the "name" of its series.
		TextMode string `json:"textMode"`
	} `json:"options"`
	Transformations []struct {
		Options struct {
			RenameByName map[string]string `json:"renameByName"`
		} `json:"options"`
	} `json:"transformations"`
}

// Field says how the values of a panel are shown.
type Field struct {
	Unit       string   `json:"unit"`
	Min        *float64 `json:"min"`
	Max        *float64 `json:"max"`
	Thresholds struct {
		Steps []struct {
			Color string  `json:"color"`
			Value float64 `json:"value"`
		} `json:"steps"`
	} `json:"thresholds"`
	Custom struct {
		Stacking struct {
			Mode string `json:"mode"`
		} `json:"stacking"`
	} `json:"custom"`
}

// Target is one query of a panel.
type Target struct {
	Datasource   Datasource `json:"datasource"`
	Expr         string     `json:"expr"`
	LegendFormat string     `json:"legendFormat"`
}

// Datasource says which data source of Grafana is asked.
type Datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// Variable is what the user of the dashboard chooses.
type Variable struct {
	Name       string     `json:"name"`
	Type       string     `json:"type"`
	Datasource Datasource `json:"datasource"`
	Definition string     `json:"definition"`
}

// ReadDashboard reads the dashboard.
func ReadDashboard(root string) (d Dashboard, err error) {
	data, err := os.ReadFile(filepath.Join(root, "config", "monitoring", "dashboard.json"))
	if err != nil {
		return d, err
	}
	digest := sha256.Sum256(data)
	d.Digest = hex.EncodeToString(digest[:])
	return d, json.Unmarshal(data, &d)
}

// Query is what Prometheus is sent while all connections are chosen. Grafana's $__rate_interval is four times the
// interval between scrapes.
func (t Target) Query(between time.Duration) string {
	return strings.NewReplacer("$connection", ".*", "$__rate_interval", (4 * between).String()).Replace(t.Expr)
}
