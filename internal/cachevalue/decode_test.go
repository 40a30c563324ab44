package cachevalue_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"rightful/internal/cachevalue"
)

func TestValue(t *testing.T) {
	t.Parallel()
	tests := []struct{ decode, raw, id, why string }{
		{"", "4", "4", ""},
		{"text", "4", "4", ""},
		{"text", " 4", " 4", ""}, // nothing is trimmed
		{"text", "café", "café", ""},
		{"text", strings.Repeat("x", 512), strings.Repeat("x", 512), ""},
		{"text", strings.Repeat("x", 513), "", "longer than 512"},
		{"text", "", "", "empty"},
		{"text", `"4"`, "", "json:$"},
		{"text", `{"company":4}`, "", "JSON"},
		{"text", `[4]`, "", "JSON"},
		{"text", "null", "", "word for nothing"},
		{"text", "None", "", "word for nothing"},
		{"text", "4\n", "", "control"},
		{"text", "\x04\x08i\x09", "", "control"},
		{"text", "\x80\x04K\x04.", "", "pickled"},
		{"text", "\xac\xed\x00", "", "binary"},
		{"text", "i:4;", "", "PHP"},
		{"text", `s:1:"4";`, "", "PHP"},
		{"text", "N;", "", "PHP"},
		{"text", "s:company", "s:company", ""},
		{"json:$", `"4"`, "4", ""},
		{"json:$", `4`, "4", ""},
		{"json:$", `""`, "", "empty"},
		{"json:$", `"null"`, "null", ""},
		{"json:company.id", `{"company":{"id":900719925474099312}}`, "900719925474099312", ""},
		{"json:company.id", `{"company":{"id":null}}`, "", "null"},
		{"json:company.id", `{"company":{}}`, "", "nothing at the path"},
		{"json:company", `{"company":{}}`, "", "neither"},
		{"json:company", `{company: 4}`, "", "not JSON"},
		{"json:$", `"` + strings.Repeat("x", 513) + `"`, "", "longer"},
		{"json:$", `"{\"id\":4}"`, "", "JSON"}, // wrapped twice
		{"hash:company_id", "4", "4", ""},
		{"text", "false", "", "true or false"},
		{"text", "NaN", "", "word for nothing"},
		{"text", "\ufeff4", "", "byte order mark"},
		{"text", "K7.", "", "pickled"},
		{"text", "N.", "", "pickled"},
		{"text", "M12.", "", "pickled"},
		{"text", "J1234.", "", "pickled"},
		{"text", "Jean.", "Jean.", ""},
		{"text", "O:8:\"stdClass\":0:{}", "", "PHP"},
	}
	for _, tt := range tests {
		decode, err := cachevalue.ParseDecode(tt.decode)
		if err != nil {
			t.Fatal(err)
		}
		id, why := decode.Value(tt.raw)
		if id != tt.id || (why == "") != (tt.why == "") || !strings.Contains(why, tt.why) {
			t.Errorf("%s of %q: got %q, %q; want %q, %q", tt.decode, tt.raw, id, why, tt.id, tt.why)
		}
	}
}

func TestParseDecode(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{"Text", "text:x", "json", "json:", "json:a..b", "hash", "hash:", "msgpack", "php:", "pickle:x"} {
		if _, err := cachevalue.ParseDecode(setting); err == nil {
			t.Errorf("%q is accepted", setting)
		}
	}
	decode, err := cachevalue.ParseDecode("hash:a:b")
	if err != nil || decode.HashField() != "a:b" {
		t.Errorf("got field %q, %v", decode.HashField(), err)
	}
}

// TestPHP reads what PHP's serialize writes, and Laravel's bare numbers.
func TestPHP(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`s:2:"11";`:   "11",
		`i:11;`:       "11",
		`i:-5;`:       "-5",
		`11`:          "11",
		`s:5:"café";`: "café", // lengths are in bytes
		`s:4:"a";b";`: `a";b`, // and quotes are not escaped
		`s:36:"0c6c1b0e-1b7c-4a53-9f0e-3b2f1c9d7a11";`: "0c6c1b0e-1b7c-4a53-9f0e-3b2f1c9d7a11",
		`s:3:"11";`:                "",
		`s:02:"11";`:               "",
		`s:-1:"";`:                 "",
		`s:0:"";`:                  "",
		`s:2:"11"`:                 "",
		`s:2:"11";i:4;`:            "",
		`s:2:'11';`:                "",
		`s:9:"s:2:"11";";`:         "", // wrapped twice
		`S:2:"11";`:                "",
		`i:+5;`:                    "",
		`i:;`:                      "",
		`i:1.5;`:                   "",
		`d:11;`:                    "",
		`b:1;`:                     "",
		`N;`:                       "",
		`a:1:{i:0;i:11;}`:          "",
		`O:1:"A":0:{}`:             "",
		`"11"`:                     "",
		`company`:                  "",
		``:                         "",
		"s:3:\"1\n2\";":            "",
		"\x00\x00\x00\x02\x06\x0b": "", // igbinary
	} {
		expect(t, "php", raw, want)
	}
}

// TestPickle reads what Python's pickle.dumps writes in each protocol, and
// Django's bare integers. None of these bytes is a program that is run.
func TestPickle(t *testing.T) {
	t.Parallel()
	const uuid = "0c6c1b0e-1b7c-4a53-9f0e-3b2f1c9d7a11"
	for raw, want := range map[string]string{
		"11":             "11",
		"I11\n.":         "11",
		"I-5\n.":         "-5",
		"K\x0b.":         "11",
		"K\xff.":         "255",
		"M,\x01.":        "300",
		"\x80\x02K\x0b.": "11",
		"\x80\x05K\x0b.": "11",
		"\x80\x05\x95\x04\x00\x00\x00\x00\x00\x00\x00M,\x01.":                                    "300",
		"\x80\x04\x95\x06\x00\x00\x00\x00\x00\x00\x00Jp\x11\x01\x00.":                            "70000",
		"\x80\x04\x95\x06\x00\x00\x00\x00\x00\x00\x00J\xfb\xff\xff\xff.":                         "-5",
		"L900719925474099312345L\n.":                                                             "900719925474099312345",
		"\x80\x03\x8a\x09\xd9\xb6\x01\x00\x00\x00\x00\xd40.":                                     "900719925474099312345",
		"\x80\x05\x95\x0c\x00\x00\x00\x00\x00\x00\x00\x8a\x09\xd9\xb6\x01\x00\x00\x00\x00\xd40.": "900719925474099312345",
		"\x80\x02\x8a\x01\xfb.":                                                                  "-5",
		"V11\np0\n.":                                                                             "11",
		"X\x02\x00\x00\x0011q\x00.":                                                              "11",
		"\x80\x02U\x0211q\x00.":                                                                  "11", // a str of Python 2
		"\x80\x02X\x05\x00\x00\x00caf\xc3\xa9q\x00.":                                             "café",
		"\x80\x03X\x02\x00\x00\x0011r\x00\x01\x00\x00.":                                          "11",
		"\x80\x04\x95(\x00\x00\x00\x00\x00\x00\x00\x8c$" + uuid + "\x94.":                        uuid,
		"\x80\x05\x95(\x00\x00\x00\x00\x00\x00\x00\x8c$" + uuid + "\x94.":                        uuid,
		// Something else, or broken.
		"":                                 "",
		"N.":                               "",
		"I01\n.":                           "", // True
		"\x80\x02\x88.":                    "", // True
		"F1.5\n.":                          "",
		"G?\xf8\x00\x00\x00\x00\x00\x00.":  "",
		"\x80\x03C\x0211q\x00.":            "", // bytes
		"]q\x00X\x02\x00\x00\x0011q\x01a.": "", // a list
		"(lp0\nV11\np1\na.":                "",
		"cos\nsystem\n(S'id'\ntR.":         "", // runs a command, where it is run
		"\x80\x04\x95 \x00\x00\x00\x00\x00\x00\x00\x8c\x04uuid\x94\x8c\x04UUID\x94\x93\x94)\x81\x94}\x94\x8c\x03int\x94K\x05sb.": "",
		"\x80\x06K\x0b.": "", // a protocol that is not known
		"\x80\x05\x95\x05\x00\x00\x00\x00\x00\x00\x00M,\x01.": "", // a frame of another length
		"\x80\x05K\x0b":            "", // cut off
		"\x80\x05K\x0b..":          "",
		"K\x0bK\x0b.":              "",
		"\x80":                     "",
		"\x8c\xff11.":              "",
		"X\xff\xff\xff\xff11.":     "",
		"X\x02\x00\x00\x0011q":     "",
		"\x8a\xff.":                "",
		"V\\u0031\n.":              "", // escapes are not read
		"Vcaf\xe9\n.":              "",
		"I\n.":                     "",
		"L11\n.":                   "",
		"company":                  "",
		"\x8c\x02\xff\xfe\x94.":    "",
		"\x8c\x00\x94.":            "",
		"\x8c\x09s:2:\"11\";\x94.": "", // wrapped twice
		"x\x9c\xab\x56":            "", // zlib, as django-redis can compress
		"\xcc\x80\xa211":           "", // MessagePack of Rails
	} {
		expect(t, "pickle", raw, want)
	}
	expect(t, "pickle", "\x80\x02X\x00\x02\x00\x00"+strings.Repeat("x", 512)+"q\x00.", strings.Repeat("x", 512))
	expect(t, "pickle", "\x80\x02X\x01\x02\x00\x00"+strings.Repeat("x", 513)+"q\x00.", "")
	expect(t, "pickle", "V"+strings.Repeat("x", 1<<20)+"\n.", "")
}

// TestOtherFrameworks: what other libraries write is no text.
func TestOtherFrameworks(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"Rails 6, Marshal of an entry":   "\x04\bo: ActiveSupport::Cache::Entry\t:\v@valueI\"\a11\x06:\x06ET",
		"Rails 7.0, Marshal of an array": "\x00\x04\b[\bI\"\a11\x06:\x06ETf\x060i\x00",
		"Rails 7.1, an entry":            "\x00\x11\x81\x00\x00\x00\x00\x00\x00\xf0\xbf\xff\xff\xff\xff11",
		"Ruby, Marshal of a text":        "\x04\bI\"\a11\x06:\x06ET",
		"MessagePack, a text":            "\xa211",
		"Django, a pickled text":         "\x80\x05\x95\x06\x00\x00\x00\x00\x00\x00\x00\x8c\x0211\x94.",
		"django-redis, compressed":       "x\x9ck`\x99*\xcd\x00\x01=\xd2\x86\x86S\xf4\x00\x1f\xdb\x04\x01",
		"Flask-Caching, a pickled text":  "!\x80\x05\x8c\x0211\x94.",
		"Laravel, a text":                `s:7:"company";`,
		"PHP, igbinary":                  "\x00\x00\x00\x02\x11\x0211",
		"Java":                           "\xac\xed\x00\x05t\x00\x0211",
		"Spring with type names":         `["java.lang.Long",11]`,
		"Node, JSON":                     `"11"`,
		"Node, an object as a text":      "[object Object]",
		"Node, v8.serialize":             "\xff\x0f\"\x0211",
		"Erlang":                         "\x83m\x00\x00\x00\x0211",
		"Go, gob":                        "\x05\x0c\x00\x0211",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expect(t, "text", raw, "")
		})
	}
}

// expect decodes raw; an empty want is undecodable.
func expect(t *testing.T, setting, raw, want string) {
	t.Helper()
	decode, err := cachevalue.ParseDecode(setting)
	if err != nil {
		t.Fatal(err)
	}
	id, why := decode.Value(raw)
	if id != want || (why == "") != (want != "") {
		t.Errorf("%s of %.80q: got %q, %q; want %q", setting, raw, id, why, want)
	}
}

// FuzzValue: whatever the bytes, there is an id that can be shown or a reason.
func FuzzValue(f *testing.F) {
	for _, raw := range []string{"11", `s:2:"11";`, "\x80\x04\x95\x06\x00\x00\x00\x00\x00\x00\x00\x8c\x0211\x94.", `{"id":[1]}`, "L1L\n.", "\x8a\x01\xfb."} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		for _, setting := range []string{"text", "json:id", "php", "pickle"} {
			decode, err := cachevalue.ParseDecode(setting)
			if err != nil {
				t.Fatal(err)
			}
			id, why := decode.Value(raw)
			if (id == "") == (why == "") || len(id) > 512 || !utf8.ValidString(id) {
				t.Errorf("%s of %q: got %q, %q", setting, raw, id, why)
			}
		}
	})
}
