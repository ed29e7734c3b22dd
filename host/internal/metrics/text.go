package metrics

import (
	"slices"
	"strconv"
	"strings"
)

// series adds a series to a metric: its value, and its labels as names and values in turn.
type series func(value int64, labels ...string)

// Text returns the metrics of a worker in the text format of Prometheus, version 0.0.4. Metrics are sorted by name, their series by
// connector and task. A metric without series is left out. What is no UTF-8 in a name becomes U+FFFD.
func (w *Worker) Text() []byte {
	s := newScrape(w)
	sorted := slices.Clone(table)
	slices.SortFunc(sorted, func(a, b metric) int { return strings.Compare(a.spelling(), b.spelling()) })
	var text []byte
	for _, m := range sorted {
		name, headed := m.spelling(), false
		m.read(s, func(value int64, labels ...string) {
			if !headed {
				text = m.appendHead(text)
				headed = true
			}
			text = appendSeries(text, name, value, labels)
		})
	}
	return text
}

// spelling is the name of a metric in the text.
func (m *metric) spelling() string {
	group := strings.TrimSuffix(strings.TrimPrefix(m.group, "connect-"), "-metrics")
	return "kafka_connect_" + strings.ReplaceAll(group+"_"+m.name, "-", "_")
}

func (m *metric) appendHead(text []byte) []byte {
	name := m.spelling()
	text = append(text, "# HELP "+name+" "...)
	text = append(text, helpEscapes.Replace(m.help)...)
	return append(text, "\n# TYPE "+name+" "+string(m.kind)+"\n"...)
}

func appendSeries(text []byte, name string, value int64, labels []string) []byte {
	text = append(text, name...)
	for i := 0; i < len(labels); i += 2 {
		if i == 0 {
			text = append(text, '{')
		} else {
			text = append(text, ',')
		}
		text = append(text, labels[i]...)
		text = append(text, `="`...)
		text = append(text, labelEscapes.Replace(strings.ToValidUTF8(labels[i+1], "\uFFFD"))...)
		text = append(text, '"')
	}
	if len(labels) > 0 {
		text = append(text, '}')
	}
	text = append(text, ' ')
	text = strconv.AppendInt(text, value, 10)
	return append(text, '\n')
}

// What the format wants escaped.
var (
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	labelEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)
