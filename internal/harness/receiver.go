package harness

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"k8s.io/client-go/util/cert"

	"webhook-operator.io/itwin/signature"
)

// Delivery is an event that was sent to a receiver.
type Delivery struct {
	Path      string
	EventType string
	MessageID string
	WebhookID string
	// Verified is true when its Signature was made with the secret of the path.
	Verified bool
	// Broken is true when the receiver was broken at that time.
	Broken bool
}

// Taken reports whether the receiver accepted the event.
func (d Delivery) Taken() bool { return d.Verified && !d.Broken }

// Receiver takes events over HTTPS on loopback, with a certificate that it signed itself, and verifies them. It can be
// broken and fixed.
type Receiver struct {
	// URL has no path.
	URL string

	server *http.Server
	notice func(Delivery)

	mu sync.Mutex
	// trusted are the secrets that events to a path may be signed with.
	trusted    func(path string) []string
	broken     bool
	deliveries []Delivery
}

// StartReceiver starts one on a free port. It calls notice, unless that is nil, about each event before it answers.
func StartReceiver(notice func(Delivery)) (*Receiver, error) {
	certificate, key, err := cert.GenerateSelfSignedCertKey("127.0.0.1", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if notice == nil {
		notice = func(Delivery) {}
	}
	r := &Receiver{URL: "https://" + listener.Addr().String(), notice: notice}
	r.Trust(func(string) []string { return nil })
	r.server = &http.Server{
		Handler: r, ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
	}
	go func() { _ = r.server.ServeTLS(listener, "", "") }()
	return r, nil
}

// Close ends the receiver.
func (r *Receiver) Close() error { return r.server.Close() }

// Trust says where to look up, for each event, the secrets that events to its path may be signed with.
func (r *Receiver) Trust(secretsOf func(path string) []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trusted = secretsOf
}

// Break makes every answer a 503, until Fix.
func (r *Receiver) Break() { r.setBroken(true) }

// Fix makes the receiver take events again.
func (r *Receiver) Fix() { r.setBroken(false) }

func (r *Receiver) setBroken(broken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = broken
}

// Deliveries are the events so far, with those that were turned away.
func (r *Receiver) Deliveries() []Delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Delivery(nil), r.deliveries...)
}

// Await waits until a message was taken, and returns an error when it was turned away because of its signature.
func (r *Receiver) Await(ctx context.Context, messageID string) (taken Delivery, err error) {
	return taken, Until(ctx, "the receiver takes the event", func(context.Context) error {
		for _, d := range r.Deliveries() {
			switch {
			case d.MessageID != messageID:
			case d.Taken():
				taken = d
				return nil
			case !d.Verified:
				return Final(errors.New("its signature is not that of the webhook's secret"))
			}
		}
		return errors.New("it has not arrived")
	})
}

// ServeHTTP takes one event.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, signature.DefaultMaxBody))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	d := Delivery{Path: request.URL.Path}
	if event, err := signature.ParseEvent(body); err == nil {
		d.EventType, d.MessageID, d.WebhookID = event.EventType, event.MessageID, event.WebhookID
	}
	w.WriteHeader(r.take(d, body, request.Header.Get(signature.Header)))
}

// take judges an event, remembers it, and answers with a status.
func (r *Receiver) take(d Delivery, body []byte, header string) int {
	r.mu.Lock()
	trusted, broken := r.trusted, r.broken
	r.mu.Unlock()
	d.Broken = broken
	d.Verified = signature.Verify(header, body, trusted(d.Path)...) == nil
	r.notice(d)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deliveries = append(r.deliveries, d)
	switch {
	case d.Broken:
		return http.StatusServiceUnavailable
	case !d.Verified:
		return http.StatusUnauthorized
	}
	return http.StatusOK
}
