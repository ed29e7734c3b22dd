package transform

import (
	"errors"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// timestampRouter is Kafka's TimestampRouter: the time of a record becomes part of its topic.
type timestampRouter struct {
	parts  []topicPart
	format *dateFormat
	topics interned
	room   []byte
}

// topicPart is a part of topic.format: a text, or the topic or the time in its place.
type topicPart struct {
	text        string
	topic, time bool
}

func newTimestampRouter(s settings) (built, error) {
	format, problem := parseDateFormat(s.text("timestamp.format"))
	if problem != "" {
		return built{}, s.wrong("timestamp.format", "%s", problem)
	}
	return built{transformation: &timestampRouter{parts: parseTopicFormat(s.text("topic.format")), format: format}}, nil
}

// parseTopicFormat finds the places of the topic and the time.
func parseTopicFormat(text string) []topicPart {
	const topic, timestamp = "${topic}", "${timestamp}"
	var parts []topicPart
	for text != "" {
		i := strings.IndexByte(text, '$')
		switch {
		case i < 0:
			return append(parts, topicPart{text: text})
		case strings.HasPrefix(text[i:], topic):
			parts = append(parts, topicPart{text: text[:i]}, topicPart{topic: true})
			text = text[i+len(topic):]
		case strings.HasPrefix(text[i:], timestamp):
			parts = append(parts, topicPart{text: text[:i]}, topicPart{time: true})
			text = text[i+len(timestamp):]
		default:
			parts = append(parts, topicPart{text: text[:i+1]})
			text = text[i+1:]
		}
	}
	return parts
}

func (t *timestampRouter) apply(m *message) (bool, error) {
	if m.timestamp == data.NoTimestamp {
		return true, errors.New("the record has no timestamp to make a topic of; have the connector set one, " +
			"or keep such records away from it with a predicate")
	}
	t.room = appendTopic(t.room[:0], t.parts, m.topic, t.format, m.timestamp)
	m.topic = t.topics.own(t.room)
	return true, nil
}

// appendTopic appends a topic with the old one and a time in their places.
func appendTopic(dst []byte, parts []topicPart, topic string, format *dateFormat, millis int64) []byte {
	for _, p := range parts {
		switch {
		case p.topic:
			dst = append(dst, topic...)
		case p.time:
			dst = format.append(dst, millis)
		default:
			dst = append(dst, p.text...)
		}
	}
	return dst
}
