package alert

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"rightful"
	"rightful/internal/alert/send"
)

const (
	// claimFor is how long nobody else sends a message, in seconds: longer than
	// sending it can take.
	claimFor = 120
	// A message is tried again after firstWait, then twice as long each time, up to
	// send.LongestAfter; after giveUpAfter one is made of what is to be said by then.
	firstWait   = 30 * time.Second
	giveUpAfter = 24 * time.Hour
	// enough failures in a row are told to the other channels.
	enough = 5
)

// tell makes a channel's next message if there is one to be made, and sends the one
// that waits.
func (e *Evaluator) tell(ctx context.Context, c Channel) error {
	if err := e.o.Store.MakeAlertMessage(ctx, c.Rule); err != nil {
		return err
	}
	claim, err := e.o.Store.ClaimAlertMessage(ctx, c.Rule.Channel, claimFor)
	if err != nil || claim == nil {
		return err
	}
	sending, cancel := context.WithTimeout(ctx, send.Within)
	_, err = c.Sender.Send(sending, shown(claim.Message, c.ShowAll))
	cancel()
	// Whatever happened is written down, even when the server stops now: else it
	// would be sent again.
	keeping, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWithin)
	defer cancel()
	dead := rightful.AlertChannelDead + c.Rule.Channel
	if err == nil {
		e.o.OnSent(c.To, ResultSent)
		return errors.Join(
			e.o.Store.SettleAlertMessage(keeping, rightful.AlertOutcome{Claim: *claim}),
			e.o.Store.ResolveAlerts(keeping, []string{dead}))
	}
	if ctx.Err() != nil {
		err = &send.Error{Message: "was interrupted"}
	}
	var failed *send.Error
	if !errors.As(err, &failed) {
		failed = &send.Error{Message: send.Clean(err.Error())}
	}
	now := e.o.Now()
	wait, result := backoff(claim.Failures, failed), ResultFailed
	giveUp := now.Sub(time.Unix(claim.Message.At, 0)) >= giveUpAfter
	if giveUp {
		result = ResultDead
	}
	e.o.OnSent(c.To, result)
	e.o.Logger.LogAttrs(keeping, slog.LevelWarn, "an alert message was not sent",
		slog.String("channel", c.Rule.Channel), slog.String("message", claim.Message.ID), slog.String("why", failed.Message), slog.Float64("again_in_seconds", wait.Seconds()))
	err = e.o.Store.SettleAlertMessage(keeping, rightful.AlertOutcome{
		Claim: *claim, Failed: failed.Message, NotBefore: now.Add(wait).Unix(), GiveUp: giveUp,
	})
	if err != nil || !failed.Permanent && claim.Failures+1 < enough {
		return err
	}
	return e.o.Store.RaiseAlerts(keeping, []rightful.Alert{{
		Key: dead, Kind: rightful.AlertDelivery, Severity: rightful.SeverityError, Title: "alerts do not reach a channel",
		Message: send.Clean(failed.Message), IDs: []rightful.Ref{{Type: "channel", ID: c.Rule.Channel}}, At: now.Unix(), Count: 1,
	}})
}

// backoff returns how long a channel is left alone after one more failure.
func backoff(failures int, failed *send.Error) time.Duration {
	wait := firstWait << min(failures, 10)
	if failed.Permanent {
		wait = send.LongestAfter
	}
	return max(min(wait, send.LongestAfter), failed.After)
}

// shown returns what a channel may see of a message.
func shown(m rightful.AlertMessage, all bool) rightful.AlertMessage {
	parts := make([]rightful.AlertPart, len(m.Parts))
	for i, p := range m.Parts {
		examples := make([]rightful.Alert, len(p.Examples))
		for j, a := range p.Examples {
			if !all {
				a.Message = ""
			}
			examples[j] = a
		}
		p.Examples = examples
		parts[i] = p
	}
	m.Parts = parts
	return m
}
