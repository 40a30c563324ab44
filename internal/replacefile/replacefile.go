// Package replacefile writes a file at once or not at all.
package replacefile

import (
	"errors"
	"os"
	"path/filepath"
)

// Write writes beside the file and then takes its place, so that nobody ever
// reads half of it and a full disk leaves the old one. Of a symbolic link, what
// it points to is replaced.
func Write(path string, content []byte, mode os.FileMode) (err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".rightful-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
