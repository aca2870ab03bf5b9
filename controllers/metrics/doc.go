// Package metrics holds the collectors of the operator: counters that the controllers add to, and what is counted of
// the cache and the fleets at each scrape.
package metrics
