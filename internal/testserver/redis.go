package testserver

import (
	"context"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Database 0 of the server holds the claims: who uses which of the others.
const (
	redisTicket = "rightful:test:ticket"
	redisClaim  = "rightful:test:claim:"
)

// claimLasts is longer than any test: what is not given back is from a test
// that was killed.
const claimLasts = 30 * time.Minute

// Redis claims an empty logical Redis database for the test and returns its
// URL. Tests may run in parallel, in several processes: no other test gets the
// same database meanwhile. It is flushed and given back when the test ends.
func Redis(t testing.TB) string {
	t.Helper()
	server := address(t, "RIGHTFUL_TEST_REDIS")
	location, err := url.Parse(server)
	if err != nil {
		t.Fatal("RIGHTFUL_TEST_REDIS is not a URL") // its text may hold a password
	}
	options, err := redis.ParseURL(server)
	if err != nil {
		t.Fatal("RIGHTFUL_TEST_REDIS is not a redis:// URL")
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	options.DB = 0
	claims := redis.NewClient(options)
	t.Cleanup(func() { claims.Close() })

	number := claimRedis(ctx, t, claims)
	options.DB = number
	client := redis.NewClient(options)
	flush := func() {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		if err := client.FlushDB(ctx).Err(); err != nil {
			t.Errorf("flush Redis database %d: %v", number, err)
		}
	}
	flush() // a test that was killed leaves its keys behind
	t.Cleanup(func() {
		flush()
		client.Close()
		if err := claims.Del(context.Background(), redisClaim+strconv.Itoa(number)).Err(); err != nil {
			t.Errorf("give Redis database %d back: %v", number, err)
		}
	})
	location.Path = "/" + strconv.Itoa(number)
	return location.String()
}

// claimRedis takes the next database that nobody holds. A claim that is not
// given back runs out.
func claimRedis(ctx context.Context, t testing.TB, claims *redis.Client) int {
	t.Helper()
	config, err := claims.ConfigGet(ctx, "databases").Result()
	if err != nil {
		t.Fatal(err)
	}
	count, err := strconv.Atoi(config["databases"])
	if err != nil || count < 2 {
		t.Fatalf("Redis has %q databases, want at least 2", config["databases"])
	}
	for range count - 1 {
		ticket, err := claims.Incr(ctx, redisTicket).Result()
		if err != nil {
			t.Fatal(err)
		}
		number := 1 + int(ticket%int64(count-1))
		taken, err := claims.SetNX(ctx, redisClaim+strconv.Itoa(number), t.Name(), claimLasts).Result()
		if err != nil {
			t.Fatal(err)
		}
		if taken {
			return number
		}
	}
	t.Fatalf("all %d Redis databases are in use", count-1)
	return 0
}
