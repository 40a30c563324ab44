package accept

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// block writes entries as items of a YAML list. It is written by hand, so that
// whatever a database or a cache holds stays one quoted value. indent stands
// before each line, as it does in the list that they are added to.
func block(list List, indent string) []byte {
	var b bytes.Buffer
	for _, e := range Sorted(list) {
		fmt.Fprintf(&b, "%s- finding: %s\n", indent, e.Finding)
		for _, line := range []struct{ key, value string }{
			{"code", string(e.Code)},
			{"object", fmt.Sprintf("{type: %s, id: %s}", quote(e.Object.Type), quote(e.Object.ID))},
			{"account", quote(e.Account)},
			{"livemode", fmt.Sprint(e.Livemode)},
			{"severity", string(e.Severity)},
			{"security", fmt.Sprint(e.Security)},
			{"wrong_value", quoteOrNull(e.WrongValue)},
			{"rightful_company", quoteOrNull(e.RightfulCompany)},
			{"reason", quote(e.Reason)},
			{"by", quote(e.By)},
			{"at", e.At},
			{"until", e.Until},
		} {
			fmt.Fprintf(&b, "%s  %s: %s\n", indent, line.key, line.value)
		}
	}
	return b.Bytes()
}

// quote writes text as JSON does, which is YAML's double-quoted form.
func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic("accept: a string cannot be written as JSON: " + err.Error())
	}
	return string(bytes.TrimSpace(b.Bytes()))
}

func quoteOrNull(s *string) string {
	if s == nil {
		return "null"
	}
	return quote(*s)
}
