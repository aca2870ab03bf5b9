package fleet

// Size counts what the fleet remembers, for tests of what it forgets.
func (f *Fleet) Size() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.entries) + len(f.absent) + len(f.marks) + len(f.claims) + len(f.waiting)
}
