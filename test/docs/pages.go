package docs

import (
	"io/fs"
	"path/filepath"
	"slices"

	"webhook-operator.io/itwin/internal/harness/documented"
)

// leftOut are folders without pages of ours.
var leftOut = []string{".git", "bin", "dist", "node_modules"}

// walk visits the files of the repository that have an ending, by their names with slashes.
func walk(root, ending string, visit func(name string) error) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(leftOut, entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ending:
			return nil
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return visit(filepath.ToSlash(name))
	})
}

// readPages reads all pages of the repository, by name.
func readPages(root string) (map[string]*documented.Page, error) {
	pages := map[string]*documented.Page{}
	return pages, walk(root, ".md", func(name string) (err error) {
		pages[name], err = documented.Read(name)
		return err
	})
}
