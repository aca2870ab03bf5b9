// Package proof makes and checks what only the operator can have written: proofs that a Webhook owns a remote webhook,
// and fingerprints of signing secrets. Both are HMACs under the operator key, a random value that is generated once per
// installation and kept in a Secret of the operator's namespace.
package proof

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// version begins every proof, so that a later form can be told apart.
const version = "v1"

// KeySize is the length of an operator key in bytes.
const KeySize = 32

// Key is the operator key.
type Key struct{ bytes []byte }

// NewKey returns the key that these bytes are. A key of fewer than KeySize bytes proves little; the caller checks that.
func NewKey(bytes []byte) Key { return Key{bytes: bytes} }

// Object names the Webhook that a proof is about.
type Object struct{ Namespace, Name string }

// Remote names a remote webhook: its id is unique within its account.
type Remote struct{ Account, ID string }

// Owner returns the proof that an object owns a remote webhook: "v1.<account>.<64 hex digits>". It is bound to the
// object's namespace and name, so that a copy elsewhere proves nothing.
func (k Key) Owner(o Object, r Remote) string {
	return version + "." + r.Account + "." + k.sum("owner", o, r)
}

// Owns reports whether a proof says that an object owns the remote webhook with this id, and in which account.
func (k Key) Owns(proof string, o Object, id string) (account string, ok bool) {
	account, sum, ok := split(proof)
	if !ok || !equal(sum, k.sum("owner", o, Remote{account, id})) {
		return "", false
	}
	return account, true
}

// Former returns the list of remote webhooks that an object has given up and that must still be removed, each as
// "v1.<account>.<id>.<64 hex digits>", separated by commas.
func (k Key) Former(o Object, remotes []Remote) string {
	entries := make([]string, len(remotes))
	for i, r := range remotes {
		entries[i] = version + "." + r.Account + "." + r.ID + "." + k.sum("former", o, r)
	}
	return strings.Join(entries, ",")
}

// Formers returns the entries of such a list that prove themselves. Others are left out: another client wrote them.
func (k Key) Formers(list string, o Object) (remotes []Remote) {
	for entry := range strings.SplitSeq(list, ",") {
		name, sum, ok := split(entry)
		dot := strings.LastIndexByte(name, '.')
		if !ok || dot < 0 {
			continue
		}
		r := Remote{Account: name[:dot], ID: name[dot+1:]}
		if equal(sum, k.sum("former", o, r)) {
			remotes = append(remotes, r)
		}
	}
	return remotes
}

// Fingerprint identifies a signing secret without telling it: equal values have equal fingerprints, of 32 hex digits.
func (k Key) Fingerprint(secret string) string { return k.hash("fingerprint", secret)[:32] }

// split takes "v1.<name>.<sum>" apart. A name may have dots in it, a sum has none.
func split(proof string) (name, sum string, ok bool) {
	rest, ok := strings.CutPrefix(proof, version+".")
	dot := strings.LastIndexByte(rest, '.')
	if !ok || dot < 0 {
		return "", "", false
	}
	return rest[:dot], rest[dot+1:], true
}

func (k Key) sum(purpose string, o Object, r Remote) string {
	return k.hash(purpose, r.Account, r.ID, o.Namespace, o.Name)
}

// hash authenticates its parts, none of which holds a NUL.
func (k Key) hash(parts ...string) string {
	mac := hmac.New(sha256.New, k.bytes)
	for _, part := range parts {
		_, _ = mac.Write([]byte(part)) // never fails (hash.Hash)
		_, _ = mac.Write([]byte{0})
	}
	return hex.EncodeToString(mac.Sum(nil))
}

func equal(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }
