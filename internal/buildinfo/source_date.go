package buildinfo

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"time"
)

// SourceDate returns the time that a reproducible build gives everything in it: that of SOURCE_DATE_EPOCH, in seconds
// since 1970, or 1970 itself.
func SourceDate() (time.Time, error) {
	seconds, err := strconv.ParseInt(cmp.Or(os.Getenv("SOURCE_DATE_EPOCH"), "0"), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
