package architecture

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// words of our own that a reader would have to decode, or that leave open which program or object is meant. The words of
// Kubernetes and of its controllers take their place.
var words = regexp.MustCompile(`(?i)\b(pictures?|rumour(s|ed)?|vouch(ed)?|doubtful|rivals?|misfits?|immature|horizon|` +
	`setbacks?|verdicts?|hush|troubled|heirs?|strangers?|mortal|reaper|crew|nobody|somebody|whoever|anew|woken|askedFor|` +
	`shareTexts|essence|waker|worlds?|newWorld|fates|zombies?|crowd(ed)?|hope(s|d)?|` +
	`hopeSince|nudge(s|d)?|shaken|lanes?|patience|wakes?|wakeups?|mend(s|ed|ing)?|settle times?)\b`)

// excepted are the files that need such a word.
var excepted = []string{"test/architecture/words_test.go"}

// TestWordsAreTheFields reads all sources and all documents.
func TestWordsAreTheFields(t *testing.T) {
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if name == ".git" || name == "bin" {
				return fs.SkipDir
			}
			return nil
		case slices.Contains(excepted, filepath.ToSlash(name)):
			return nil
		case filepath.Ext(name) != ".go" && filepath.Ext(name) != ".md":
			return nil
		}
		return grep(t, path, name)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// grep reports the lines of a file that have one of the words.
func grep(t *testing.T, path, name string) error {
	source, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for i, line := range strings.Split(string(source), "\n") {
		if found := words.FindString(strings.ReplaceAll(line, "http.NoBody", "")); found != "" {
			t.Errorf("%s:%d: %q", name, i+1, found)
		}
	}
	return nil
}
