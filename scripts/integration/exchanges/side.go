package exchanges

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Side is one of the two servers.
type Side struct {
	// Address is host:port.
	Address string
	// Names are what variables of the script stand for here. In answers they are turned back, in this order.
	Names []Name
}

// Name is a variable, which the script has in braces, and what it stands for.
type Name struct{ Variable, Value string }

// Answer is what a server says to a request, with the names of the side turned back into variables.
type Answer struct {
	Status  int
	Headers map[string]string
	Body    string
}

// compared are the headers that are looked at. Lists of methods are sorted.
var compared = []string{"Content-Type", "Location", "Allow", "Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "X-Frame-Options"}

// Send sends a request on a connection of its own, path and headers as they are written. It sends it again while the server
// answers that a rebalance is under way: when it is does not depend on the request.
func (s *Side) Send(ctx context.Context, step Step) (Answer, error) {
	for {
		answer, err := s.send(ctx, step)
		if err != nil || !rebalancing(answer) {
			return answer, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return answer, fmt.Errorf("%s %s at %s: a rebalance without end: %w", step.Method, step.Path, s.Address, ctx.Err())
		}
	}
}

// rebalancing recognises Kafka Connect's answers while it distributes work, which have two wordings and two statuses.
func rebalancing(a Answer) bool {
	return a.Status >= 400 && (strings.Contains(a.Body, "a rebalance is expected") || strings.Contains(a.Body, "stale configuration"))
}

// pause is the time between two requests for what takes effect later: the API has no other way to wait than to ask again.
const pause = 50 * time.Millisecond

func (s *Side) send(ctx context.Context, step Step) (Answer, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return Answer{}, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	body := s.fill(step.Body)
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", step.Method, s.fill(step.Path), s.Address)
	typed := false
	for _, h := range step.Headers {
		typed = typed || strings.EqualFold(h[0], "Content-Type")
		if h[1] != "" { // an empty one is left out
			fmt.Fprintf(&text, "%s: %s\r\n", h[0], s.fill(h[1]))
		}
	}
	if step.HasBody {
		if !typed {
			text.WriteString("Content-Type: application/json\r\n")
		}
		fmt.Fprintf(&text, "Content-Length: %d\r\n", len(body))
	}
	text.WriteString("\r\n" + body)
	if _, err := io.WriteString(conn, text.String()); err != nil {
		return Answer{}, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: step.Method})
	if err != nil {
		return Answer{}, fmt.Errorf("%s %s: no answer: %w", step.Method, step.Path, err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return Answer{}, fmt.Errorf("%s %s: the answer is cut off: %w", step.Method, step.Path, err)
	}
	answer := Answer{Status: response.StatusCode, Headers: map[string]string{}, Body: s.unfill(string(content))}
	for _, name := range compared {
		if value := response.Header.Get(name); value != "" {
			if name == "Allow" || strings.HasSuffix(name, "Methods") {
				value = sorted(value)
			}
			answer.Headers[name] = s.unfill(value)
		}
	}
	return answer, nil
}

// sorted puts the elements of a list in order.
func sorted(list string) string {
	var elements []string
	for e := range strings.SplitSeq(list, ",") {
		elements = append(elements, strings.TrimSpace(e))
	}
	slices.Sort(elements)
	return strings.Join(elements, ", ")
}

// Await asks until the answer holds all that a step waits for.
func (s *Side) Await(ctx context.Context, step Step) error {
	last := "no answer"
	for {
		answer, err := s.Send(ctx, step)
		if err == nil {
			missing := slices.ContainsFunc(step.Until, func(word string) bool { return !strings.Contains(answer.Body, word) })
			if !missing {
				return nil
			}
			last = answer.Body
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("GET %s at %s never held %q, but %s", s.fill(step.Path), s.Address, step.Until, last)
		}
	}
}

// fill puts what variables stand for into a text of the script.
func (s *Side) fill(text string) string {
	for _, n := range s.Names {
		text = strings.ReplaceAll(text, "{"+n.Variable+"}", n.Value)
	}
	return text
}

// unfill turns what variables stand for back into them, so that the sides say the same.
func (s *Side) unfill(text string) string {
	text = strings.ReplaceAll(text, s.Address, "{address}")
	for _, n := range s.Names {
		text = strings.ReplaceAll(text, n.Value, "{"+n.Variable+"}")
	}
	return text
}
