package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// parse reads a command line as main does.
func parse(args ...string) (o options, err error) {
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	o.bind(flags)
	return o, flags.Parse(args)
}

func TestAllowedAPIHosts(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want []string
	}{
		"absent → the production environment": {nil, []string{"api.bentley.com", "ims.bentley.com"}},
		"a list → replaces the default": {
			[]string{"--allowed-api-hosts=api.example.com,ims.example.com"}, []string{"api.example.com", "ims.example.com"},
		},
		"given twice → both count": {
			[]string{"--allowed-api-hosts=api.example.com", "--allowed-api-hosts=*.example.net"},
			[]string{"api.example.com", "*.example.net"},
		},
		"spaces, upper case and repetitions → canonical": {
			[]string{"--allowed-api-hosts=API.example.com, api.example.com"}, []string{"api.example.com"},
		},
		"ports and addresses": {
			[]string{"--allowed-api-hosts=api.example.com:8443,10.1.2.3,10.1.2.3:0443,[2001:DB8::1],2001:db8::2,[2001:db8::3]:443,2001:db8::"},
			[]string{
				"api.example.com:8443", "10.1.2.3", "10.1.2.3:443", "[2001:db8::1]", "[2001:db8::2]", "[2001:db8::3]:443",
				"[2001:db8::]",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := parse(test.args...)
			if err != nil || !slices.Equal(o.allowedHosts.patterns, test.want) {
				t.Errorf("got %q, %v, want %q", o.allowedHosts.patterns, err, test.want)
			}
		})
	}
}

func TestAllowedAPIHostsThatAreNone(t *testing.T) {
	for value, want := range map[string]string{
		"":                        "is not a host",
		"api.example.com,":        "is not a host",
		"https://api.example.com": "is not a host",
		"api.example.com/path":    "is not a host",
		"api example.com":         "is not a host",
		"api.*.com":               "is not a host",
		"*":                       "is not a host",
		"*.":                      "is not a host",
		"*.example.com:8443":      "is not a host",
		"*.10.1.2.3":              "is not a host",
		"10.1.2":                  "is not a host",
		"api.example.com.":        "is not a host",
		"user@api.example.com":    "is not a host",
		"fe80::1%eth0":            "is not a host",
		"bücher.example":          "is not a host",
		"api.example.com:":        "invalid port",
		"api.example.com:0":       "invalid port",
		"api.example.com:65536":   "invalid port",
		"api.example.com:https":   "invalid port",
		"localhost":               "--allow-loopback",
		"127.0.0.1:8090":          "--allow-loopback",
		"[::1]:8090":              "--allow-loopback",
	} {
		if _, err := parse("--allowed-api-hosts=" + value); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", value, err, want)
		}
	}
}

func TestLoopbackIsAllowedOnlyByItsFlag(t *testing.T) {
	for want, args := range map[bool][]string{
		false: nil, true: {"--allow-loopback=false", "--allow-loopback"},
	} {
		if o, err := parse(args...); err != nil || o.allowLoopback != want {
			t.Errorf("%q: got %v, %v", args, o.allowLoopback, err)
		}
	}
	if o, err := parse("--allow-loopback", "--allow-loopback=false"); err != nil || o.allowLoopback {
		t.Errorf("the last one does not win: %v", err)
	}
}

func TestNamespacesAreChecked(t *testing.T) {
	for _, name := range []string{"--operator-namespace", "--watch-namespace"} {
		if _, err := parse(name + "=Not_One"); err == nil || !strings.Contains(err.Error(), "not the name of a namespace") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if o, err := parse("--operator-namespace="); err != nil || o.keyNamespace != "" {
		t.Errorf("an empty --operator-namespace: %v", err)
	}
}

func TestLeaderElectionOutsideOfAClusterNamesTheFlagToSet(t *testing.T) {
	pod := filepath.Join(t.TempDir(), "namespace")
	if err := os.WriteFile(pod, []byte("operators"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		file string
		want string
	}{
		"outside → the flag":             {[]string{"--leader-elect"}, pod + "-absent", "set --leader-election-namespace"},
		"outside with the flag → served": {[]string{"--leader-elect", "--leader-election-namespace=a"}, pod + "-absent", ""},
		"outside without a lease":        {nil, pod + "-absent", ""},
		"in a pod":                       {[]string{"--leader-elect"}, pod, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := parse(test.args...)
			if err != nil {
				t.Fatal(err)
			}
			err = o.check(test.file)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// TestTheLogTellsEveryFlag: what the first line says of the configuration has a value for every flag.
func TestTheLogTellsEveryFlag(t *testing.T) {
	var o options
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	o.bind(flags)
	told := map[string]bool{}
	for i, key := range o.configuration() {
		if i%2 == 0 {
			told[strings.ToLower(key.(string))] = true
		}
	}
	flags.VisitAll(func(f *flag.Flag) {
		key := strings.ReplaceAll(f.Name, "-", "")
		if f.Name != "version" && !told[key] && !told[key+"s"] {
			t.Errorf("the log does not tell --%s", f.Name)
		}
	})
}

// TestFlagsAreDocumented: docs/api.md has a row for every flag, and for no other.
func TestFlagsAreDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Flags of the manager\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var o options
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	o.bind(flags)
	declared := 0
	flags.VisitAll(func(f *flag.Flag) {
		declared++
		if !strings.Contains(section, fmt.Sprintf("\n| `--%s` | ", f.Name)) {
			t.Errorf("docs/api.md does not explain --%s", f.Name)
		}
	})
	if rows := strings.Count(section, "\n| `--"); rows != declared {
		t.Errorf("docs/api.md explains %d flags, not %d", rows, declared)
	}
}
