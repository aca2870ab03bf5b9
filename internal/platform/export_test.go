package platform

import "time"

// LargeListsUnderWay counts the slots that large lists hold.
func LargeListsUnderWay() int {
	largeLists.mu.Lock()
	defer largeLists.mu.Unlock()
	return largeLists.tried + largeLists.untried
}

// LargeListsWaiting counts the lists that wait for a slot.
func LargeListsWaiting() (waiting int) {
	largeLists.mu.Lock()
	defer largeLists.mu.Unlock()
	for _, t := range largeLists.tickets {
		if t.given != nil {
			waiting++
		}
	}
	return waiting
}

// EndLargePause lets the next large list of any account begin at once.
func EndLargePause() {
	largeLists.mu.Lock()
	defer largeLists.mu.Unlock()
	largeLists.untriedFrom = time.Time{}
}

// Keep notes that an account keeps so many entries of its list.
func (p *Pace) Keep(entries int) { p.gate.keep(entries) }
