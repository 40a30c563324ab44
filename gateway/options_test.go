package gateway_test

import "regexp"

var pending = []*regexp.Regexp{regexp.MustCompile("^pending_")}
