package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"

	"gonum.org/v1/plot/plotter"
)

// table is the first one of a report, as internal/figures of the operator's module writes it. Its columns are numbers
// of Webhooks.
type table struct {
	Rows []struct {
		Work   string             `json:"work"`
		Values map[string]float64 `json:"values"`
	} `json:"rows"`
}

func load(path string) (table, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return table{}, err
	}
	var report struct {
		Tables []table `json:"tables"`
	}
	if err := json.Unmarshal(data, &report); err != nil {
		return table{}, fmt.Errorf("%s: %w", path, err)
	}
	if len(report.Tables) == 0 {
		return table{}, fmt.Errorf("%s has no tables", path)
	}
	return report.Tables[0], nil
}

// points are a row by number of Webhooks, each value not below a floor: there is no zero on a logarithmic scale.
func (t table) points(work string, floor float64) (points plotter.XYs, err error) {
	for _, row := range t.Rows {
		if row.Work != work {
			continue
		}
		for column, value := range row.Values {
			n, err := strconv.Atoi(column)
			if err != nil {
				return nil, fmt.Errorf("the column %q is no number of Webhooks", column)
			}
			points = append(points, plotter.XY{X: float64(n), Y: max(value, floor)})
		}
	}
	if len(points) == 0 {
		return nil, fmt.Errorf("there is no row %q", work)
	}
	slices.SortFunc(points, func(a, b plotter.XY) int { return int(a.X - b.X) })
	return points, nil
}
