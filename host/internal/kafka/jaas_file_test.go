package kafka

import (
	"fmt"
	"strings"
	"testing"
)

func TestLoginModules(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want, problem string }{
		"usual": {`KafkaConnect {
    org.example.Module required
    file="/etc/users.properties";
};`, "[{org.example.Module required map[file:/etc/users.properties]}]", ""},
		"several": {`
// of the broker
KafkaServer { a.B required x="{//}" ; c.D Optional; };
/* and
   of the workers */ KafkaConnect{a.B sufficient;e.F required p='}';};`, "[{a.B sufficient map[]} {e.F required map[p:}]}]", ""},
		"another section":     {`Client { a.B required; };`, "", "it has no section KafkaConnect; its sections are: Client"},
		"nothing":             {``, "", "it has no section KafkaConnect"},
		"twice":               {`KafkaConnect { a.B required; }; KafkaConnect { a.B required; };`, "", "section KafkaConnect is there twice"},
		"no module":           {`KafkaConnect { };`, "", "section KafkaConnect: it has no login module"},
		"no flag":             {`KafkaConnect { a.B file="x"; };`, "", "it must look like"},
		"no semicolon":        {`KafkaConnect { a.B required file="x" };`, "", "it must look like"},
		"no semicolon behind": {`KafkaConnect { a.B required; }`, "", "it must look like"},
		"no value":            {`KafkaConnect { a.B required file=; };`, "", "it must look like"},
		"no brace":            {`KafkaConnect a.B required;`, "", "it must look like"},
		"an open quote":       {`KafkaConnect { a.B required file="x; };`, "", "a quotation mark is not closed"},
		"an open comment":     {`KafkaConnect { a.B required; }; /* `, "[{a.B required map[]}]", ""},
		"properties":          {"alice=secret\nbob=secret", "", "it must look like"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			modules, err := LoginModules(c.text, "KafkaConnect")
			if c.problem != "" {
				if err == nil || !strings.Contains(err.Error(), c.problem) || strings.Contains(err.Error(), "secret") {
					t.Errorf("got %v, %v", modules, err)
				}
				return
			}
			if got := fmt.Sprint(modules); err != nil || got != c.want {
				t.Errorf("got %s, %v, want %s", got, err, c.want)
			}
		})
	}
}

func FuzzLoginModules(f *testing.F) {
	f.Add(`KafkaConnect { a.B required file="/x"; };`)
	f.Add("// x\nA{b c d='}'e=f;};/*")
	f.Fuzz(func(t *testing.T, text string) {
		modules, err := LoginModules(text, "KafkaConnect")
		if (err == nil) != (len(modules) > 0) {
			t.Fatalf("%v, %v", modules, err)
		}
	})
}
