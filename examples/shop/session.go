package main

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// signedInFor is how long a cookie is good.
const signedInFor = 30 * 24 * time.Hour

// signIn gives the browser a cookie that says who it is, and that nobody else can
// write: user, end and their HMAC.
func (s *shop) signIn(w http.ResponseWriter, user int64) {
	said := strconv.FormatInt(user, 10) + "." + strconv.FormatInt(time.Now().Add(signedInFor).Unix(), 10)
	s.cookie(w, said+"."+s.mac(said), signedInFor)
}

func (s *shop) cookie(w http.ResponseWriter, value string, lasts time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: "shop", Value: value, Path: "/", MaxAge: int(lasts / time.Second),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(s.url, "https://"),
	})
}

// signedIn returns the user whom the cookie names, 0 for nobody.
func (s *shop) signedIn(r *http.Request) int64 {
	c, err := r.Cookie("shop")
	if err != nil {
		return 0
	}
	at := strings.LastIndexByte(c.Value, '.')
	if at < 0 || !hmac.Equal([]byte(s.mac(c.Value[:at])), []byte(c.Value[at+1:])) {
		return 0
	}
	id, end, _ := strings.Cut(c.Value[:at], ".")
	until, err := strconv.ParseInt(end, 10, 64)
	if err != nil || time.Now().Unix() > until {
		return 0
	}
	user, _ := strconv.ParseInt(id, 10, 64) // 0 is nobody
	return user
}

func (s *shop) mac(text string) string {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

// hashPassword returns salt and hash; with a salt that is kept, the same again.
func hashPassword(password, salt string) (string, error) {
	if salt == "" {
		salt = rand.Text()
	}
	key, err := pbkdf2.Key(sha256.New, password, []byte(salt), 600_000, 32)
	return salt + "$" + hex.EncodeToString(key), err
}

func samePassword(kept, password string) bool {
	salt, _, _ := strings.Cut(kept, "$")
	hash, err := hashPassword(password, salt)
	return err == nil && salt != "" && subtle.ConstantTimeCompare([]byte(hash), []byte(kept)) == 1
}
