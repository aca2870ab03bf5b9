package proof

import (
	"slices"
	"strings"
	"testing"
)

var (
	key    = NewKey([]byte("0123456789abcdef0123456789abcdef"))
	object = Object{"digital-twin", "model-events"}
	remote = Remote{"api.bentley.com/0123456789abcdef", "e6989b43-53ab-45e2-a610-560c6f7e879e"}
)

func TestOwnerProof(t *testing.T) {
	proof := key.Owner(object, remote)
	if account, ok := key.Owns(proof, object, remote.ID); !ok || account != remote.Account {
		t.Errorf("the proof %q is not accepted: account %q", proof, account)
	}
	for name, forged := range map[string]func() (string, bool){
		"another id":        func() (string, bool) { return key.Owns(proof, object, "other") },
		"another namespace": func() (string, bool) { return key.Owns(proof, Object{"other", object.Name}, remote.ID) },
		"another name":      func() (string, bool) { return key.Owns(proof, Object{object.Namespace, "other"}, remote.ID) },
		"another key":       func() (string, bool) { return NewKey([]byte("other")).Owns(proof, object, remote.ID) },
		"another account": func() (string, bool) {
			return key.Owns(strings.Replace(proof, "bentley", "example", 1), object, remote.ID)
		},
		"a proof that it was given up": func() (string, bool) {
			return key.Owns(key.Former(object, []Remote{remote}), object, remote.ID)
		},
		"nothing": func() (string, bool) { return key.Owns("", object, remote.ID) },
		"v1":      func() (string, bool) { return key.Owns("v1", object, remote.ID) },
		"no sum":  func() (string, bool) { return key.Owns("v1.a.", object, remote.ID) },
	} {
		t.Run(name, func(t *testing.T) {
			if account, ok := forged(); ok || account != "" {
				t.Errorf("accepted, for account %q", account)
			}
		})
	}
}

func TestFormersKeepsOnlyEntriesThatProveThemselves(t *testing.T) {
	others := []Remote{remote, {"127.0.0.1:8090/fedcba9876543210", "2d340000-0000-4000-8000-000000000000"}}
	list := key.Former(object, others)
	if got := key.Formers(list, object); !slices.Equal(got, others) {
		t.Errorf("got %v, want %v", got, others)
	}
	forged := strings.Replace(list, "e6989b43", "00000000", 1) + ",v1.a.b.c,," + key.Owner(object, remote)
	if got := key.Formers(forged, object); !slices.Equal(got, others[1:]) {
		t.Errorf("got %v, want %v", got, others[1:])
	}
	if got := key.Formers(list, Object{"other", object.Name}); len(got) != 0 {
		t.Errorf("accepted for another object: %v", got)
	}
	if got := key.Formers("", object); len(got) != 0 {
		t.Errorf("found in nothing: %v", got)
	}
}

func TestFingerprintTellsSecretsApart(t *testing.T) {
	a, b := key.Fingerprint("a-secret"), key.Fingerprint("b-secret")
	if a == b || a != key.Fingerprint("a-secret") || len(a) != 32 {
		t.Errorf("got %q and %q", a, b)
	}
	if NewKey([]byte("other")).Fingerprint("a-secret") == a {
		t.Error("another key gives the same fingerprint")
	}
}
