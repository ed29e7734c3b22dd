package herder

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/outboard-connect/outboard/host/internal/group"
	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/host/internal/worker"
)

// shareOf is what this worker is to run of a connector, as the config store has it; nil when there is no such connector. What
// the group gave to others is left out.
func shareOf(c *storage.Connector, revision int64, mine group.Assignment) *share {
	if c == nil {
		return nil
	}
	config := c.Config()
	s := &share{target: worker.Target(c.Target.String()), revision: revision}
	if mine.Owns(group.Work{Connector: c.Name, Task: group.TheConnector}) {
		s.connector = &worker.ConnectorSpec{Name: c.Name, Config: config, Target: s.target}
	}
	if c.Target == storage.Stopped {
		return s // whatever is stored: a stopped connector has no tasks
	}
	s.count = c.Tasks()
	refusal := tooMany(config, s.count)
	for n := range s.count {
		if !mine.Owns(group.Work{Connector: c.Name, Task: n}) {
			continue
		}
		s.tasks = append(s.tasks, task{refusal: refusal, spec: worker.TaskSpec{
			ID:              worker.TaskID{Connector: c.Name, Task: n},
			Generation:      c.TasksOffset,
			ConnectorConfig: config,
			Config:          c.Task(n),
			Target:          s.target,
		}})
	}
	return s
}

// tasksMax reads tasks.max. Configurations are validated before they are stored, but others write to the same log.
func tasksMax(config map[string]string) (int, error) {
	text, ok := config["tasks.max"]
	if !ok {
		return 1, nil
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("tasks.max=%s is not a number from 1: set it to the number of tasks that the connector may have", text)
	}
	return int(n), nil
}

// tooMany says why a connector must not have this many tasks; empty when it may.
func tooMany(config map[string]string, tasks int) string {
	maximum, err := tasksMax(config)
	enforce := !strings.EqualFold(strings.TrimSpace(config["tasks.max.enforce"]), "false")
	if err != nil || tasks <= maximum || !enforce {
		return ""
	}
	return fmt.Sprintf("org.apache.kafka.connect.errors.TooManyTasksException: The connector %s has generated %d tasks, which is greater than %d, "+
		"the maximum number of tasks it is configured to create. Raise tasks.max to %d; if the connector makes more tasks than tasks.max whatever it is, "+
		"that is a mistake in the connector, which tasks.max.enforce=false tolerates.\n\tat outboard.herder.taskConfigs(%s)", config["name"], tasks, maximum, tasks, config["name"])
}
