package lead

import "sync"

// concurrency bounds calls to the bucket that one step makes at once.
const concurrency = 16

// parallel calls do for 0…n-1, a bounded number at a time, and waits for all.
func parallel(n int, do func(i int)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, concurrency)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			do(i)
		})
	}
	wg.Wait()
}
