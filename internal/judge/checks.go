package judge

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"rightful"
)

// checks is every check, in the order in which they report. To add one: give
// its code a row in the root package's code.go, write the function in the file
// of its family of codes, add it here, and write its page in docs/checks.
var checks = []func(*judge){
	(*judge).checkStamps,
	(*judge).checkOtherKeys,
	(*judge).checkCheckouts,
	(*judge).checkLinkers,
	(*judge).checkEmptyLinks,
	(*judge).checkLinkPlaces,
	(*judge).checkSchedules,
	(*judge).checkCustomers,
	(*judge).checkPaysTwice,
	(*judge).checkDangling,
	(*judge).checkReflection,
	(*judge).checkRows,
	(*judge).checkPayers,
	(*judge).checkEnded,
	(*judge).checkOpenSessions,
	(*judge).checkMethods,
	(*judge).checkReturned,
	(*judge).checkAdopted,
	(*judge).checkTyped,
	(*judge).checkNobody,
	(*judge).checkDeletedPays,
	(*judge).checkHolders,
	(*judge).checkUsers,
	(*judge).checkCache,
	(*judge).checkDeploy,
	(*judge).checkForeign,
	(*judge).checkAccounts,
	(*judge).checkDelivery,
}

// report adds a finding; to the muted ones when its code is off. Title, account and id are
// filled here, so that every check gives them alike.
func (j *judge) report(f rightful.Finding) {
	info, known := rightful.CodeNamed(f.Code)
	if !known {
		panic("judge: finding with an unknown code " + string(f.Code))
	}
	f.Title = info.Title
	if f.Severity == "" {
		f.Severity = info.Severity
	}
	if s, ok := j.rules.Severity[f.Code]; ok {
		f.Severity = s
	}
	f.Account = j.sit.Account.ID
	f.Livemode = j.sit.Account.Livemode
	f.ID = findingID(f)
	f.Also = tidy(f.Also, f.Object.ID)
	f.Evidence = distinct(f.Evidence)
	if j.merge(f) {
		return
	}
	if j.rules.Off[f.Code] {
		j.muted = append(j.muted, f)
		return
	}
	j.findings = append(j.findings, f)
}

// merge puts a finding into the one that was reported with the same id, and
// reports whether there was one: one code says one thing about one object. Two
// that propose different writes leave the choice to a person.
func (j *judge) merge(f rightful.Finding) bool {
	at, known := j.reported[f.ID]
	if !known {
		if j.reported == nil {
			j.reported = map[string]*[]rightful.Finding{}
		}
		list := &j.findings
		if j.rules.Off[f.Code] {
			list = &j.muted
		}
		j.reported[f.ID] = list
		return false
	}
	i := slices.IndexFunc(*at, func(have rightful.Finding) bool { return have.ID == f.ID })
	first := &(*at)[i]
	first.Message += " Also: " + f.Message
	first.Also = tidy(slices.Concat(first.Also, f.Also), f.Object.ID)
	first.Evidence = distinct(slices.Concat(first.Evidence, f.Evidence))
	if first.Automatic || f.Automatic {
		first.Automatic, first.Proposal, first.Why = false, nil, "there are several proposals for the same place: a person decides"
	}
	if rank(f.Severity) < rank(first.Severity) {
		first.Severity = f.Severity
	}
	first.Security = first.Security || f.Security
	return true
}

// findingID is stable between runs: it depends on the code, the account and the
// object, never on what else was found.
func findingID(f rightful.Finding) string {
	mode := "test"
	if f.Livemode {
		mode = "live"
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{string(f.Code), f.Account, mode, f.Object.Type, f.Object.ID}, "\x00")))
	return string(f.Code) + "-" + hex.EncodeToString(sum[:5])
}

// tidy sorts the other ids of a finding and drops doubles and blanks.
func tidy(ids []string, own string) []string {
	out := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == "" || id == own })
	slices.Sort(out)
	out = slices.Compact(out)
	if out == nil {
		out = []string{}
	}
	return out
}

// distinct drops repeated statements and keeps the order.
func distinct(signals []rightful.Signal) []rightful.Signal {
	out := make([]rightful.Signal, 0, len(signals))
	for _, s := range signals {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
