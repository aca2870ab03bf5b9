package cli

import (
	"os/exec"
	"syscall"
)

// peak is the most memory that a process had resident.
func peak(command *exec.Cmd) int64 {
	return command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
}
