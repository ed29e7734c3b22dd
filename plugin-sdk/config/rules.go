package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	replicationFactor = "Replication factor must be positive and not larger than the number of brokers in the Kafka cluster, or -1 to use the broker's default"
	partitions        = "Number of partitions must be positive, or -1 to use the broker's default"
)

// CheckSource holds the configuration of a source connector against the framework's rules that a single key cannot express: distinct aliases,
// predicates that exist, topic creation, a dead letter queue where one is needed. It returns texts for users by key, to be added to what Validate says of [Common], [Source],
// [TopicCreation], [Transformation] and [Predicate].
func CheckSource(values map[string]string) map[string][]string {
	r := rules{values: values, found: map[string][]string{}}
	r.common()
	groups := r.aliases("topic.creation.groups")
	for _, group := range append(groups, "default") {
		prefix := "topic.creation." + group + "."
		if group != "default" {
			r.patterns(prefix + "include")
			r.patterns(prefix + "exclude")
		}
		r.notZero(prefix+"replication.factor", replicationFactor)
		r.notZero(prefix+"partitions", partitions)
	}
	const evolution, queue = "outboard.schema.evolution", "errors.deadletterqueue.topic.name"
	if trim(values[evolution]) == "dlq" && trim(values[queue]) == "" {
		r.invalid(evolution, "dlq", "Needs a dead letter queue. Name its topic in "+queue)
	}
	return r.found
}

// CheckSink holds the configuration of a sink connector against the framework's rules that a single key cannot express: distinct aliases,
// predicates that exist, either topics or topics.regex, a dead letter queue that the connector does not read itself. It returns texts for
// users by key, to be added to what Validate says of [Common], [Sink], [Transformation] and [Predicate].
func CheckSink(values map[string]string) map[string][]string {
	r := rules{values: values, found: map[string][]string{}}
	r.common()
	r.topics()
	r.notZero("errors.deadletterqueue.topic.replication.factor", replicationFactor)
	return r.found
}

// rules collects what is wrong, by key.
type rules struct {
	values map[string]string
	found  map[string][]string
}

func (r rules) report(name, text string) { r.found[name] = append(r.found[name], text) }

// invalid reports a value in Kafka's words.
func (r rules) invalid(name, value, message string) {
	r.report(name, Key{Name: name}.invalid(value, message))
}

// list is the value of a list key; nil when it is empty or missing.
func (r rules) list(name string) []string {
	p, _ := Key{Name: name, Type: TypeList}.check(r.values[name])
	return p.list
}

func (r rules) common() {
	r.name()
	transforms, predicates := r.aliases("transforms"), r.aliases("predicates")
	for _, alias := range transforms {
		prefix := "transforms." + alias + "."
		predicate, given := r.values[prefix+"predicate"]
		if _, negated := r.values[prefix+"negate"]; negated && !given {
			r.report(prefix+"negate", fmt.Sprintf("Config '%snegate' was provided but there is no config '%spredicate' defining a predicate to be negated.", prefix, prefix))
		}
		if predicate := trim(predicate); given && !slices.Contains(predicates, predicate) {
			message := "No predicate has this alias. Add it to predicates and configure predicates." + predicate + ".type"
			if nearest := Nearest(predicate, predicates); nearest != "" {
				message = "No predicate has this alias. Did you mean " + nearest + "?"
			}
			r.invalid(prefix+"predicate", predicate, message)
		}
	}
}

func (r rules) name() {
	// A connector's name is part of names of topics, groups and clients, which are no longer than this.
	const longest = 249
	name := trim(r.values["name"])
	control := []string{}
	for _, c := range []byte(name) {
		if c < ' ' || c == 0x7f {
			control = append(control, strconv.Itoa(int(c)))
		}
	}
	if len(control) > 0 {
		r.invalid("name", name, "String may not contain control sequences but had the following ASCII chars: "+strings.Join(control, ", "))
	}
	if len(name) > longest {
		r.invalid("name", name, fmt.Sprintf("String may not be longer than %d bytes, it has %d", longest, len(name)))
	}
}

// aliases reports aliases that are blank or named twice, and returns the others.
func (r rules) aliases(name string) []string {
	var aliases []string
	list := r.list(name)
	shown := "[" + strings.Join(list, ", ") + "]"
	for _, alias := range list {
		switch {
		case alias == "":
			r.invalid(name, shown, "Blank alias provided. There is a comma too many in the list")
		case slices.Contains(aliases, alias):
			r.invalid(name, shown, "Duplicate alias provided. "+alias+" is there more than once")
		default:
			aliases = append(aliases, alias)
		}
	}
	return aliases
}

func (r rules) topics() {
	const list, regex, queue = "topics", "topics.regex", "errors.deadletterqueue.topic.name"
	hasList, hasRegex := trim(r.values[list]) != "", trim(r.values[regex]) != ""
	both := func(text string) {
		r.report(list, text)
		r.report(regex, text)
	}
	switch {
	case hasList && hasRegex:
		both(list + " and " + regex + " are mutually exclusive options, but both are set. Remove one of them.")
	case !hasList && !hasRegex:
		both("Must configure one of " + list + " or " + regex + ". For example topics=orders,payments")
	}

	topics, seen := r.list(list), []string{}
	for _, topic := range topics {
		switch {
		case topic == "":
			r.report(list, "Configuration 'topics' values must not be empty. There is a comma too many in the list.")
		case slices.Contains(seen, topic):
			r.report(list, "Configuration 'topics' values must not be duplicated. "+topic+" is there more than once.")
		}
		seen = append(seen, topic)
	}
	dlq := trim(r.values[queue])
	if dlq != "" && slices.Contains(topics, dlq) {
		r.report(list, fmt.Sprintf("The DLQ topic '%s' may not be included in the list of topics ('%s=%s') consumed by the connector. Name another topic in %s.",
			dlq, list, "["+strings.Join(topics, ", ")+"]", queue))
	}
	if !hasRegex {
		return
	}
	if pattern := r.pattern(regex, trim(r.values[regex]), "Invalid regex"); pattern != nil && dlq != "" && pattern.MatchString(dlq) {
		r.report(regex, fmt.Sprintf("The DLQ topic '%s' may not be matched by the regex for the topics ('%s=%s') consumed by the connector. Name another topic in %s.",
			dlq, regex, trim(r.values[regex]), queue))
	}
}

// patterns reports the elements of a list that are no regular expressions.
func (r rules) patterns(name string) {
	for _, text := range r.list(name) {
		r.pattern(name, text, "Syntax error in regular expression")
	}
}

// pattern compiles a regular expression for whole names; nil after reporting, in Kafka's words for the key, that it is none.
func (r rules) pattern(name, text, words string) *regexp.Regexp {
	pattern, err := whole(text)
	if err != nil {
		r.invalid(name, text, words+": "+strings.TrimPrefix(err.Error(), "error parsing regexp: ")+
			". Patterns have RE2 syntax; of Java's, look-around, back-references and possessive quantifiers are missing")
		return nil
	}
	return pattern
}

// notZero reports 0; other bad numbers are for the definition to report.
func (r rules) notZero(name, message string) {
	if n, err := strconv.ParseInt(trim(r.values[name]), 10, 64); err == nil && n == 0 {
		r.invalid(name, "0", message)
	}
}
