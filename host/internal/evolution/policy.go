package evolution

import (
	"fmt"
	"strings"
)

// PolicyKey is the key of a source connector's configuration that holds its policy.
const PolicyKey = "outboard.schema.evolution"

// Policy is what happens to a record whose schema breaks with the one remembered.
type Policy string

// The policies.
const (
	Evolve  Policy = "evolve" // it passes
	Hold    Policy = "hold"   // the task keeps it and all that follow back
	Letters Policy = "dlq"    // it goes to the dead letter queue
	Fail    Policy = "fail"   // the task fails
)

// ParsePolicy reads the policy from the configuration of a connector.
func ParsePolicy(config map[string]string) (Policy, error) {
	text := strings.TrimSpace(config[PolicyKey])
	switch p := Policy(text); p {
	case "":
		return Evolve, nil
	case Evolve, Hold, Fail:
		return p, nil
	case Letters:
		if strings.TrimSpace(config["errors.deadletterqueue.topic.name"]) == "" {
			return p, fmt.Errorf("%s=dlq needs a dead letter queue: name its topic in errors.deadletterqueue.topic.name", PolicyKey)
		}
		return p, nil
	}
	return "", fmt.Errorf("%s is %q: use evolve, hold, dlq or fail", PolicyKey, text)
}
