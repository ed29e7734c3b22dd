package herder

import (
	"fmt"
	"strings"

	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// Converters, transformations and predicates are part of the worker. Those that Kafka Connect has are those of its release
// that this worker behaves as, so that a configuration which asks for that goes on working.

// builtinVersion is the version of a class that is part of the worker, empty when it has none to ask for.
func builtinVersion(class string) string {
	if strings.HasPrefix(class, "org.apache.kafka.connect.") {
		return kafkaVersion
	}
	return ""
}

// checkBuiltinVersion says why a part of the worker is not what a requirement asks for; empty when it is.
func checkBuiltinVersion(class, requirement string) string {
	required, err := isolation.ParseRequirement(requirement)
	if err != nil {
		return err.Error()
	}
	version := builtinVersion(class)
	if required.Admits(isolation.ParseVersion(version)) {
		return ""
	}
	return fmt.Sprintf("Plugin %s not found that matches the version range %s, available versions: [%s]", class, strings.TrimSpace(requirement), version)
}

// versionSuffix ends the keys that choose a version.
const versionSuffix = ".plugin.version"

// builtin finds the class of the part of the worker whose version a key chooses, and the key that names it; empty when there
// is none. Given tells whether the configuration itself names it: otherwise it is the worker's own, and the version counts for
// nothing.
func (v validation) builtin(key string) (class, named string, given bool) {
	named, ok := strings.CutSuffix(key, versionSuffix)
	if !ok || key == versionKey {
		return "", "", false
	}
	if named != "key.converter" && named != "value.converter" && named != "header.converter" {
		named += ".type" // of a transformation or predicate
		t, ok := v.settings.transform(strings.TrimSpace(v.values[named]))
		return t.Class, named, ok
	}
	name, given := v.values[named]
	if !given {
		name = v.settings.converterOfWorker(named)
	}
	c, _ := v.settings.converter(strings.TrimSpace(name))
	return c.Class, named, given
}

// converterOfWorker is the worker's own converter, empty when it has none.
func (s *Settings) converterOfWorker(key string) string {
	if class := s.Worker.Properties[key]; class != "" || key != "header.converter" {
		return class
	}
	return "org.apache.kafka.connect.storage.SimpleHeaderConverter"
}

// offerVersion gives a key that chooses a version the one that there is.
func (v validation) offerVersion(k *config.Key) {
	class, _, _ := v.builtin(k.Name)
	if version := builtinVersion(class); version != "" {
		k.Default, k.Recommended = config.Default(version), []string{version}
	}
}

// builtinVersions refuses versions that parts of the worker do not have.
func (v validation) builtinVersions(a *answer) {
	for _, k := range a.definition {
		requirement, asked := v.values[k.Name]
		if !asked || !strings.HasSuffix(k.Name, versionSuffix) || len(a.errors(k.Name)) > 0 {
			continue
		}
		class, named, given := v.builtin(k.Name)
		if class == "" || !given {
			continue
		}
		if problem := checkBuiltinVersion(class, requirement); problem != "" {
			a.report(named, problem)
			a.report(k.Name, problem)
		}
	}
}
