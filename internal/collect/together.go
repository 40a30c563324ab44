package collect

import "sync"

// width is how many questions are asked at a time where each is a request of
// its own. A source that allows fewer holds the others back itself.
const width = 8

// together calls do for each of n things, width at a time. After a failure no
// further ones begin. It returns the first error in the order of the things,
// and how many before it were done, all of them: what is kept does not depend
// on which answer came first.
//
// done is told how many succeeded; one call at a time.
func together(n int, do func(i int) error, done func(count int)) (int, error) {
	var mu sync.Mutex
	next, count, first := 0, 0, n
	var failed error
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if failed != nil || next == n {
			return 0, false
		}
		next++
		return next - 1, true
	}
	settle := func(i int, err error) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			count++
			done(count)
		case i < first:
			first, failed = i, err
		}
	}
	var wg sync.WaitGroup
	for range min(width, n) {
		wg.Go(func() {
			for i, more := take(); more; i, more = take() {
				settle(i, do(i))
			}
		})
	}
	wg.Wait()
	return first, failed
}
