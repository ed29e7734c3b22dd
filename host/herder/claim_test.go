package herder_test

import (
	"testing"

	"github.com/outboard-connect/outboard/host/herder"
	"github.com/outboard-connect/outboard/host/herder/herdertest"
)

// A leader that was shut out of the config topic, and still leads, carries out what is asked of it.
func claimIsTaken(t *testing.T, g *workers) {
	h := g.join("a", func(m *herdertest.Member) { m.ExactlyOnce = true })
	for name, ask := range map[string]func() error{
		"create": func() error { _, err := h.Create(t.Context(), "c", g.config("c"), ""); return err },
		"put":    func() error { _, _, err := h.PutConfig(t.Context(), "c", g.config("c")); return err },
		"patch":  func() error { _, err := h.PatchConfig(t.Context(), "c", map[string]*string{"mark": nil}); return err },
		"stop":   func() error { return h.Stop(t.Context(), "c") },
		"delete": func() error { return h.Delete(t.Context(), "c") },
	} {
		if name != "create" {
			if _, _, err := h.PutConfig(t.Context(), "c", g.config("c")); err != nil {
				t.Fatal(err)
			}
		}
		if err := g.cluster.Claim(t.Context(), g.group); err != nil {
			t.Fatal(err)
		}
		if err := ask(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := h.Delete(t.Context(), "c"); except(err, herder.NotFound) != nil {
			t.Fatal(err)
		}
	}
}
