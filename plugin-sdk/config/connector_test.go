package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

var framework = map[string]config.Definition{
	"common":         config.Common(),
	"source":         config.Source(),
	"sink":           config.Sink(),
	"transformation": config.Transformation("route", []string{"large", "small"}),
	"predicate":      config.Predicate("large"),
	"topic-creation": config.TopicCreation([]string{"compacted"}),
}

func TestFrameworkDefinitions(t *testing.T) {
	for name, d := range framework {
		t.Run(name, func(t *testing.T) {
			for _, problem := range d.Lint() {
				t.Error(problem)
			}
			var infos []config.KeyInfo
			for _, k := range d {
				infos = append(infos, k.Info())
			}
			golden(t, name+".jsonl", lines(t, infos))
		})
	}
}

func TestFrameworkGroupsAreInKafkasOrder(t *testing.T) {
	want := []string{"Common", "Transforms", "Predicates", "Error Handling", "Outboard", "Topic Creation", "Exactly Once Support", "offsets.topic"}
	if d := cmp.Diff(want, slices.Concat(config.Common(), config.Source()).Groups()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want[:5], slices.Concat(config.Common(), config.Sink()).Groups()); d != "" {
		t.Error(d)
	}
}

func TestTopicCreationGroups(t *testing.T) {
	tests := map[string]struct {
		groups []string
		want   []string
	}{
		"none":            {nil, []string{"Topic Creation: default"}},
		"two":             {[]string{"b", "a"}, []string{"Topic Creation: b", "Topic Creation: a", "Topic Creation: default"}},
		"twice":           {[]string{"a", "a"}, []string{"Topic Creation: a", "Topic Creation: default"}},
		"default as well": {[]string{"default", "a"}, []string{"Topic Creation: a", "Topic Creation: default"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(test.want, config.TopicCreation(test.groups).Groups()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestSmallestConfigurations(t *testing.T) {
	tests := map[string]struct {
		definition config.Definition
		check      func(map[string]string) map[string][]string
		values     map[string]string
	}{
		"source":         {slices.Concat(config.Common(), config.Source()), config.CheckSource, map[string]string{"name": "a", "connector.class": "FileStreamSource"}},
		"sink":           {slices.Concat(config.Common(), config.Sink()), config.CheckSink, map[string]string{"name": "a", "connector.class": "FileStreamSink", "topics": "t"}},
		"transformation": {config.Transformation("r", nil), config.CheckSource, map[string]string{"transforms": "r", "transforms.r.type": "RegexRouter"}},
		"predicate":      {config.Predicate("p"), config.CheckSource, map[string]string{"predicates": "p", "predicates.p.type": "RecordIsTombstone"}},
		"topic creation": {config.TopicCreation([]string{"g"}), config.CheckSource, map[string]string{
			"topic.creation.groups": "g", "topic.creation.g.include": "a.*,b",
			"topic.creation.default.partitions": "-1", "topic.creation.default.replication.factor": "-1",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := test.definition.Parse(test.values); err != nil {
				t.Error(err)
			}
			if found := test.check(test.values); len(found) > 0 {
				t.Error(found)
			}
			_, err := test.definition.Parse(nil)
			if err == nil || !strings.Contains(err.Error(), "Missing required configuration") {
				t.Errorf("without any value: %v", err)
			}
		})
	}
}

func TestRules(t *testing.T) {
	const source, sink = "source", "sink"
	long := strings.Repeat("n", 250)
	tests := map[string]struct {
		kind   string
		values map[string]string
		want   map[string][]string
	}{
		"name at its longest": {source, map[string]string{"name": long[1:]}, nil},
		"name too long":       {source, map[string]string{"name": long}, map[string][]string{"name": {"Invalid value " + long[:200] + "… for configuration name: String may not be longer than 249 bytes, it has 250"}}},
		"name with bells":     {source, map[string]string{"name": " a\ab\x7f "}, map[string][]string{"name": {`Invalid value "a\ab\x7f" for configuration name: String may not contain control sequences but had the following ASCII chars: 7, 127`}}},
		"name of any script":  {source, map[string]string{"name": "größe/→ %"}, nil},

		"alias twice":    {source, map[string]string{"transforms": "a,b, a"}, map[string][]string{"transforms": {"Invalid value [a, b, a] for configuration transforms: Duplicate alias provided. a is there more than once"}}},
		"alias blank":    {source, map[string]string{"predicates": "a,"}, map[string][]string{"predicates": {"Invalid value [a, ] for configuration predicates: Blank alias provided. There is a comma too many in the list"}}},
		"group twice":    {source, map[string]string{"topic.creation.groups": "g,g"}, map[string][]string{"topic.creation.groups": {"Invalid value [g, g] for configuration topic.creation.groups: Duplicate alias provided. g is there more than once"}}},
		"no such groups": {sink, map[string]string{"topics": "t", "topic.creation.groups": "g,g"}, nil},

		"predicate":         {source, map[string]string{"transforms": "t", "predicates": "p", "transforms.t.predicate": " p ", "transforms.t.negate": "true"}, nil},
		"predicate unknown": {source, map[string]string{"transforms": "t", "transforms.t.predicate": "p"}, map[string][]string{"transforms.t.predicate": {"Invalid value p for configuration transforms.t.predicate: No predicate has this alias. Add it to predicates and configure predicates.p.type"}}},
		"predicate mistyped": {source, map[string]string{"transforms": "t", "predicates": "large", "transforms.t.predicate": "lagre"},
			map[string][]string{"transforms.t.predicate": {"Invalid value lagre for configuration transforms.t.predicate: No predicate has this alias. Did you mean large?"}}},
		"negated nothing": {sink, map[string]string{"topics": "t", "transforms": "t", "transforms.t.negate": "true"},
			map[string][]string{"transforms.t.negate": {"Config 'transforms.t.negate' was provided but there is no config 'transforms.t.predicate' defining a predicate to be negated."}}},
		"transformation not in use": {source, map[string]string{"transforms.t.predicate": "p"}, nil},

		"topic pattern broken": {source, map[string]string{"topic.creation.groups": "g", "topic.creation.g.include": "a,(b", "topic.creation.g.exclude": "a(?=b)"}, map[string][]string{
			"topic.creation.g.include": {"Invalid value (b for configuration topic.creation.g.include: Syntax error in regular expression: missing closing ): `(b`. Patterns have RE2 syntax; of Java's, look-around, back-references and possessive quantifiers are missing"},
			"topic.creation.g.exclude": {"Invalid value a(?=b) for configuration topic.creation.g.exclude: Syntax error in regular expression: invalid or unsupported Perl syntax: `(?=`. Patterns have RE2 syntax; of Java's, look-around, back-references and possessive quantifiers are missing"},
		}},
		"topics of no size": {source, map[string]string{"topic.creation.default.replication.factor": "0", "topic.creation.default.partitions": " +0"}, map[string][]string{
			"topic.creation.default.replication.factor": {"Invalid value 0 for configuration topic.creation.default.replication.factor: Replication factor must be positive and not larger than the number of brokers in the Kafka cluster, or -1 to use the broker's default"},
			"topic.creation.default.partitions":         {"Invalid value 0 for configuration topic.creation.default.partitions: Number of partitions must be positive, or -1 to use the broker's default"},
		}},

		"evolution to a queue":          {source, map[string]string{"outboard.schema.evolution": "dlq", "errors.deadletterqueue.topic.name": "q"}, nil},
		"evolution without its queue":   {source, map[string]string{"outboard.schema.evolution": " dlq"}, map[string][]string{"outboard.schema.evolution": {"Invalid value dlq for configuration outboard.schema.evolution: Needs a dead letter queue. Name its topic in errors.deadletterqueue.topic.name"}}},
		"evolution that needs no queue": {source, map[string]string{"outboard.schema.evolution": "hold"}, nil},

		"topics":         {sink, map[string]string{"topics": "a,b"}, nil},
		"topics.regex":   {sink, map[string]string{"topics.regex": "a.*", "topics": " "}, nil},
		"no topics":      {sink, map[string]string{"topics": ""}, both("Must configure one of topics or topics.regex. For example topics=orders,payments")},
		"topics twice":   {sink, map[string]string{"topics": "a", "topics.regex": "a"}, both("topics and topics.regex are mutually exclusive options, but both are set. Remove one of them.")},
		"topic twice":    {sink, map[string]string{"topics": "a,a"}, map[string][]string{"topics": {"Configuration 'topics' values must not be duplicated. a is there more than once."}}},
		"topic blank":    {sink, map[string]string{"topics": "a,,b"}, map[string][]string{"topics": {"Configuration 'topics' values must not be empty. There is a comma too many in the list."}}},
		"regex broken":   {sink, map[string]string{"topics.regex": "*"}, map[string][]string{"topics.regex": {"Invalid value * for configuration topics.regex: Invalid regex: missing argument to repetition operator: `*`. Patterns have RE2 syntax; of Java's, look-around, back-references and possessive quantifiers are missing"}}},
		"own dlq":        {sink, map[string]string{"topics": "a,b", "errors.deadletterqueue.topic.name": " b "}, map[string][]string{"topics": {"The DLQ topic 'b' may not be included in the list of topics ('topics=[a, b]') consumed by the connector. Name another topic in errors.deadletterqueue.topic.name."}}},
		"own dlq regex":  {sink, map[string]string{"topics.regex": "a|ab", "errors.deadletterqueue.topic.name": "ab"}, map[string][]string{"topics.regex": {"The DLQ topic 'ab' may not be matched by the regex for the topics ('topics.regex=a|ab') consumed by the connector. Name another topic in errors.deadletterqueue.topic.name."}}},
		"other dlq":      {sink, map[string]string{"topics.regex": "a|ab", "errors.deadletterqueue.topic.name": "abc"}, nil},
		"dlq of no size": {sink, map[string]string{"topics": "a", "errors.deadletterqueue.topic.replication.factor": "0"}, map[string][]string{"errors.deadletterqueue.topic.replication.factor": {"Invalid value 0 for configuration errors.deadletterqueue.topic.replication.factor: Replication factor must be positive and not larger than the number of brokers in the Kafka cluster, or -1 to use the broker's default"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			check := config.CheckSource
			if test.kind == sink {
				check = config.CheckSink
			}
			want := test.want
			if want == nil {
				want = map[string][]string{}
			}
			if d := cmp.Diff(want, check(test.values)); d != "" {
				t.Error(d)
			}
		})
	}
}

func both(text string) map[string][]string {
	return map[string][]string{"topics": {text}, "topics.regex": {text}}
}

func FuzzRules(f *testing.F) {
	f.Add("a,b", "p", "a.*", "dlq")
	f.Add(",", "", "(", "\xff")
	f.Add("default,x", "x", "a)(b", "0")
	f.Fuzz(func(t *testing.T, aliases, predicate, pattern, other string) {
		values := map[string]string{
			"name": other, "transforms": aliases, "predicates": other, "topic.creation.groups": aliases, "topics": aliases, "topics.regex": pattern,
			"errors.deadletterqueue.topic.name": other,
		}
		for _, alias := range strings.Split(aliases, ",") {
			values["transforms."+alias+".predicate"] = predicate
			values["topic.creation."+alias+".include"] = pattern
			values["topic.creation."+alias+".partitions"] = other
		}
		for _, found := range []map[string][]string{config.CheckSource(values), config.CheckSink(values)} {
			for name, texts := range found {
				if _, given := values[name]; !given || len(texts) == 0 || slices.Contains(texts, "") {
					t.Errorf("%q: %q", name, texts)
				}
			}
		}
		config.TopicCreation(strings.Split(aliases, ",")).Validate(values)
	})
}
