package demo

import (
	"encoding/json"
	"slices"
)

// planted is the situation after the causes were planted.
type planted struct {
	database  database
	stripe    map[string]any
	cache     map[string]string
	oldDeploy bool
}

// database is what the app's tables hold. Company 0 stands for none.
type database struct {
	belaCompany int64  // the direct column of user 7
	linked      string // company 11's customer, "" for none
	reflected   bool   // company 11's subscription has a row
}

// The founding incident's names.
const (
	belaUser     = "7"
	rightCompany = "11"
	wrongCompany = "4" // does not exist
	otherCompany = 12  // exists, and is somebody else's
	belaCustomer = "cus_S3belaPaying03"
	belaKey      = ":1:user_company_7"
)

// plant returns the founding incident with exactly these causes. What only
// follows from the wrong stamps (no link, no row: the webhook found no company
// to write to) comes and goes with them.
func plant(causes []Cause) planted {
	var world struct {
		Stripe map[string]any    `json:"stripe"`
		Cache  map[string]string `json:"cache"`
	}
	if err := json.Unmarshal(foundingIncident, &world); err != nil {
		panic("demo: the embedded world is broken: " + err.Error()) // a build defect, never input
	}
	p := planted{stripe: world.Stripe, cache: world.Cache, oldDeploy: slices.Contains(causes, CauseDeploy)}
	p.database = database{belaCompany: 11}
	if slices.Contains(causes, CauseDatabase) {
		p.database.belaCompany = otherCompany
	}
	if !slices.Contains(causes, CauseMetadata) {
		p.database.linked, p.database.reflected = belaCustomer, true
		restamp(p.stripe)
	}
	if !slices.Contains(causes, CauseCache) {
		p.cache[belaKey] = rightCompany
	}
	return p
}

// restamp puts the stamps of the incident right.
func restamp(stripe map[string]any) {
	for _, list := range stripe {
		objects, ok := list.([]any)
		if !ok {
			continue
		}
		for _, o := range objects {
			object, _ := o.(map[string]any)
			if metadata, ok := object["metadata"].(map[string]any); ok && metadata["company_id"] == wrongCompany {
				metadata["company_id"] = rightCompany
			}
		}
	}
}
