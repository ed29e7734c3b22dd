// Package metrics has every metric of a worker in one table, and writes them in the text format of Prometheus, version 0.0.4:
//
//	tolerance.Operator ─┐
//	                    ├─► worker.Stats ─► herder.Metrics ─► Worker.Text ─► GET /metrics
//	tasks, statuses ────┘
//
// Nothing is registered and nothing is kept: whoever asks gets what the worker's parts have counted by then. A new metric is a line in
// table.go and, if nobody counts it yet, a field of [Worker], [Connector] or [Task].
//
// # Names
//
// A metric has the name of Kafka Connect's, in the spelling of the JMX exporter's rules that Strimzi made common: attribute
// total-record-failures of group task-error-metrics is kafka_connect_task_error_total_record_failures. Labels are connector and task.
//
// A status is a gauge of value 1 with the label status, in lower case; of a connector or task there is one series, that of the status that it
// has now. Dashboards count such series and join them on their connector, so there are none of value 0.
//
// # What counts
//
// Counters are those of this worker and begin at zero when a task is started. They go on when the worker itself runs a task again, after
// the death of a plugin for instance, which Kafka Connect does not do. What is not measured is left out, never made up.
package metrics
