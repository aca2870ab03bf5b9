package controllers

import (
	"context"

	"webhook-operator.io/itwin/internal/fleet"
)

// members are the connections by which the facts about an object were gathered, by account. Steps use the same.
type members map[string]*fleet.Member

// way is a connection to an account, and how good it is for an object: the lower, the better.
type way struct {
	member *fleet.Member
	rank   int
}

// Ranks of a way. What may be used stands before what may not, and what works before what does not. Through what is
// left of a connection that was closed go deletions alone.
const (
	ownConnection = iota
	allowedAndSound
	allowedAndFailing
	allowedAndClosed
	barredAndSound
	barredAndFailing
	barredAndClosed
	deletedConnection
)

// reachable finds a connection to an account that the object may use; if there is none, one that it may not.
func (r *WebhookReconciler) reachable(
	ctx context.Context, f *facts, account string, via members,
) (*fleet.Member, reach, error) {
	snapshot := r.Fleets.Account(account)
	if account == "" || snapshot == nil {
		return nil, unreachable, nil
	}
	var best way
	for _, member := range snapshot.Members() {
		rank, err := r.rank(ctx, f, member)
		if err != nil {
			return nil, unreachable, err
		}
		if best.member == nil || rank < best.rank {
			best = way{member, rank}
		}
	}
	switch {
	case best.member == nil:
		return nil, unreachable, nil
	case best.rank < barredAndSound, best.rank == deletedConnection:
		via[account] = best.member
		return best.member, reachable, nil
	}
	via[account] = best.member
	return best.member, forbidden, nil
}

// rank says how good a connection is for an object.
func (r *WebhookReconciler) rank(ctx context.Context, f *facts, member *fleet.Member) (int, error) {
	allowed, exists, err := r.mayUse(ctx, f.webhook, member.Name())
	if err != nil {
		return 0, err
	}
	deleting, failing := !f.webhook.DeletionTimestamp.IsZero(), member.Failure() != nil
	own := member.Name() == connectionOf(f.webhook) && (!deleting || !failing)
	if member.Closed() != nil || !exists {
		return rankClosed(allowed || !exists && deleting, exists), nil
	}
	return rankOpen(allowed, own, failing), nil
}

func rankClosed(allowed, exists bool) int {
	switch {
	case allowed:
		return allowedAndClosed
	case !exists:
		return deletedConnection
	}
	return barredAndClosed
}

func rankOpen(allowed, own, failing bool) int {
	switch {
	case allowed && own:
		return ownConnection
	case allowed && !failing:
		return allowedAndSound
	case allowed:
		return allowedAndFailing
	case !failing:
		return barredAndSound
	}
	return barredAndFailing
}
