package collect

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestTogetherAsksSeveralAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n = 3*width + 1
		var open, most atomic.Int32
		var counts []int
		answers := make([]int, n)
		start := time.Now()
		done, err := together(n, func(i int) error {
			now := open.Add(1)
			defer open.Add(-1)
			for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
			}
			time.Sleep(time.Second) // on the clock of synctest: nobody waits
			answers[i] = i + 1
			return nil
		}, func(count int) { counts = append(counts, count) })
		if err != nil || done != n || slices.Contains(answers, 0) {
			t.Errorf("%d done, %v, answers %v", done, err, answers)
		}
		if most.Load() != width || time.Since(start) != 4*time.Second {
			t.Errorf("%d at a time, %s in all", most.Load(), time.Since(start))
		}
		if len(counts) != n || !slices.IsSorted(counts) {
			t.Errorf("told %v", counts)
		}
	})
}

// TestTogetherFailsTheSameWay: whichever answer comes first, the failure that is
// told is the first in order, and everything before it was done.
func TestTogetherFailsTheSameWay(t *testing.T) {
	t.Parallel()
	for slow := range 4 {
		synctest.Test(t, func(t *testing.T) {
			var asked [100]atomic.Bool
			done, err := together(len(asked), func(i int) error {
				asked[i].Store(true)
				if i%4 == slow {
					time.Sleep(time.Duration(i+1) * time.Second) // on the clock of synctest: nobody waits
				}
				if i >= 2 && i <= 6 {
					return fmt.Errorf("thing %d", i)
				}
				return nil
			}, func(int) {})
			if done != 2 || err == nil || err.Error() != "thing 2" {
				t.Errorf("slow %d: %d done, %v", slow, done, err)
			}
			if !asked[0].Load() || !asked[1].Load() || asked[99].Load() {
				t.Errorf("slow %d: what came before was not done, or what came long after was", slow)
			}
		})
	}
	if done, err := together(0, func(int) error { return errors.New("asked") }, nil); done != 0 || err != nil {
		t.Errorf("nothing to do: %d, %v", done, err)
	}
}
