package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	. "github.com/onsi/gomega"
)

// shareWhenShort is the part of what a restart took at most that the operator has when it is short of memory.
const shareWhenShort = 0.9

// shortOfMemory: a restart in a container that has less memory than a restart takes where there is enough. The operator
// becomes slower, and is not killed.
func (s *story) shortOfMemory() {
	limit := int64(shareWhenShort * s.memory(s.operator, mostResident) * (1 << 20))
	group, err := newMemoryGroup(limit)
	if err != nil {
		s.Logf("a restart short of memory is left out: no cgroup can be made: %v", err)
		return
	}
	s.must(s.operator.Stop())
	s.reset(s.operator)
	s.plane.Within = group.command()
	begun := time.Now()
	s.start(s.operator)
	compared := s.compared().Sub(begun)
	s.plane.Within = nil

	s.Expect(s.operator.Output()).To(ContainSubstring("Bounded the memory of the Go runtime"))
	s.exactly("restart short of memory: writes", s.operator.writes(""), fixed(0))
	s.took("restart short of memory: time until all were compared", compared, "")
	s.took("restart short of memory: processor time", s.cpu(s.operator), "")
	s.table.Set(s.column, memoryRow("restart short of memory: limit"), float64(limit>>20))
	s.must(s.operator.Stop())
	s.must(group.remove())
	s.start(s.operator)
	s.compared()
}

// memoryGroup is a cgroup, of version 1 or 2, with a limit on memory.
type memoryGroup struct{ path string }

// newMemoryGroup makes one. Only root may, and not in each container.
func newMemoryGroup(limit int64) (memoryGroup, error) {
	root, file := "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
	if _, err := os.Stat(filepath.Join(root, file)); err != nil {
		root, file = "/sys/fs/cgroup", "memory.max"
	}
	g := memoryGroup{filepath.Join(root, fmt.Sprintf("itwin-bench-%d", os.Getpid()))}
	if err := os.Mkdir(g.path, 0o755); err != nil {
		return g, err
	}
	return g, os.WriteFile(filepath.Join(g.path, file), []byte(strconv.FormatInt(limit, 10)), 0o644)
}

// command runs what follows in the group.
func (g memoryGroup) command() []string {
	return []string{"/bin/sh", "-c", `echo $$ > "$0" && exec "$@"`, filepath.Join(g.path, "cgroup.procs")}
}

// remove removes a group whose processes have ended.
func (g memoryGroup) remove() error { return os.Remove(g.path) }
