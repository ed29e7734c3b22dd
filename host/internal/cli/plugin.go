package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"

	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/proto/wire"
)

func pluginCommand(stdout, stderr io.Writer) *cobra.Command {
	p := plugins{out: stdout, err: stderr}
	command := &cobra.Command{
		Use:   "plugin",
		Short: "Show the connectors that are installed, and their settings",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	command.PersistentFlags().StringArrayVar(&p.path, "plugin-path", nil, "folder with plugin binaries; may be given several times (default: the folder plugins beside this binary)")
	command.PersistentFlags().StringVar(&p.output, "output", "text", "how to show it: text or json")
	p.flags(command.PersistentFlags(), "error")
	command.AddCommand(
		&cobra.Command{
			Use:   "list",
			Short: "List the connectors that are installed",
			Args:  cobra.NoArgs,
			RunE:  func(cmd *cobra.Command, _ []string) error { return p.list(cmd.Context()) },
		},
		&cobra.Command{
			Use:   "describe CLASS",
			Short: "Show what a connector can be told",
			Args: func(_ *cobra.Command, args []string) error {
				if len(args) != 1 {
					return fmt.Errorf("usage: outboard plugin describe CLASS (%d arguments given); outboard plugin list shows the classes", len(args))
				}
				return nil
			},
			RunE: func(cmd *cobra.Command, args []string) error { return p.describe(cmd.Context(), args[0]) },
		},
	)
	return command
}

// plugins are the flags of outboard plugin.
type plugins struct {
	logFlags
	path     []string
	output   string
	out, err io.Writer
}

// scan looks at all plugins.
func (p *plugins) scan(ctx context.Context) (*isolation.Catalog, error) {
	if p.output != "text" && p.output != "json" {
		return nil, fmt.Errorf("--output=%s is none of text, json", p.output)
	}
	log, _, err := p.logger(p.err)
	if err != nil {
		return nil, err
	}
	return scanPlugins(ctx, p.path, log)
}

func scanPlugins(ctx context.Context, path []string, log hclog.Logger) (*isolation.Catalog, error) {
	if len(path) == 0 {
		var err error
		if path, err = defaultPluginPath(); err != nil {
			return nil, err
		}
	}
	catalog, err := isolation.NewCatalog(isolation.CatalogSettings{Path: path, CacheFile: pluginCache(), HostVersion: version, Logger: log})
	if err != nil {
		return nil, err
	}
	return catalog, catalog.Scan(ctx)
}

// listed is a connector, or a file that cannot be used, in the JSON of outboard plugin list.
type listed struct {
	Class    string `json:"class,omitempty"`
	Type     string `json:"type,omitempty"`
	Version  string `json:"version,omitempty"`
	Path     string `json:"path"`
	Checksum string `json:"sha256,omitempty"`
	Problem  string `json:"problem,omitempty"`
}

func (p *plugins) list(ctx context.Context) error {
	catalog, err := p.scan(ctx)
	if err != nil {
		return err
	}
	entries := catalog.List()
	if p.output == "json" {
		all := make([]listed, len(entries))
		for i, e := range entries {
			all[i] = listed(e)
		}
		return p.json(all)
	}
	if len(entries) == 0 {
		fmt.Fprintln(p.out, "no plugins: drop binaries into the folder, or name another with --plugin-path")
		return nil
	}
	for _, line := range found(entries) {
		fmt.Fprintln(p.out, line)
	}
	return nil
}

// found shows connectors as a table, and after it what cannot be used.
func found(entries []isolation.Entry) []string {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, e := range entries {
		if e.Problem == "" {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", e.Class, e.Version, e.Type, e.Path)
		}
	}
	_ = table.Flush() // into a strings.Builder
	for _, e := range entries {
		if e.Problem != "" {
			fmt.Fprintf(&text, "not usable: %s: %s\n", e.Path, e.Problem)
		}
	}
	if text.Len() == 0 {
		return []string{"none: drop plugin binaries into the folder, they are taken up at once"}
	}
	return strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
}

// described is a connector in the JSON of outboard plugin describe.
type described struct {
	Class   string           `json:"class"`
	Type    string           `json:"type"`
	Version string           `json:"version"`
	Aliases []string         `json:"aliases"`
	Doc     string           `json:"documentation"`
	Path    string           `json:"path"`
	Config  []config.KeyInfo `json:"config"`
}

func (p *plugins) describe(ctx context.Context, class string) error {
	catalog, err := p.scan(ctx)
	if err != nil {
		return err
	}
	c, err := catalog.Find(class, "")
	if err != nil {
		return err
	}
	var definition config.Definition
	for _, key := range c.Description.GetConfig() {
		definition = append(definition, wire.ConfigKeyFromProto(key))
	}
	if p.output == "text" {
		fmt.Fprintf(p.out, "%s %s (%s)\n%s\n\n", c.Class(), c.Version, c.Type(), c.Plugin.Path)
		if doc := c.Description.GetDocumentation(); doc != "" {
			fmt.Fprintf(p.out, "%s\n\n", doc)
		}
		if aliases := c.Description.GetAliases(); len(aliases) > 0 {
			fmt.Fprintf(p.out, "also known as %s\n\n", strings.Join(aliases, ", "))
		}
		p.keys(definition)
		return nil
	}
	d := described{
		Class: c.Class(), Type: c.Type(), Version: c.Version.String(), Path: c.Plugin.Path, Doc: c.Description.GetDocumentation(),
		Aliases: append([]string{}, c.Description.GetAliases()...), Config: []config.KeyInfo{},
	}
	for _, key := range definition {
		d.Config = append(d.Config, key.Info())
	}
	return p.json(d)
}

// keys shows what can be set, each key with its documentation below it.
func (p *plugins) keys(definition config.Definition) {
	for _, key := range definition {
		about := []string{strings.ToLower(key.Type.String())}
		switch {
		case key.Required:
			about = append(about, "required")
		case key.Default != nil && *key.Default != "":
			about = append(about, "default "+*key.Info().DefaultValue)
		}
		if len(key.Valid) > 0 {
			about = append(about, "one of "+strings.Join(key.Valid, ", "))
		}
		fmt.Fprintf(p.out, "%s  (%s)\n", key.Name, strings.Join(about, "; "))
		if key.Doc != "" {
			fmt.Fprintf(p.out, "    %s\n", key.Doc)
		}
	}
	fmt.Fprintln(p.out, "\nand the keys of all connectors: name, connector.class, tasks.max, key.converter, value.converter, …")
}

func (p *plugins) json(v any) error {
	encoder := json.NewEncoder(p.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
