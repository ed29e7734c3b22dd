package rest_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/host/herder"
	"github.com/outboard-connect/outboard/rest/client"
)

// The rules that a file of testdata cannot show. Their numbers are those of the files, where the other rules are.

func newClient(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.New("http://"+shared.address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sourceConfig is a configuration that is valid.
func sourceConfig(topic string) map[string]string {
	return map[string]string{"connector.class": "RestTestSource", "topic": topic}
}

// patience is how long a test waits for what must happen. Only a test that fails takes that long.
const patience = time.Minute

// await asks until a status fits, and returns it.
func await(t *testing.T, c *client.Client, name string, fits func(herder.ConnectorStatus) bool) herder.ConnectorStatus {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		status, err := c.Status(ctx, name)
		if err == nil && fits(status) {
			return status
		}
		select {
		case <-time.After(20 * time.Millisecond): // the API has no other way to wait than to ask again
		case <-ctx.Done():
			t.Fatalf("%s: %+v, %v", name, status, err)
		}
	}
}

// in tells whether a connector has tasks and everything of it is in a state.
func in(state string) func(herder.ConnectorStatus) bool {
	return func(s herder.ConnectorStatus) bool {
		return s.Connector.State == state && len(s.Tasks) > 0 &&
			!slices.ContainsFunc(s.Tasks, func(t herder.TaskStatus) bool { return t.State != state })
	}
}

// nulls returns where a JSON value has a null, as paths of members; [] stands for any element.
func nulls(value any, path string) []string {
	switch v := value.(type) {
	case nil:
		return []string{path}
	case []any:
		var found []string
		for _, element := range v {
			found = append(found, nulls(element, path+"[]")...)
		}
		return found
	case map[string]any:
		var found []string
		for key, member := range v {
			found = append(found, nulls(member, path+"."+key)...)
		}
		return found
	default:
		return nil
	}
}

func TestRule12ValidateHasNoNulls(t *testing.T) {
	known := map[string][]string{
		"type":       {"BOOLEAN", "CLASS", "DOUBLE", "INT", "LIST", "LONG", "PASSWORD", "SHORT", "STRING"},
		"importance": {"LOW", "MEDIUM", "HIGH"},
		"width":      {"NONE", "SHORT", "MEDIUM", "LONG"},
	}
	for _, body := range []string{
		`{"connector.class": "RestTestSource"}`,
		`{"connector.class": "RestTestSource", "name": "a", "topic": "t", "tasks.max": "x", "value.converter": "org.apache.kafka.connect.json.JsonConverter"}`,
	} {
		request, err := http.NewRequest(http.MethodPut, "http://"+shared.address+"/connector-plugins/RestTestSource/config/validate", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s %s %v", response.Status, text, err)
		}
		var answer struct {
			Configs []struct {
				Definition map[string]any `json:"definition"`
				Value      map[string]any `json:"value"`
			} `json:"configs"`
		}
		var all any
		if err := json.Unmarshal(text, &answer); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &all); err != nil {
			t.Fatal(err)
		}
		for _, path := range nulls(all, "") {
			if path != ".configs[].definition.default_value" && path != ".configs[].value.value" {
				t.Errorf("%s is null", path)
			}
		}
		if len(answer.Configs) < 10 {
			t.Errorf("%d keys", len(answer.Configs))
		}
		for _, c := range answer.Configs {
			for field, words := range known {
				if word, _ := c.Definition[field].(string); !slices.Contains(words, word) {
					t.Errorf("%v: %s is %q", c.Definition["name"], field, word)
				}
			}
			if c.Definition["order"] != c.Definition["order_in_group"] || c.Definition["order"] == nil {
				t.Errorf("%v: order %v, order_in_group %v", c.Definition["name"], c.Definition["order"], c.Definition["order_in_group"])
			}
		}
	}
}

func TestRule18PauseAndResumeShowWithinSeconds(t *testing.T) {
	t.Parallel()
	c, ctx := newClient(t), t.Context()
	if _, err := c.Create(ctx, "rule-18", sourceConfig("rule-18"), ""); err != nil {
		t.Fatal(err)
	}
	await(t, c, "rule-18", in("RUNNING"))
	for _, step := range []struct {
		state string
		call  func(context.Context, string) error
	}{{"PAUSED", c.Pause}, {"RUNNING", c.Resume}} {
		if err := step.call(ctx, "rule-18"); err != nil {
			t.Fatal(err)
		}
		await(t, c, "rule-18", in(step.state))
	}
	if err := c.Delete(ctx, "rule-18"); err != nil {
		t.Fatal(err)
	}
}

func TestRule21ManyConnectorsAreListedInTime(t *testing.T) {
	const many = 200
	c, ctx := newClient(t), t.Context()
	name := func(i int) string { return fmt.Sprintf("rule-21-%d", i) }
	var creating sync.WaitGroup
	for i := range many {
		creating.Go(func() {
			if _, err := c.Create(ctx, name(i), sourceConfig("t"), herder.TargetStopped); err != nil {
				t.Error(err)
			}
		})
	}
	creating.Wait()

	began := time.Now()
	connectors, err := c.Expand(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the expanded list took %v: clients give up after 3 s", time.Since(began))
	for i := range many {
		if got := connectors[name(i)]; got.Info.Name != name(i) || got.Status.Name != name(i) {
			t.Errorf("%s is %+v", name(i), got)
		}
	}
	began = time.Now()
	for i := range many { // some scrapers ask one by one
		if _, err := c.Status(ctx, name(i)); err != nil {
			t.Error(err)
		}
	}
	t.Logf("all statuses took %v", time.Since(began))
	for i := range many {
		creating.Go(func() {
			if err := c.Delete(ctx, name(i)); err != nil {
				t.Error(err)
			}
		})
	}
	creating.Wait()
}

// TestClientLivesThroughAConnector uses the client for all that it can do, against a real worker.
func TestClientLivesThroughAConnector(t *testing.T) {
	t.Parallel()
	c, ctx := newClient(t), t.Context()
	name := "client / 100 % " + rand.Text() // its offsets outlive it

	if info, err := c.ServerInfo(ctx); err != nil || info.Version != "4.3.1" {
		t.Errorf("%+v, %v", info, err)
	}
	if health, err := c.Health(ctx); err != nil || health.Status != herder.Healthy {
		t.Errorf("%+v, %v", health, err)
	}
	if plugins, err := c.Plugins(ctx, true); err != nil || len(plugins) != 2 {
		t.Errorf("%+v, %v", plugins, err)
	}
	if result, err := c.Validate(ctx, "RestTestSource", sourceConfig("")); err != nil || result.ErrorCount == 0 {
		t.Errorf("%+v, %v", result, err)
	}
	if _, err := c.Info(ctx, name); !client.IsNotFound(err) {
		t.Errorf("%v, want not found", err)
	}
	if info, created, err := c.PutConfig(ctx, name, sourceConfig("client")); err != nil || !created || info.Name != name {
		t.Fatalf("%+v, %t, %v", info, created, err)
	}
	await(t, c, name, in("RUNNING"))
	two := "2"
	if info, err := c.PatchConfig(ctx, name, map[string]*string{"tasks.max": &two}); err != nil || info.Config["tasks.max"] != "2" {
		t.Errorf("%+v, %v", info, err)
	}
	await(t, c, name, func(s herder.ConnectorStatus) bool { return len(s.Tasks) == 2 && in("RUNNING")(s) })
	if config, err := c.Config(ctx, name); err != nil || config["tasks.max"] != "2" || config["name"] != name {
		t.Errorf("%v, %v", config, err)
	}
	if tasks, err := c.Tasks(ctx, name); err != nil || len(tasks) != 2 || tasks[1].ID != (herder.TaskRef{Connector: name, Task: 1}) {
		t.Errorf("%+v, %v", tasks, err)
	}
	if err := c.RestartTask(ctx, name, 1); err != nil {
		t.Error(err)
	}
	if err := c.RestartConnector(ctx, name); err != nil {
		t.Error(err)
	}
	if status, err := c.Restart(ctx, name, true, false); err != nil || status.Connector.State != "RESTARTING" || len(status.Tasks) != 2 {
		t.Errorf("%+v, %v", status, err)
	}
	await(t, c, name, in("RUNNING"))
	if status, err := c.TaskStatus(ctx, name, 1); err != nil || status.ID != 1 || status.WorkerID != workerID {
		t.Errorf("%+v, %v", status, err)
	}
	if err := c.Stop(ctx, name); err != nil {
		t.Error(err)
	}
	await(t, c, name, func(s herder.ConnectorStatus) bool { return s.Connector.State == "STOPPED" && len(s.Tasks) == 0 })
	if topics, err := c.Topics(ctx, name); err != nil || !slices.Equal(topics, []string{"client"}) {
		t.Errorf("%v, %v", topics, err)
	}
	if err := c.ResetTopics(ctx, name); err != nil {
		t.Error(err)
	}
	if all, err := c.Expand(ctx); err != nil || all[name].Status.Connector.State != "STOPPED" {
		t.Errorf("%+v, %v", all[name], err)
	}
	if names, err := c.Connectors(ctx); err != nil || !slices.Contains(names, name) {
		t.Errorf("%v, %v", names, err)
	}
	if err := c.Delete(ctx, name); err != nil {
		t.Error(err)
	}
	if err := c.Delete(ctx, name); !client.IsNotFound(err) {
		t.Errorf("%v, want not found", err)
	}
}
