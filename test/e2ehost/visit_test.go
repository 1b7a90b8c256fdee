package e2ehost

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/kubectl-fed/kubectl-fed/test/e2e/script"
)

const (
	visitEvery = 50 * time.Millisecond
	visitMost  = 10 * time.Minute
)

// visit is a program for scripts: visit -until FILE URL... asks for each URL
// twenty times a second, each time on a new connection, until FILE exists. Then
// it prints a line for each: "URL: N answered, none failed", "…, then M failed"
// when no answer came after the first failure, or "…, M failed in between", and
// when and how it first failed. Only a 200 is an answer.
func visit() {
	until := flag.String("until", "", "file that ends it")
	flag.Parse()
	visits := make([]visits, flag.NArg())
	var asking sync.WaitGroup
	for i := range visits {
		visits[i].url = flag.Arg(i)
		asking.Go(func() { visits[i].run(*until) })
	}
	asking.Wait()
	for _, v := range visits {
		fmt.Println(v)
	}
}

// visits to one URL.
type visits struct {
	url              string
	answered, failed int
	between          bool // an answer came after a failure
	first            string
}

func (v *visits) run(until string) {
	tick := time.NewTicker(visitEvery)
	defer tick.Stop()
	for end := time.Now().Add(visitMost); time.Now().Before(end); <-tick.C {
		v.add(time.Now(), script.Question{URL: v.url}.Ask())
		if _, err := os.Stat(until); !errors.Is(err, os.ErrNotExist) {
			return
		}
	}
}

func (v *visits) add(at time.Time, answer string) {
	if strings.HasPrefix(answer, "200 ") {
		v.answered, v.between = v.answered+1, v.failed > 0
		return
	}
	if v.failed++; v.failed == 1 {
		v.first = at.Format("15:04:05.000") + " " + answer
	}
}

func (v visits) String() string {
	switch {
	case v.failed == 0:
		return fmt.Sprintf("%s: %d answered, none failed", v.url, v.answered)
	case v.between:
		return fmt.Sprintf("%s: %d answered, %d failed in between: %s", v.url, v.answered, v.failed, v.first)
	}
	return fmt.Sprintf("%s: %d answered, then %d failed: %s", v.url, v.answered, v.failed, v.first)
}
