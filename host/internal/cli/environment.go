package cli

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
)

// The environment variables that hold settings of a worker, as the usual container images of Kafka Connect have them:
//
//	CONNECT_GROUP_ID=a                          group.id=a: _ is a dot, __ a hyphen, ___ an underscore
//	KAFKA_CONNECT_CONFIGURATION="group.id=a …"  a whole properties file, of Strimzi's images
//	GROUP_ID=a                                  the names of imageVariables, of Debezium's images
//
// The last two are looked at only when there is no file: they are too common to change what a file says. What is before counts more than what is
// behind: CONNECT_…, the others, the file.
const (
	settingPrefix  = "CONNECT_"
	wholeFile      = "KAFKA_CONNECT_CONFIGURATION"
	restHostName   = "rest.host.name"
	restPortNumber = "rest.port"
)

// imageVariables are the variables of Debezium's and Strimzi's images whose names do not have the prefix.
var imageVariables = map[string]string{
	"ADVERTISED_HOST_NAME":            "rest.advertised.host.name",
	"ADVERTISED_PORT":                 "rest.advertised.port",
	"BOOTSTRAP_SERVERS":               "bootstrap.servers",
	"CONFIG_STORAGE_TOPIC":            "config.storage.topic",
	"GROUP_ID":                        "group.id",
	"KAFKA_CONNECT_BOOTSTRAP_SERVERS": "bootstrap.servers",
	"KAFKA_CONNECT_PLUGIN_PATH":       "plugin.path",
	"KEY_CONVERTER":                   "key.converter",
	"OFFSET_FLUSH_INTERVAL_MS":        "offset.flush.interval.ms",
	"OFFSET_FLUSH_TIMEOUT_MS":         "offset.flush.timeout.ms",
	"OFFSET_STORAGE_TOPIC":            "offset.storage.topic",
	"REST_HOST_NAME":                  restHostName,
	"REST_PORT":                       restPortNumber,
	"SHUTDOWN_TIMEOUT":                "task.shutdown.graceful.timeout.ms",
	"STATUS_STORAGE_TOPIC":            "status.storage.topic",
	"VALUE_CONVERTER":                 "value.converter",
}

// imageDefaults are what Debezium's image sets where its variables do not: who starts it with BOOTSTRAP_SERVERS relies on them.
var imageDefaults = map[string]string{
	"group.id": "1", "status.storage.topic": "connect-status",
	"key.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter": "org.apache.kafka.connect.json.JsonConverter",
	"config.storage.replication.factor": "1", "offset.storage.replication.factor": "1", "status.storage.replication.factor": "1",
}

// otherVariables begin with the prefix and are no settings: those of log4j, and those that Kubernetes makes for a service called connect.
var otherVariables = regexp.MustCompile(`^CONNECT_(LOG4J_|TOOLS_LOG4J_|SERVICE_(HOST$|PORT(_|$))|PORT(_|$))`)

// environment is what environment variables say of a worker.
type environment struct {
	settings map[string]string
	ignored  []string // names of variables that are no settings, sorted
}

// readEnvironment reads the variables of a process, NAME=value each. alone tells that there is no file.
func readEnvironment(variables []string, alone bool) (environment, error) {
	env := environment{settings: map[string]string{}}
	prefixed := map[string]string{}
	short := false // a variable of Debezium's image that says where Kafka is
	for _, variable := range variables {
		name, value, _ := strings.Cut(variable, "=")
		switch key, known := imageVariables[name]; {
		case otherVariables.MatchString(name):
			env.ignored = append(env.ignored, name)
		case strings.HasPrefix(name, settingPrefix) && name != settingPrefix:
			prefixed[settingOf(strings.TrimPrefix(name, settingPrefix))] = value
		case alone && known && value != "":
			env.settings[key] = value
			short = short || name == "BOOTSTRAP_SERVERS"
		}
	}
	if i := slices.IndexFunc(variables, func(v string) bool { return strings.HasPrefix(v, wholeFile+"=") }); i >= 0 && alone {
		whole, err := parseProperties([]byte(strings.TrimPrefix(variables[i], wholeFile+"=")))
		if err != nil {
			return environment{}, fmt.Errorf("environment variable %s: %w", wholeFile, err)
		}
		maps.Copy(whole, env.settings)
		env.settings = whole
	}
	maps.Copy(env.settings, prefixed)
	if short {
		for key, value := range imageDefaults {
			if _, given := env.settings[key]; !given {
				env.settings[key] = value
			}
		}
	}
	env.listen()
	slices.Sort(env.ignored)
	return env, nil
}

// listen makes listeners of host and port, which Kafka Connect has had before and images have still.
func (e environment) listen() {
	host, port := e.settings[restHostName], e.settings[restPortNumber]
	delete(e.settings, restHostName)
	delete(e.settings, restPortNumber)
	if _, given := e.settings["listeners"]; given || host == "" && port == "" {
		return
	}
	if port == "" {
		port = "8083"
	}
	e.settings["listeners"] = "http://" + net.JoinHostPort(host, port)
}

// underscores are what separates the words of a variable.
var underscores = regexp.MustCompile(`_{1,3}`)

// settingOf is the key that a variable without its prefix stands for.
func settingOf(name string) string {
	return underscores.ReplaceAllStringFunc(strings.ToLower(name), func(run string) string {
		return [...]string{"", ".", "-", "_"}[len(run)]
	})
}

// over are the settings of a file, nil for none, with those of the environment in their place.
func (e environment) over(file map[string]string) map[string]string {
	all := maps.Clone(file)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, e.settings)
	return all
}

// keys are those that the environment sets, sorted.
func (e environment) keys() []string { return slices.Sorted(maps.Keys(e.settings)) }

// errNoSettings is what a worker says that is told nothing.
var errNoSettings = errors.New("there is neither a properties file nor a setting in the environment: outboard worker FILE.properties, or CONNECT_BOOTSTRAP_SERVERS=… CONNECT_GROUP_ID=… outboard worker")
