package kafka

import "fmt"

// Defaults returns the properties that Kafka Connect gives the clients of a connector's task before those of the worker
// and of the connector. Idempotence is on, in place of one request in flight at a time.
func Defaults(role Role, connector string, task int) map[string]string {
	switch role {
	case Producer:
		return map[string]string{
			"client.id":           fmt.Sprintf("connector-producer-%s-%d", connector, task),
			"acks":                "all",
			"enable.idempotence":  "true",
			"delivery.timeout.ms": "2147483647",
			"buffer.memory":       "33554432",
		}
	case Consumer:
		return map[string]string{
			"client.id":         fmt.Sprintf("connector-consumer-%s-%d", connector, task),
			"group.id":          "connect-" + connector,
			"auto.offset.reset": "earliest",
			"fetch.max.wait.ms": "500",
			// Four times Kafka's: it bounds a batch to the plugin, and small ones cost most of the way.
			"max.poll.records": "2000",
		}
	default:
		return map[string]string{"client.id": fmt.Sprintf("connector-adminclient-%s-%d", connector, task)}
	}
}
