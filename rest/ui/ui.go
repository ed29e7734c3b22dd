// Package ui is the web page of a worker: connectors with their tasks, states and errors, the plugins, and buttons to restart,
// pause, resume and stop. It is four files in the binary and uses nothing else: no build step, no other host, and only the public
// REST API, relative to its own address, so that it works behind a proxy with a path.
package ui

import (
	"bytes"
	"embed"
	"path"
)

// Index is the page itself.
const Index = "index.html"

// Policy is the Content-Security-Policy to send with the files: nothing runs but app.js, whatever text the page shows.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'self'; form-action 'none'; frame-ancestors 'none'"

//go:embed index.html app.js style.css icon.svg
var files embed.FS

// Open returns a file and its Content-Type, and false when the page has no such file.
func Open(name string) (contentType string, body []byte, ok bool) {
	body, err := files.ReadFile(name)
	if err != nil {
		return "", nil, false
	}
	switch path.Ext(name) {
	case ".js":
		contentType = "text/javascript; charset=utf-8"
	case ".css":
		contentType = "text/css; charset=utf-8"
	case ".svg":
		contentType = "image/svg+xml"
	default:
		contentType = "text/html; charset=utf-8"
	}
	return contentType, body, true
}

// Page returns [Index] for an address that ends in the name of the folder, when inside is false, or in a slash after it.
func Page(inside bool) []byte {
	_, page, _ := Open(Index)
	if inside {
		return page
	}
	return bytes.Replace(page, []byte(`<base href="./">`), []byte(`<base href="ui/">`), 1)
}
