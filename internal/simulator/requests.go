package simulator

import "maps"

// RequestCounts is what the simulator was asked since the last reset, requests with faults included, its own
// administration excluded.
type RequestCounts struct {
	// Total is the sum of the counts.
	Total int `json:"total"`
	// Counts is keyed by method and route template, such as "PATCH /webhooks/{id}". Every operation of the platform has
	// an entry, zero or not; what matches none of them is counted as "other".
	Counts map[string]int `json:"counts"`
}

// otherRequests collects what no operation is there for, under one key so that no client can fill the memory with keys.
const otherRequests = "other"

func newRequestCounts() RequestCounts {
	counts := map[string]int{}
	for _, op := range operations {
		counts[op.key()] = 0
	}
	return RequestCounts{Counts: counts}
}

func (c *RequestCounts) add(key string) {
	if _, known := c.Counts[key]; !known {
		key = otherRequests
	}
	c.Total++
	c.Counts[key]++
}

func (c *RequestCounts) clone() RequestCounts {
	return RequestCounts{Total: c.Total, Counts: maps.Clone(c.Counts)}
}
