package fleet

import (
	"maps"
	"slices"
	"sync"

	"webhook-operator.io/itwin/internal/platform"
)

// markIndex finds the accounts whose webhooks carry an owner's mark. There are few: of creates that are under way or
// were interrupted. Looking there does not wait for an account that takes over a long list.
type markIndex struct {
	mu       sync.RWMutex
	accounts map[Owner]map[*Fleet]bool
}

func newMarkIndex() *markIndex { return &markIndex{accounts: map[Owner]map[*Fleet]bool{}} }

func (i *markIndex) add(owner Owner, account *Fleet) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.accounts[owner] == nil {
		i.accounts[owner] = map[*Fleet]bool{}
	}
	i.accounts[owner][account] = true
}

func (i *markIndex) remove(owner Owner, account *Fleet) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if delete(i.accounts[owner], account); len(i.accounts[owner]) == 0 {
		delete(i.accounts, owner)
	}
}

// Marked returns the accounts with webhooks that carry an owner's mark, in the order of their names.
func (r *Registry) Marked(owner Owner) []*Fleet {
	r.marks.mu.RLock()
	defer r.marks.mu.RUnlock()
	return slices.SortedFunc(maps.Keys(r.marks.accounts[owner]), func(a, b *Fleet) int {
		return compareNames(a.account, b.account)
	})
}

// Marked returns the webhooks that carry an owner's mark, the oldest first.
func (f *Fleet) Marked(owner Owner) []platform.Webhook {
	f.mu.Lock()
	defer f.mu.Unlock()
	found := make([]platform.Webhook, 0, len(f.marks[owner]))
	for key := range f.marks[owner] {
		if e := f.entries[key]; e != nil && !e.missing {
			found = append(found, e.webhook)
		}
	}
	sortByAge(found)
	return found
}

// mark notes that a webhook carries a mark.
func (f *Fleet) mark(key, mark string) {
	owner := Owner(mark)
	switch {
	case mark == "":
		return
	case f.marks[owner] == nil:
		f.marks[owner] = map[string]bool{}
		f.index.add(owner, f)
	}
	f.marks[owner][key] = true
}

// unmark notes that a webhook no longer carries a mark.
func (f *Fleet) unmark(key, mark string) {
	owner := Owner(mark)
	delete(f.marks[owner], key)
	if f.marks[owner] != nil && len(f.marks[owner]) == 0 {
		delete(f.marks, owner)
		f.index.remove(owner, f)
	}
}

// forgetMarks drops all marks.
func (f *Fleet) forgetMarks() {
	for owner := range f.marks {
		f.index.remove(owner, f)
	}
	clear(f.marks)
}
