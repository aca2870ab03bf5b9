package simulator

import (
	"maps"
	"time"
)

// RequestCounts is what the simulator was asked since the last reset, requests with faults included, its own
// administration excluded.
type RequestCounts struct {
	// Total is the sum of the counts.
	Total int `json:"total"`
	// Counts is keyed by method and route template, such as "PATCH /webhooks/{id}". Every operation of the platform has
	// an entry, zero or not; what matches none of them is counted as "other".
	Counts map[string]int `json:"counts"`
	// MostInAMinute is the most calls of the Webhooks API that one account made in any minute of virtual time, refused
	// ones included: a client that keeps a limit of so many is never refused.
	MostInAMinute int `json:"mostInAMinute"`
}

// otherRequests collects what no operation is there for, under one key so that no client can fill the memory with keys.
const otherRequests = "other"

// requestLog counts requests.
type requestLog struct {
	counts RequestCounts
	// recent are the calls of the last minute, by client id.
	recent map[string]*slidingWindow
}

func newRequestLog() requestLog {
	counts := map[string]int{}
	for _, op := range operations {
		counts[op.key()] = 0
	}
	return requestLog{counts: RequestCounts{Counts: counts}, recent: map[string]*slidingWindow{}}
}

// add counts a request. One that belongs to no account has no client id.
func (l *requestLog) add(key, clientID string, now time.Time) {
	if _, known := l.counts.Counts[key]; !known {
		key = otherRequests
	}
	l.counts.Total++
	l.counts.Counts[key]++
	if clientID == "" || key == tokenKey {
		return
	}
	window := l.recent[clientID]
	if window == nil {
		window = &slidingWindow{period: time.Minute}
		l.recent[clientID] = window
	}
	window.forget(now)
	window.calls = append(window.calls, now)
	l.counts.MostInAMinute = max(l.counts.MostInAMinute, len(window.calls))
}

func (l *requestLog) view() RequestCounts {
	view := l.counts
	view.Counts = maps.Clone(view.Counts)
	return view
}
