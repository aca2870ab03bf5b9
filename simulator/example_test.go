package simulator_test

import (
	"fmt"
	"net/http/httptest"
	"time"

	"webhook-operator.io/itwin/simulator"
)

func Example() {
	if err := useSimulator(); err != nil {
		fmt.Println(err)
	}
	// Output: 1 1 0
}

// useSimulator is shown in docs/simulator.md. A program would be given server.URL as the address of the platform.
func useSimulator() error {
	platform, err := simulator.New(simulator.Options{StoppedClock: true, EventTypes: simulator.DocumentedEventTypes()})
	if err != nil {
		return err
	}
	defer func() { _ = platform.Close() }()
	server := httptest.NewServer(platform)
	defer server.Close()

	added, err := platform.AddWebhooks([]simulator.Seed{{
		ClientID: "me", Scope: "Account", CallbackURL: "https://hooks.example.com", EventTypes: []string{"iTwins.iTwinCreated.v1"},
	}})
	if err != nil {
		return err
	}
	fault := simulator.Fault{Match: simulator.Match{Method: "PATCH"}, Times: simulator.Forever, Action: "drop-response"}
	if err := platform.AddFault(fault); err != nil {
		return err
	}
	if err := platform.SetVariant("lists-lag=5s"); err != nil {
		return err
	}
	if _, err := platform.Advance(72 * time.Hour); err != nil {
		return err
	}
	fmt.Println(len(added), len(platform.Webhooks()), platform.Requests().Counts["PATCH /webhooks/{id}"])
	return nil
}
