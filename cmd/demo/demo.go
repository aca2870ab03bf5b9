package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"webhook-operator.io/itwin/internal/harness"
)

// cleanupPatience is how long the end may take to remove what is on a real platform.
const cleanupPatience = time.Minute

// lookupPatience is how long the receiver may look for the secret of an event.
const lookupPatience = 5 * time.Second

// demo is everything that takes part.
type demo struct {
	*timeline
	settings settings
	// dir holds kubeconfigs, manifests and what the programs wrote.
	dir      string
	plane    *harness.ControlPlane
	operator *harness.Manager
	// collector empties deleted namespaces and collects garbage, as in any cluster.
	collector *harness.Process
	// platform, receiver and control are nil when a real platform takes part.
	platform *harness.Simulator
	receiver *harness.Receiver
	control  *control
	// applied is true once there may be something on a real platform to clean up.
	applied bool
	// unwatch ends the watch of the objects: nothing is said any more when it returns.
	unwatch func()
}

func newDemo(s settings, out io.Writer) (*demo, error) {
	dir, err := os.MkdirTemp("", "itwin-demo-")
	return &demo{
		timeline: &timeline{out: out}, settings: s, dir: dir, unwatch: func() {},
	}, err
}

func (d *demo) simulated() bool { return d.settings.account == nil }

// start starts all programs, and says where they are.
func (d *demo) start(ctx context.Context) (err error) {
	d.print("Starting a Kubernetes control plane; that takes some seconds.\n")
	if d.plane, err = harness.StartControlPlane(d.dir); err != nil {
		return err
	}
	if err := d.startPlatform(ctx); err != nil {
		return err
	}
	if err := d.plane.Install(ctx); err != nil {
		return err
	}
	if d.collector, err = d.plane.StartTeardownControllers(); err != nil {
		return err
	}
	if d.operator, err = d.plane.StartManager(ctx, d.settings.managerFlags()...); err != nil {
		return err
	}
	d.introduce()
	return d.watch(context.WithoutCancel(ctx))
}

func (d *demo) startPlatform(ctx context.Context) (err error) {
	if !d.simulated() {
		return nil
	}
	if d.platform, err = harness.StartSimulator(ctx, d.dir, "--insecure-callbacks"); err != nil {
		return err
	}
	if d.receiver, err = harness.StartReceiver(d.noticeDelivery); err != nil {
		return err
	}
	d.receiver.Trust(d.secretsOf)
	d.control, err = d.startControl(ctx)
	return err
}

func (d *demo) introduce() {
	d.print("\n  control plane  %s\n", strings.TrimSuffix(d.plane.Config.Host, "/"))
	if d.simulated() {
		d.print("  platform       %s, simulated\n", d.platform.URL)
		d.print("  receiver       %s\n", d.receiver.URL)
	} else {
		d.print("  platform       %s\n", d.settings.account.apiURL)
	}
	d.print("  operator       process %d, installed by config/install\n\n", d.operator.Pid())
	d.begin()
}

// noticeDelivery says what the receiver did with an event. Of those that it cannot take, the platform tells.
func (d *demo) noticeDelivery(event harness.Delivery) {
	switch {
	case event.Broken:
	case event.Verified:
		d.say(receiverSide, "takes %s at %s; its signature is right", event.EventType, event.Path)
	default:
		d.say(receiverSide, "turns %s at %s away; its signature is wrong", event.EventType, event.Path)
	}
}

// stay waits for the end, which is Ctrl-C, unless a program fails.
func (d *demo) stay(ctx context.Context) error {
	var platformDone <-chan struct{}
	if d.platform != nil {
		platformDone = d.platform.Done()
	}
	select {
	case <-ctx.Done():
		return nil
	case <-d.operator.Done():
		return d.operator.Ended()
	case <-platformDone:
		return d.platform.Ended()
	}
}

// close ends everything, with nothing left behind but the logs of a demo that failed.
func (d *demo) close(failure error) error {
	d.print("\nCleaning up.\n")
	err := d.removeWebhooks()
	d.unwatch()
	if d.operator != nil {
		err = errors.Join(err, d.operator.Stop())
	}
	if d.collector != nil {
		err = errors.Join(err, d.collector.Stop())
	}
	if d.control != nil {
		err = errors.Join(err, d.control.close())
	}
	if d.receiver != nil {
		err = errors.Join(err, d.receiver.Close())
	}
	if d.platform != nil {
		err = errors.Join(err, d.platform.Stop())
	}
	if d.plane != nil {
		err = errors.Join(err, d.plane.Stop())
	}
	if err = errors.Join(failure, err); err == nil || errors.Is(failure, errInterrupted) {
		return errors.Join(err, os.RemoveAll(d.dir))
	}
	return fmt.Errorf("%w\nwhat the programs wrote is in %s", err, d.dir)
}
