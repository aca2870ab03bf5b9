package kube

import (
	"hash/maphash"
	"slices"
	"strconv"

	toolscache "k8s.io/client-go/tools/cache"
)

// An index keeps a set of names for each value. Where nearly each object has a value of its own, a set and its value
// take more than a quarter of what the object does: there an index keeps the names of all values with the same hash in
// one bucket, and a read compares the values of the few objects in it.

// buckets is how many there are: with 50,000 objects, six are in each.
const buckets = 1 << 13

// seed makes the buckets of each process others: values that share one cannot be chosen.
var seed = maphash.MakeSeed()

// bucketed reports whether nearly each object has a value of its own in an index.
func bucketed(name string) bool { return name == fieldIndex+ByClaim || name == fieldIndex+ByDelivery }

func bucketOf(value string) string {
	return strconv.FormatUint(maphash.String(seed, value)%buckets, 36)
}

// inBuckets returns the buckets of an object's values.
func inBuckets(values toolscache.IndexFunc) toolscache.IndexFunc {
	return func(o any) ([]string, error) {
		all, err := values(o)
		if err != nil {
			return nil, err
		}
		in := make([]string, len(all))
		for i, value := range all {
			in[i] = bucketOf(value)
		}
		return in, nil
	}
}

// inBucket returns the objects with a value.
func (i leanIndexer) inBucket(name, value string, values toolscache.IndexFunc) ([]any, error) {
	candidates, err := i.Indexer.ByIndex(name, bucketOf(value))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(candidates, func(o any) bool {
		has, err := values(o)
		return err != nil || !slices.Contains(has, value)
	}), nil
}
