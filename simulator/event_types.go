package simulator

import (
	"fmt"
	"strings"
)

// DocumentedEventTypes are the event types that the platform's documentation lists today, of both versions. The list
// grows: it is for Options.EventTypes, which finds a typo, and not for programs that talk to the platform.
func DocumentedEventTypes() []string {
	return []string{
		"accessControl.memberAdded.v1", "accessControl.memberRemoved.v1", "accessControl.roleAssigned.v1",
		"accessControl.roleUnassigned.v1", "changedElements.jobCompleted.v1", "iModels.changesReady.v1",
		"iModels.iModelCreated.v1", "iModels.iModelDeleted.v1", "iModels.namedVersionCreated.v1",
		"iTwins.iTwinCreated.v1", "iTwins.iTwinDeleted.v1", "realityAnalysis.jobCompleted.v1",
		"realityConversion.jobCompleted.v1", "realityModeling.jobCompleted.v1", "synchronization.jobCompleted.v1",
		"transformations.jobCompleted.v1",
		"iModelDeletedEvent", "NamedVersionCreatedEvent", "ChangesetPushedEvent", "ChangesetGroupCompletedEvent",
		"ChangesReadyEvent",
	}
}

// knownTypes are the event types that can be subscribed to, and happen; none of them is any of the right shape. The
// names of version 1 are in lower case.
type knownTypes map[string]bool

// newKnownTypes reads the types of the options. A type of version 2 is also known to version 1, under its old name.
func newKnownTypes(types []string) (knownTypes, error) {
	known := knownTypes{}
	for _, t := range types {
		switch {
		case eventTypePatternV2.MatchString(t):
			known[t] = true
			known[strings.ToLower(strings.Split(t, ".")[1]+"Event")] = true
		case eventTypePatternV1.MatchString(t):
			known[strings.ToLower(t)] = true
		default:
			return nil, fmt.Errorf("%q is no event type such as iModels.iModelDeleted.v1 or iModelDeletedEvent", t)
		}
	}
	return known, nil
}

func (k knownTypes) has(eventType string) bool {
	if !strings.Contains(eventType, ".") { // of version 1
		eventType = strings.ToLower(eventType)
	}
	return len(k) == 0 || k[eventType]
}
