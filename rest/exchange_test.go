package rest_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestExchanges runs each file of testdata against a worker. A file holds exchanges:
//
//	# a comment
//	> PUT /connectors/a/config                 the request line, sent as it is
//	> Content-Type: application/json           its headers; Host, Content-Length and Connection: close are added
//	>
//	> {"topic": "t"}                           its body
//	< 201                                      the status
//	< Location: http://{host}/connectors/a     headers that the answer must have
//	< !Allow                                   headers that it must not have
//	<
//	< {"name":"a",…}                           its body; … stands for any text, no body for an empty one
//
// A request line that begins with >~ is sent again until the answer fits, for what takes effect later. {host} is the server,
// {worker} the worker's id, {run} a text of this run alone, for what outlives a connector, {10MiB} that many spaces.
func TestExchanges(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			values := strings.NewReplacer("{host}", shared.address, "{worker}", workerID, "{run}", rand.Text(), "{10MiB}", strings.Repeat(" ", 10<<20))
			for _, e := range parseExchanges(t, string(text), values) {
				e.run(t, file)
			}
		})
	}
}

// exchange is a request and the answer that it must have.
type exchange struct {
	line    int
	repeat  bool
	request []byte

	method  string
	status  int
	headers []string
	body    string
}

func parseExchanges(t *testing.T, text string, values *strings.Replacer) []exchange {
	t.Helper()
	var all []exchange
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); {
		if lines[i] == "" || strings.HasPrefix(lines[i], "#") {
			i++
			continue
		}
		e := exchange{line: i + 1, repeat: strings.HasPrefix(lines[i], ">~ ")}
		lines[i] = strings.Replace(lines[i], ">~ ", "> ", 1)
		var asked, answered []string
		asked, i = block(lines, i, ">")
		answered, i = block(lines, i, "<")
		if len(asked) == 0 || len(answered) == 0 {
			t.Fatalf("line %d: an exchange is lines that begin with > and lines that begin with <", e.line)
		}
		e.parseRequest(asked, values)
		e.parseAnswer(t, answered, values)
		all = append(all, e)
	}
	return all
}

// block takes the lines that begin with a mark.
func block(lines []string, i int, mark string) (taken []string, next int) {
	for ; i < len(lines) && strings.HasPrefix(lines[i], mark); i++ {
		taken = append(taken, strings.TrimPrefix(strings.TrimPrefix(lines[i], mark), " "))
	}
	return taken, i
}

func (e *exchange) parseRequest(lines []string, values *strings.Replacer) {
	head, body, hasBody := cut(lines)
	e.method, _, _ = strings.Cut(head[0], " ")
	given := strings.ToLower("\n" + strings.Join(head[1:], "\n"))
	newline := "\n"
	if strings.Contains(given, "\ntransfer-encoding:") {
		newline = "\r\n" // chunks are protocol, not text
	}
	text := values.Replace(strings.Join(body, newline))

	var b bytes.Buffer
	fmt.Fprintf(&b, "%s HTTP/1.1\r\n", values.Replace(head[0]))
	for _, header := range head[1:] {
		fmt.Fprintf(&b, "%s\r\n", values.Replace(header))
	}
	if !strings.Contains(given, "\nhost:") {
		fmt.Fprintf(&b, "Host: %s\r\n", values.Replace("{host}"))
	}
	if hasBody && newline == "\n" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(text))
	}
	if !strings.Contains(given, "\nconnection:") {
		fmt.Fprintf(&b, "Connection: close\r\n")
	}
	b.WriteString("\r\n" + text)
	e.request = b.Bytes()
}

func (e *exchange) parseAnswer(t *testing.T, lines []string, values *strings.Replacer) {
	t.Helper()
	head, body, _ := cut(lines)
	status, err := strconv.Atoi(head[0])
	if err != nil {
		t.Fatalf("line %d: an answer begins with a status, not %q", e.line, head[0])
	}
	e.status = status
	for _, header := range head[1:] {
		e.headers = append(e.headers, values.Replace(header))
	}
	e.body = values.Replace(strings.Join(body, "\n"))
}

// cut separates a head from a body at the first empty line.
func cut(lines []string) (head, body []string, hasBody bool) {
	for i, line := range lines {
		if line == "" {
			return lines[:i], lines[i+1:], true
		}
	}
	return lines, nil, false
}

func (e *exchange) run(t *testing.T, file string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		problem := e.try()
		if problem == "" {
			return
		}
		if !e.repeat || time.Now().After(deadline) {
			t.Fatalf("%s:%d: %s", file, e.line, problem)
		}
		time.Sleep(20 * time.Millisecond) // the API has no other way to wait than to ask again
	}
}

// try sends the request and says what is wrong with the answer.
func (e *exchange) try() string {
	response, body, err := send(e.request, e.method)
	if err != nil {
		return err.Error()
	}
	var wrong []string
	if response.StatusCode != e.status {
		wrong = append(wrong, fmt.Sprintf("status %d, want %d", response.StatusCode, e.status))
	}
	for _, header := range e.headers {
		if wrongHeader := checkHeader(response.Header, header); wrongHeader != "" {
			wrong = append(wrong, wrongHeader)
		}
	}
	if !matches(e.body, body) {
		wrong = append(wrong, fmt.Sprintf("body\n\t%s\nwant\n\t%s", body, e.body))
	}
	if len(wrong) == 0 {
		return ""
	}
	return fmt.Sprintf("%s\n%s\nthe answer is %s %v\n%s", e.request[:min(len(e.request), 500)], strings.Join(wrong, "\n"), response.Status, response.Header, body)
}

func checkHeader(h http.Header, want string) string {
	name, value, ok := strings.Cut(want, ": ")
	if absent, isAbsent := strings.CutPrefix(name, "!"); isAbsent {
		if h.Values(absent) != nil {
			return fmt.Sprintf("has the header %s: %s", absent, h.Get(absent))
		}
		return ""
	}
	if !ok || h.Values(name) == nil || !matches(value, h.Get(name)) {
		return fmt.Sprintf("header %s is %q, want %q", name, h.Values(name), value)
	}
	return ""
}

// matches compares with a pattern in which … stands for any text.
func matches(pattern, text string) bool {
	parts := strings.Split(pattern, "…")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(`\A(?s:` + strings.Join(parts, ".*") + `)\z`).MatchString(text)
}

// send sends the bytes of a request on a connection of its own.
func send(request []byte, method string) (*http.Response, string, error) {
	conn, err := net.Dial("tcp", shared.address)
	if err != nil {
		return nil, "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return nil, "", err
	}
	written := make(chan error, 1)
	go func() { // a server may answer, and stop to read, before it has all
		_, err := conn.Write(request)
		written <- err
	}()
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return nil, "", fmt.Errorf("no answer: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, "", fmt.Errorf("the answer is cut off: %w", err)
	}
	conn.Close()
	<-written
	return response, string(body), nil
}
