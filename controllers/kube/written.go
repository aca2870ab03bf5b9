package kube

import (
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// WrittenVersions remembers the last version of each object that this process wrote, so that nothing is decided from a
// cache that does not show it yet: a status that seems to say the right thing may be one that was overwritten since.
type WrittenVersions struct {
	mu   sync.Mutex
	last map[types.NamespacedName]written
}

type written struct {
	uid     types.UID
	version string
}

// NewWrittenVersions returns one that knows of no write.
func NewWrittenVersions() *WrittenVersions {
	return &WrittenVersions{last: map[types.NamespacedName]written{}}
}

// Note remembers an object as a write returned it.
func (w *WrittenVersions) Note(o client.Object) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last[client.ObjectKeyFromObject(o)] = written{o.GetUID(), o.GetResourceVersion()}
}

// Behind reports whether an object, as the cache shows it, is older than the last write. An object that has caught up
// needs no memory any more.
func (w *WrittenVersions) Behind(o client.Object) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := client.ObjectKeyFromObject(o)
	last, ok := w.last[key]
	if !ok {
		return false
	}
	if last.newerThan(o) {
		return true
	}
	delete(w.last, key)
	return false
}

func (w written) newerThan(o client.Object) bool {
	order, err := resourceversion.CompareResourceVersion(o.GetResourceVersion(), w.version)
	return w.uid == o.GetUID() && err == nil && order < 0
}

// Reached takes the answer of a read past the cache. If the API server itself does not have what this process wrote, it
// was restored to an older revision, or the object is gone: the write is forgotten.
func (w *WrittenVersions) Reached(key types.NamespacedName, o client.Object, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if last, ok := w.last[key]; ok && (apierrors.IsNotFound(err) || last.newerThan(o) || last.uid != o.GetUID()) {
		delete(w.last, key)
	}
}

// Own reports whether an object is as the last write of this process left it. It is remembered further: an older one
// may have been read from the cache just before this one came.
func (w *WrittenVersions) Own(o client.Object) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last[client.ObjectKeyFromObject(o)] == written{o.GetUID(), o.GetResourceVersion()}
}

// Noted reports whether this process wrote an object that no cache has shown yet.
func (w *WrittenVersions) Noted(name types.NamespacedName) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.last[name]
	return ok
}

// Forget drops what is known of an object that is gone.
func (w *WrittenVersions) Forget(name types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.last, name)
}
