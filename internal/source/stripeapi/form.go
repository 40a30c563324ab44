package stripeapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"rightful"
)

// What an app may send along is bounded here, so that an error names the parameter
// and not a refused request. Stripe's own parameters go six levels deep.
const (
	deepestParam = 8
	mostParams   = 1000
	longestParam = 5000 // characters of one value; Stripe's limit for its longest texts
	longestName  = 100  // characters of one name; Stripe's longest have 48
	// exactFloat is the first number above which floats skip whole numbers.
	exactFloat = 1 << 53
)

// plainNumber is a number as it stands in a form: JSON's exponents are not.
var plainNumber = regexp.MustCompile(`^-?[0-9]{1,40}(\.[0-9]{1,40})?$`)

// encodeForm writes nested parameters as Stripe's form encoding: a[b]=v for maps,
// a[0]=v for lists. Names are sorted, so that the same parameters give the same
// text: an idempotency key stands for exactly that. A value that cannot be sent is
// an error of kind invalid that names the parameter.
func encodeForm(params map[string]any) (string, error) {
	f := former{}
	if err := f.hash("", reflect.ValueOf(params), 1); err != nil {
		return "", err
	}
	return f.text.String(), nil
}

type former struct {
	text  strings.Builder
	count int
}

func (f *former) hash(path string, v reflect.Value, depth int) error {
	names := map[string]reflect.Value{}
	for it := v.MapRange(); it.Next(); {
		name := it.Key().String()
		if name == "" || !utf8.ValidString(name) || utf8.RuneCountInString(name) > longestName || strings.ContainsAny(name, "[]") {
			return badParam(path, fmt.Sprintf("%.100q cannot be the name of a parameter", name))
		}
		names[name] = it.Value()
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		inner := name
		if path != "" {
			inner = path + "[" + name + "]"
		}
		if err := f.value(inner, names[name], depth); err != nil {
			return err
		}
	}
	return nil
}

func (f *former) value(path string, v reflect.Value, depth int) error {
	for v.Kind() == reflect.Interface && !v.IsNil() {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Map:
		if v.Type().Key().Kind() != reflect.String {
			return badParam(path, "a map has texts as its keys")
		}
		if depth == deepestParam {
			return badParam(path, fmt.Sprintf("it is nested deeper than %d levels", deepestParam))
		}
		return f.hash(path, v, depth+1)
	case reflect.Slice, reflect.Array:
		if depth == deepestParam {
			return badParam(path, fmt.Sprintf("it is nested deeper than %d levels", deepestParam))
		}
		for i := range v.Len() {
			if err := f.value(path+"["+strconv.Itoa(i)+"]", v.Index(i), depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	text, err := leaf(v)
	if err != "" {
		return badParam(path, err)
	}
	if f.count++; f.count > mostParams {
		return badParam(path, fmt.Sprintf("there are more than %d parameters", mostParams))
	}
	if f.text.Len() > 0 {
		f.text.WriteByte('&')
	}
	f.text.WriteString(url.QueryEscape(path))
	f.text.WriteByte('=')
	f.text.WriteString(url.QueryEscape(text))
	return nil
}

// leaf writes a value that holds no others, or says why it cannot be sent.
func leaf(v reflect.Value) (text, wrong string) {
	switch {
	case !v.IsValid():
		return "", "it has no value: leave the parameter out, or write an empty text to unset it"
	case v.Type() == reflect.TypeFor[json.Number]():
		if !plainNumber.MatchString(v.String()) {
			return "", "it is no plain number"
		}
		return v.String(), ""
	}
	switch v.Kind() {
	case reflect.String:
		text = v.String()
		switch {
		case !utf8.ValidString(text):
			return "", "it is no text"
		case utf8.RuneCountInString(text) > longestParam:
			return "", fmt.Sprintf("it is longer than %d characters", longestParam)
		}
		return text, ""
	case reflect.Bool:
		return strconv.FormatBool(v.Bool()), ""
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), ""
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10), ""
	case reflect.Float32, reflect.Float64:
		n, bits := v.Float(), v.Type().Bits()
		if math.IsNaN(n) || math.Abs(n) >= exactFloat {
			return "", "it is no number that can be written exactly"
		}
		return strconv.FormatFloat(n, 'f', -1, bits), ""
	case reflect.Interface:
		return "", "it has no value: leave the parameter out, or write an empty text to unset it"
	}
	return "", fmt.Sprintf("a %s cannot be sent", v.Type())
}

func badParam(path, why string) error {
	message := "parameter " + path + ": " + why
	if path == "" {
		message = why
	}
	return &rightful.Error{Kind: rightful.KindInvalid, Place: "stripe", Message: message, Hint: "parameters are texts, numbers, booleans, and lists and maps of them"}
}
