package appprobe

import (
	"context"
	"errors"

	"rightful"
)

// Diagnose implements rightful.Diagnoser: it asks for the revision, and says
// which addresses cross a network in clear text. Whether the app answers for a
// user is the engine's to ask, who knows one.
func (r *Reader) Diagnose(ctx context.Context) []rightful.Diagnosis {
	var d []rightful.Diagnosis
	for _, setting := range r.ClearText() {
		d = append(d, rightful.Warn(setting, "asks over http:// across a network: answers and headers can be read and changed on the way", "use https://, or keep it inside a private network"))
	}
	revision, err := r.Revision(ctx)
	var own *rightful.Error
	switch {
	case errors.As(err, &own):
		return append(d, rightful.Fail(own.Place, own.Message, own.Hint))
	case err != nil:
		return append(d, rightful.Fail(place, err.Error(), ""))
	case revision == "":
		return append(d, rightful.Warn(place+".revision_url", "the running app's revision is not asked for", "set revision_url or revision_command, and expect_revision, to notice a deploy that was not applied"))
	}
	return append(d, rightful.OK(place+".revision_url", "the running app is revision "+revision))
}
