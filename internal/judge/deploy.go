package judge

import (
	"fmt"
	"maps"
	"slices"

	"rightful"
)

// checkDeploy compares what the running app answers with the resolver over the
// database: RF802, RF803.
func (j *judge) checkDeploy() {
	p := j.sit.Probe
	if p == nil {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(p.Users)) {
		answer := p.Users[id]
		u := j.users[id]
		if answer.Failed != "" || u == nil || u.Inactive || j.sit.Mapping.Resolver == rightful.ResolverNone {
			continue
		}
		w := j.waysNow(id)
		if ok, expected := j.appAgrees(answer, w); !ok {
			j.report(rightful.Finding{
				Code:       rightful.CodeDeployOther,
				Message:    fmt.Sprintf("the running app sends user %s to %s; the resolver over the database says %s.", u.ID, orNoCompany(answer.CompanyID), expected),
				Object:     rightful.Ref{Type: rightful.RefUser, ID: u.ID},
				CompanyID:  ptr(answer.CompanyID),
				WrongValue: ptr(answer.CompanyID),
				Evidence: append([]rightful.Signal{{
					Place: "app:users/" + u.ID, Says: answer.CompanyID,
					Voice: "app", Strength: rightful.Strong, AsOf: j.sit.Now,
				}}, j.waySignals(u.ID, w)...),
				Why: "deploying is a person's decision",
			})
		}
	}
	if p.ExpectedRevision != "" && p.Revision != "" && p.Revision != p.ExpectedRevision {
		j.report(rightful.Finding{
			Code:       rightful.CodeDeployRevision,
			Message:    fmt.Sprintf("the running app is revision %s; %s is expected.", p.Revision, p.ExpectedRevision),
			Object:     rightful.Ref{Type: rightful.RefRevision, ID: p.Revision},
			WrongValue: ptr(p.Revision),
			Evidence: []rightful.Signal{{
				Place: "app:revision", Says: p.Revision, Voice: "app", Strength: rightful.Strong, AsOf: j.sit.Now,
			}},
			Why: "deploying is a person's decision",
		})
	}
}

// appAgrees reports whether the app's answer is what the resolver says. Where
// the resolver names no single company, any company of the user will do.
func (j *judge) appAgrees(a rightful.ProbeAnswer, w Ways) (ok bool, expected string) {
	if w.Resolver != "" {
		return rightful.SameID(a.CompanyID, w.Resolver), j.name(w.Resolver)
	}
	all := w.All()
	if len(all) == 0 && w.Ambiguous {
		return true, ""
	}
	if len(all) == 0 {
		return a.CompanyID == "", "no company"
	}
	return slices.Contains(all, rightful.CanonicalID(a.CompanyID)), fmt.Sprintf("one of %v", all)
}

func orNoCompany(id string) string {
	if id == "" {
		return "no company"
	}
	return "company " + id
}
