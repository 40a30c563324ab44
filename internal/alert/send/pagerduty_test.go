package send_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"rightful"
	"rightful/internal/alert/send"
)

// TestManyIncidentsEndInTheEnd: a message that ends more incidents than there is time
// for is got through with by trying again, each incident once; and the next message is
// sent from its beginning.
func TestManyIncidentsEndInTheEnd(t *testing.T) {
	t.Parallel()
	const many, atOnce = 60, 7 // incidents, and how many there is time for
	var (
		mu    sync.Mutex
		taken = map[string]int{} // by dedup_key
		left  int
		over  context.CancelFunc
	)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var event struct {
			Key string `json:"dedup_key"`
		}
		_ = json.NewDecoder(r.Body).Decode(&event)
		mu.Lock()
		defer mu.Unlock()
		if left == 0 {
			over() // in place of send.Within
			<-r.Context().Done()
			return
		}
		left--
		taken[event.Key]++
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(server.Close)
	s := send.NewPagerDuty(server.URL, "key")
	try := func(m rightful.AlertMessage) error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		mu.Lock()
		left, over = atOnce, cancel
		mu.Unlock()
		_, err := s.Send(ctx, m)
		return err
	}
	message := func(id string) rightful.AlertMessage {
		m := rightful.AlertMessage{ID: id, At: 1}
		for n := range many {
			m.Ended = append(m.Ended, fmt.Sprintf("msg_%s_%d", id, n))
		}
		return m
	}
	tries := 1
	for ; try(message("a")) != nil; tries++ {
		if tries > many {
			t.Fatalf("%d incidents are not ended by %d tries", many, tries)
		}
	}
	if want := (many + atOnce - 1) / atOnce; tries != want || len(taken) != many {
		t.Errorf("%d incidents ended with %d tries, want %d with %d", len(taken), tries, many, want)
	}
	if try(message("b")) == nil || try(message("c")) == nil {
		t.Fatal("the test is wrong: everything was sent at once")
	}
	if taken["rightful-msg_c_0"] != 1 {
		t.Error("another message was not begun at its beginning")
	}
	for key, n := range taken {
		if n != 1 {
			t.Errorf("%s was sent %d times", key, n)
		}
	}
}
