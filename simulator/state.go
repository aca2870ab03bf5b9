package simulator

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// stateVersion is that of the format of the state file. A file of another one is refused, never overwritten.
const stateVersion = 1

// state is what survives the simulator. It holds secrets, so only its owner may read the file of it.
type state struct {
	Version  int            `json:"version"`
	Now      time.Time      `json:"now"`     // virtual
	SavedAt  time.Time      `json:"savedAt"` // real
	Accounts []string       `json:"accounts"`
	Tokens   []token        `json:"tokens"`
	Webhooks []savedWebhook `json:"webhooks"`
	Messages []*message     `json:"messages"`
}

type savedWebhook struct {
	Webhook
	Queue []savedDelivery `json:"queue"`
}

type savedDelivery struct {
	MessageID string    `json:"messageId"`
	Failed    int       `json:"failed"`
	Due       time.Time `json:"due"`
}

// snapshot copies the state. What it shares with the simulator never changes.
func (s *Simulator) snapshot() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := state{
		Version:  stateVersion,
		Now:      s.clock.now(),
		SavedAt:  time.Now(),
		Accounts: slices.Sorted(maps.Keys(s.accounts)),
	}
	for _, value := range s.tokenOrder {
		st.Tokens = append(st.Tokens, s.tokens[value])
	}
	messages := map[*message]struct{}{}
	for _, w := range s.webhooks {
		saved := savedWebhook{Webhook: w.view()}
		for _, d := range w.queueInOrder() {
			saved.Queue = append(saved.Queue, savedDelivery{MessageID: d.message.ID, Failed: d.failed, Due: d.due})
			messages[d.message] = struct{}{}
		}
		st.Webhooks = append(st.Webhooks, saved)
	}
	st.Messages = slices.Collect(maps.Keys(messages))
	return st
}

func (w *webhook) queueInOrder() []*delivery {
	return slices.SortedFunc(maps.Keys(w.queue), func(a, b *delivery) int {
		return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.task.order, b.task.order))
	})
}

// resumeAt is the virtual time at which to go on: as much has passed meanwhile as in real time, unless the clock is
// stopped.
func (st state) resumeAt(stopped bool) time.Time {
	if stopped {
		return st.Now
	}
	return st.Now.Add(max(0, time.Since(st.SavedAt)))
}

// restore brings a state back, into a simulator that has nothing yet and does not run.
func (s *Simulator) restore(st state) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, clientID := range st.Accounts {
		s.accountOf(clientID)
	}
	for _, t := range st.Tokens {
		s.addToken(t)
	}
	messages := map[string]*message{}
	for _, m := range st.Messages {
		if !eventTypePatternV2.MatchString(m.Type) {
			return fmt.Errorf("message %s has no event type", m.ID)
		}
		messages[m.ID] = m
	}
	for _, saved := range st.Webhooks {
		w := &webhook{Webhook: saved.Webhook, queue: map[*delivery]struct{}{}}
		if err := w.check(); err != nil {
			return fmt.Errorf("webhook %s: %w", w.ID, err)
		}
		s.webhooks = append(s.webhooks, w)
		s.webhooksByID[w.ID] = w
		if w.V1 != nil {
			s.planV1(w)
		}
		for _, d := range saved.Queue {
			m, found := messages[d.MessageID]
			if !found {
				return fmt.Errorf("webhook %s waits for the message %s, which is missing", w.ID, d.MessageID)
			}
			s.enqueue(w, &delivery{webhook: w, message: m, failed: d.Failed, due: d.Due})
		}
	}
	return nil
}

// check refuses a webhook that the simulator cannot have written, and could not deal with.
func (w *webhook) check() error {
	if (w.V1 != nil) != (w.APIVersion == int(v1)) {
		return fmt.Errorf("it does not fit version %d", w.APIVersion)
	}
	if callback, err := url.Parse(w.CallbackURL); err != nil || callback.Host == "" {
		return errors.New("its callback is no URL")
	}
	if w.V1 != nil {
		_, err := url.Parse(w.V1.ConfirmURL)
		return err
	}
	return nil
}

// readState reads a state file; found is false when there is none, or no path of one.
func readState(path string) (st state, found bool, err error) {
	if path == "" {
		return state{}, false, nil
	}
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, false, nil
	}
	if err != nil {
		return state{}, false, err
	}
	if err := json.Unmarshal(content, &st); err != nil {
		return state{}, false, fmt.Errorf("%s is no state file of the simulator: %w", path, err)
	}
	if st.Version != stateVersion {
		return state{}, false, fmt.Errorf("%s is a state file of version %d, and not %d", path, st.Version, stateVersion)
	}
	return st, true, nil
}

// writeState replaces a state file: whenever the machine stops, there is the old one or the new one, complete.
func writeState(path string, st state) (err error) {
	directory := filepath.Dir(path)
	file, err := os.CreateTemp(directory, "."+filepath.Base(path)+".*") // which only its owner may read
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(encodeJSON(st))
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err = os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncDirectory(directory)
}

// syncDirectory makes a rename in a directory survive a power cut.
func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
