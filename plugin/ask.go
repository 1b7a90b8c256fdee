package plugin

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"k8s.io/cli-runtime/pkg/printers"
)

// asks says whether there is somebody to ask.
func (s *session) asks() bool { return printers.IsTerminal(s.In) }

// ask puts a question and returns the answer, trimmed.
func (s *session) ask(question string) (string, error) {
	fmt.Fprint(s.ErrOut, question+" ")
	line, err := bufio.NewReader(s.In).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return strings.TrimSpace(line), nil
}

// confirm asks for a yes, or demands --yes where nobody can be asked.
func (s *session) confirm(yes bool, what string) error {
	if yes {
		return nil
	}
	if !s.asks() {
		return fmt.Errorf("%s: say --yes, as there is no terminal to ask on", what)
	}
	answer, err := s.ask(what + ". Go on? [y/N]")
	if err != nil {
		return err
	}
	if a := strings.ToLower(answer); a != "y" && a != "yes" {
		return errors.New("nothing was done")
	}
	return nil
}
