package ui_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/rest/ui"
)

// text returns a file of the page.
func text(t *testing.T, name string) string {
	t.Helper()
	_, body, ok := ui.Open(name)
	if !ok {
		t.Fatalf("the page has no %s", name)
	}
	return string(body)
}

func TestOpen(t *testing.T) {
	for name, want := range map[string]string{
		ui.Index:    "text/html; charset=utf-8",
		"app.js":    "text/javascript; charset=utf-8",
		"style.css": "text/css; charset=utf-8",
		"icon.svg":  "image/svg+xml",
	} {
		contentType, body, ok := ui.Open(name)
		if !ok || contentType != want || len(body) == 0 {
			t.Errorf("%s: %q, %d bytes, %t", name, contentType, len(body), ok)
		}
	}
	for _, name := range []string{"", ".", "..", "ui.go", "../root.go", "/index.html", "index.html/", "a\x00b"} {
		if _, _, ok := ui.Open(name); ok {
			t.Errorf("%q is a file of the page", name)
		}
	}
}

func TestPageKnowsItsFolder(t *testing.T) {
	for inside, want := range map[bool]string{true: `<base href="./">`, false: `<base href="ui/">`} {
		if page := string(ui.Page(inside)); strings.Count(page, "<base ") != 1 || !strings.Contains(page, want) {
			t.Errorf("inside %t: the page does not have %s", inside, want)
		}
	}
}

// TestLinksAreRelativeAndThere keeps the page whole: its files are in the binary, and it loads nothing else.
func TestLinksAreRelativeAndThere(t *testing.T) {
	links := regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(text(t, ui.Index), -1)
	if len(links) < 4 {
		t.Errorf("%d links", len(links))
	}
	for _, link := range links {
		if _, _, ok := ui.Open(link[1]); !ok && link[1] != "./" {
			t.Errorf("the page links to %q", link[1])
		}
	}
	for _, name := range []string{ui.Index, "app.js", "style.css"} {
		if found := regexp.MustCompile(`(https?:)?//[A-Za-z0-9.-]+\.[A-Za-z]{2,}|\burl\(|@import`).FindString(text(t, name)); found != "" {
			t.Errorf("%s loads %s", name, found)
		}
	}
}

// TestPolicyIsKept looks for what the policy would block in a browser without a word to the developer.
func TestPolicyIsKept(t *testing.T) {
	for _, wrong := range []string{`<script>`, ` style="`, `<style`, `javascript:`, `data:`, `<iframe`, `<form`} {
		if strings.Contains(text(t, ui.Index), wrong) {
			t.Errorf("index.html has %s", wrong)
		}
	}
	if found := regexp.MustCompile(`<[^>]* on[a-z]+=`).FindString(text(t, ui.Index)); found != "" {
		t.Errorf("index.html has a handler in an attribute: %s", found)
	}
	for _, directive := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'none'"} {
		if !strings.Contains(ui.Policy, directive) {
			t.Errorf("the policy does not have %s", directive)
		}
	}
	if strings.Contains(ui.Policy, "unsafe") {
		t.Errorf("the policy is %s", ui.Policy)
	}
}

// TestNothingIsParsedAsHTML keeps names, states and traces text: they come from whoever configures or writes a connector.
func TestNothingIsParsedAsHTML(t *testing.T) {
	script := text(t, "app.js")
	for _, way := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "createContextualFragment", "eval(", "new Function", "setTimeout(\"", ".srcdoc", "setHTML"} {
		if strings.Contains(script, way) {
			t.Errorf("app.js uses %s", way)
		}
	}
	if !strings.Contains(script, `"X-Outboard-UI"`) {
		t.Error("app.js does not send X-Outboard-UI")
	}
}

func TestScriptFindsItsElements(t *testing.T) {
	page, script := text(t, ui.Index), text(t, "app.js")
	var ids []string
	for _, match := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if slices.Contains(ids, match[1]) {
			t.Errorf("two elements have the id %s", match[1])
		}
		ids = append(ids, match[1])
	}
	used := regexp.MustCompile(`(?:byId|setText)\("([^"]*)"`).FindAllStringSubmatch(script, -1)
	used = append(used, regexp.MustCompile(`aria-labelledby="([^"]*)"`).FindAllStringSubmatch(page, -1)...)
	if len(used) < 8 {
		t.Fatalf("%d elements are used", len(used))
	}
	for _, match := range used {
		if !slices.Contains(ids, match[1]) {
			t.Errorf("no element has the id %s", match[1])
		}
	}
	classes := text(t, "style.css")
	for _, class := range []string{"running", "failed", "degraded", "paused", "restarting", "unassigned", "healthy", "unhealthy", "starting"} {
		if !strings.Contains(classes, ".state."+class) {
			t.Errorf("style.css does not know the state %s", class)
		}
	}
}
