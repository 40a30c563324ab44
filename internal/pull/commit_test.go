package pull

import (
	"context"
	"testing"
	"time"

	"rightful"
)

// keeping is a mirror that tells how many pages came in each transaction.
type keeping struct {
	rightful.MirrorStore
	transactions chan int
}

func (k keeping) Keep(_ context.Context, pages []rightful.MirrorPage) error {
	k.transactions <- len(pages)
	return nil
}

// TestPagesThatArriveTogether are kept in one transaction; who has enough of them, or is
// waited for, does not wait for more.
func TestPagesThatArriveTogether(t *testing.T) {
	t.Parallel()
	store := keeping{transactions: make(chan int, 10)}
	gathering, over := make(chan struct{}), make(chan struct{})
	c := newCommitter(store, func(ctx context.Context, d time.Duration) error {
		if d != gather {
			t.Errorf("it gathers for %v", d)
		}
		select {
		case gathering <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case <-over:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	begun := func() {
		t.Helper()
		select {
		case <-gathering:
		case n := <-store.transactions:
			t.Fatalf("%d pages were kept at once", n)
		}
	}
	c.add(rightful.MirrorPage{})
	begun()
	for range 4 {
		c.add(rightful.MirrorPage{})
	}
	over <- struct{}{}
	if n := <-store.transactions; n != 5 {
		t.Errorf("%d pages in one transaction", n)
	}
	c.add(rightful.MirrorPage{})
	begun()
	for range enough {
		c.add(rightful.MirrorPage{})
	}
	if n := <-store.transactions; n < enough {
		t.Errorf("%d pages were enough", n)
	}
	if err := c.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
}
