package transform

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestConfirmed: every case of a transformation that Java has was confirmed by its class in its present wording, or is
// listed as a difference with its reason, and of Kafka's own at most one in twenty is. scripts/transforms/check.sh makes
// the list.
func TestConfirmed(t *testing.T) {
	confirmed := map[string]string{}
	for _, line := range lines(t, "testdata/confirmed.txt") {
		id, mark, _ := strings.Cut(line, "\t")
		confirmed[id] = mark
	}
	listed := differences(t)
	all, differ := 0, 0
	for _, c := range readCases(t) {
		mark, ok := confirmed[c.id()]
		differs := slices.Contains(listed, c.id())
		switch {
		case !c.java(t):
			if ok || differs {
				t.Errorf("%s is not a case that Java can decide", c.id())
			}
			continue
		case ok && differs:
			t.Errorf("%s is confirmed, and listed as a difference", c.id())
		case ok && mark != c.mark():
			t.Errorf("%s was changed after it was confirmed: run scripts/transforms/check.sh -write", c.id())
		case !ok && !differs:
			t.Errorf("%s is neither confirmed nor listed as a difference: run scripts/transforms/check.sh -write", c.id())
		}
		delete(confirmed, c.id())
		listed = slices.DeleteFunc(listed, func(id string) bool { return id == c.id() })
		if !strings.Contains(strings.Join(c.classes(t), ","), debezium) {
			all++
			if differs {
				differ++
			}
		}
	}
	for id := range confirmed {
		t.Errorf("%s is confirmed, and there is no such case", id)
	}
	for _, id := range listed {
		t.Errorf("%s is listed as a difference, and there is no such case", id)
	}
	if 20*differ > all {
		t.Errorf("%d of %d cases of Kafka's own transformations differ", differ, all)
	}
	t.Logf("Kafka's own: %d of %d cases are confirmed", all-differ, all)
}

func lines(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimRight(string(text), "\n"), "\n")
}

// differences returns the cases that testdata/differences.txt lists. Each list must stand behind its reason.
func differences(t *testing.T) []string {
	var listed []string
	reason := false
	for _, line := range lines(t, "testdata/differences.txt")[3:] {
		id, item := strings.CutPrefix(line, "- ")
		switch {
		case line == "":
			reason = false
		case !item:
			reason = true
		case !reason:
			t.Errorf("%s is listed without a reason", id)
		case slices.Contains(listed, id):
			t.Errorf("%s is listed twice", id)
		default:
			listed = append(listed, id)
		}
	}
	return listed
}

// classes returns the classes that a case names.
func (c testCase) classes(t *testing.T) []string {
	values := c.connector()
	var all []string
	for _, kind := range []Kind{Transformation, Predicate} {
		for _, alias := range aliases(values, kind.list()) {
			d, ok := Find(kind, values[kind.list()+"."+alias+".type"])
			if !ok {
				t.Fatalf("%s: no class for %s", c.id(), alias)
			}
			all = append(all, d.Class)
		}
	}
	return all
}

// java tells whether Java has all transformations of a case. Debezium's Filter and ContentBasedRouter need a language that
// is not CEL.
func (c testCase) java(t *testing.T) bool {
	return !slices.ContainsFunc(c.classes(t), func(class string) bool {
		return !strings.HasPrefix(class, kafka) && (!strings.HasPrefix(class, debezium) || class == debezium+"Filter" || class == debezium+"ContentBasedRouter")
	})
}

// TestKeys: the settings of Kafka's and Debezium's transformations are those of their classes, with type, default and
// importance. Debezium says of none that it is required, and does not name what it reads besides, or read once.
func TestKeys(t *testing.T) {
	java := map[string]map[string][]string{}
	for _, line := range lines(t, "testdata/keys.txt") {
		parts := strings.Split(line, "\t")
		if java[parts[0]] == nil {
			java[parts[0]] = map[string][]string{}
		}
		java[parts[0]][parts[1]] = parts[2:]
	}
	besides := []string{"drop.tombstones", "delete.handling.mode", replaceNullKey}
	for _, d := range Known() {
		keys, ok := java[d.Class]
		if !ok {
			if strings.HasPrefix(d.Class, kafka) && len(d.Definition) > 0 {
				t.Errorf("%s has settings, and Kafka's has none", d.Class)
			}
			continue
		}
		delete(java, d.Class)
		dbz := strings.HasPrefix(d.Class, debezium)
		for _, k := range d.Definition {
			if dbz && slices.Contains(besides, k.Name) {
				continue
			}
			want, ok := keys[k.Name]
			delete(keys, k.Name)
			if !ok {
				t.Errorf("%s: the class has no setting %s", d.Class, k.Name)
				continue
			}
			value := "null"
			switch {
			case k.Required && !dbz:
				value = "required"
			case k.Default != nil:
				value = `"` + *k.Default + `"`
			}
			if dbz && (want[1] == "null" && value == `""` || k.Name == "delete.tombstone.handling.mode") {
				want[1] = value
			}
			if got := []string{k.Type.String(), value, k.Importance.String()}; !slices.Equal(got, want) {
				t.Errorf("%s %s: got %v, want %v", d.Class, k.Name, got, want)
			}
		}
		for name := range keys {
			t.Errorf("%s: the setting %s of the class is not there", d.Class, name)
		}
	}
	for class := range java {
		t.Errorf("%s is not there", class)
	}
}
