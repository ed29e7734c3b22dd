package cli_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/outboard-connect/outboard/host/internal/cli"
)

// patience is how long a script waits for what should happen at once; only a broken worker makes it wait.
const patience = time.Minute

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		// As main does.
		"outboard": func() {
			signals := make(chan os.Signal, 2)
			signal.Notify(signals, cli.StopSignals()...)
			os.Exit(cli.Run(signals, os.Args[1:], os.Stdout, os.Stderr))
		},
	})
}

// TestScripts runs testdata/script. Beside testscript's own commands there are:
//
//	kafka                          starts an embedded Kafka of the test's own at $KAFKA
//	start NAME COMMAND ARG…        starts a process; what it prints goes to the files NAME.out and NAME.err
//	rest-of NAME                   waits until the process listens; sets $REST
//	signal NAME INT|TERM|KILL      sends it a signal
//	ended NAME CODE                waits for its end and compares its exit code
//	code CODE COMMAND ARG…         runs a process to its end and compares its exit code; stdout and stderr go to the files out and err
//	rest METHOD PATH [BODY]        sends a request; prints the status and the body
//	until REGEXP METHOD PATH       repeats a request until status and body match
//	await FILE REGEXP [VARIABLE]   waits until a file matches; sets a variable to the first group
func TestScripts(t *testing.T) {
	folder := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(folder, "plugins")+"/", "../../../plugins/file", "../../../plugins/datagen")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the plugins: %v\n%s", err, output)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PLUGINS", filepath.Join(folder, "plugins"))
			e.Setenv("XDG_CACHE_HOME", filepath.Join(folder, "cache"))
			e.Values["processes"] = map[string]*process{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"kafka": kafkaCommand, "start": startCommand, "rest-of": restOfCommand, "signal": signalCommand, "ended": endedCommand,
			"code": codeCommand, "rest": restCommand, "until": untilCommand, "await": awaitCommand,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// process is one that a script started.
type process struct {
	*exec.Cmd
	done chan struct{} // closed after its end
}

func kafkaCommand(ts *testscript.TestScript, _ bool, args []string) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.AllowAutoTopicCreation(), kfake.SeedTopics(1, "not-compacted"))
	ts.Check(err)
	ts.Defer(cluster.Close)
	ts.Setenv("KAFKA", cluster.ListenAddrs()[0])
}

func command(ts *testscript.TestScript, name string, args []string) *exec.Cmd {
	var path string
	for _, folder := range filepath.SplitList(ts.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(folder, args[0])); err == nil {
			path = filepath.Join(folder, args[0])
			break
		}
	}
	if path == "" {
		ts.Fatalf("there is no command %s", args[0])
	}
	c := exec.Command(path, args[1:]...)
	c.Dir = ts.MkAbs(".")
	for _, key := range []string{"PATH", "HOME", "XDG_CACHE_HOME", "TMPDIR"} {
		c.Env = append(c.Env, key+"="+ts.Getenv(key))
	}
	for _, end := range []struct {
		to     *io.Writer
		suffix string
	}{{&c.Stdout, "out"}, {&c.Stderr, "err"}} {
		file, err := os.Create(ts.MkAbs(name + end.suffix))
		ts.Check(err)
		ts.Defer(func() { file.Close() })
		*end.to = file
	}
	return c
}

func startCommand(ts *testscript.TestScript, _ bool, args []string) {
	p := &process{Cmd: command(ts, args[0]+".", args[1:]), done: make(chan struct{})}
	ts.Check(p.Start())
	go func() {
		defer close(p.done)
		_ = p.Wait() // the exit code is looked at by ended
	}()
	ts.Defer(func() {
		_ = p.Process.Kill() // it may have ended
		<-p.done
	})
	ts.Value("processes").(map[string]*process)[args[0]] = p
}

func find(ts *testscript.TestScript, name string) *process {
	p := ts.Value("processes").(map[string]*process)[name]
	if p == nil {
		ts.Fatalf("no process %s was started", name)
	}
	return p
}

func signalCommand(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]os.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}
	ts.Check(find(ts, args[0]).Process.Signal(signals[args[1]]))
}

func endedCommand(ts *testscript.TestScript, _ bool, args []string) {
	p := find(ts, args[0])
	select {
	case <-p.done:
	case <-time.After(patience):
		ts.Fatalf("%s goes on\n%s", args[0], ts.ReadFile(args[0]+".err"))
	}
	if got := strconv.Itoa(p.ProcessState.ExitCode()); got != args[1] {
		ts.Fatalf("%s ended with exit code %s, not %s\n%s", args[0], got, args[1], ts.ReadFile(args[0]+".err"))
	}
}

func codeCommand(ts *testscript.TestScript, _ bool, args []string) {
	c := command(ts, "", args[1:])
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	if got := strconv.Itoa(c.ProcessState.ExitCode()); got != args[0] {
		ts.Fatalf("exit code %s, not %s\n%s", got, args[0], ts.ReadFile("err"))
	}
}

func restOfCommand(ts *testscript.TestScript, _ bool, args []string) {
	awaitCommand(ts, false, []string{args[0] + ".out", `(?m)^REST (http://\S+)$`, "REST"})
}

func restCommand(ts *testscript.TestScript, _ bool, args []string) {
	answer, err := send(ts, args)
	ts.Check(err)
	_, err = io.WriteString(ts.Stdout(), answer+"\n")
	ts.Check(err)
}

func untilCommand(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile(args[0])
	var answer string
	var err error
	eventually(ts, func() bool {
		answer, err = send(ts, args[1:])
		return err == nil && pattern.MatchString(answer)
	}, func() string { return fmt.Sprintf("%s does not match %s: %s %v", args[1:], args[0], answer, err) })
}

// send sends a request and returns the answer: its status, and on the next line its body.
func send(ts *testscript.TestScript, args []string) (string, error) {
	var body io.Reader
	if len(args) > 2 {
		body = strings.NewReader(args[2])
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, args[0], ts.Getenv("REST")+args[1], body)
	if err != nil {
		return "", err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return fmt.Sprintf("%d\n%s", response.StatusCode, text), err
}

func awaitCommand(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile(args[1])
	var text []byte
	eventually(ts, func() bool {
		text, _ = os.ReadFile(ts.MkAbs(args[0])) // a file that is not there yet does not match yet
		return pattern.Match(text)
	}, func() string { return fmt.Sprintf("%s does not match %s:\n%s", args[0], args[1], text) })
	if len(args) > 2 {
		ts.Setenv(args[2], string(pattern.FindSubmatch(text)[1]))
	}
}

func eventually(ts *testscript.TestScript, holds func() bool, complaint func() string) {
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("waited %v: %s", patience, complaint())
		}
	}
}
