package herder

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/outboard-connect/outboard/host/internal/provider"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// Validate checks a configuration for a connector, without storing it. The plugin is that of the request's path; it must be
// the one that connector.class names. Errors in the configuration are part of the answer.
func (h *Herder) Validate(ctx context.Context, plugin string, cfg map[string]string) (ConfigInfos, error) {
	r, err := h.begin(ctx)
	if err != nil {
		return ConfigInfos{}, err
	}
	defer r.cancel()
	class, err := connectorClass(cfg)
	if err != nil {
		return ConfigInfos{}, err
	}
	if !strings.HasSuffix(withoutSuffix(class), withoutSuffix(plugin)) && !h.same(class, plugin) {
		return ConfigInfos{}, errorf(BadRequest, "Included connector type %s does not match request type %s", class, plugin)
	}
	r.enter("validating a configuration of connector class %s", class)
	infos, err := h.validate(r, cfg)
	if err != nil {
		return ConfigInfos{}, r.failed(err)
	}
	return infos, nil
}

// check refuses a configuration that is not valid.
func (h *Herder) check(ctx context.Context, cfg map[string]string) error {
	infos, err := h.validate(ctx, cfg)
	if err != nil {
		return err
	}
	if infos.ErrorCount > 0 {
		var texts []string
		for _, c := range infos.Configs {
			texts = append(texts, c.Value.Errors...)
		}
		return errorf(BadRequest, "Connector configuration is invalid and contains the following %d error(s):\n%s\n"+
			"You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`",
			len(texts), strings.Join(texts, "\n"))
	}
	h.warn(cfg, infos)
	return nil
}

// validate checks a configuration against the definitions and, when these find nothing wrong, with the connector's own code
// if it has any for that.
func (h *Herder) validate(ctx context.Context, cfg map[string]string) (ConfigInfos, error) {
	c, problem, err := h.find(cfg)
	if err != nil {
		return ConfigInfos{}, err
	}
	resolved, err := h.settings.Worker.Providers.Resolve(cfg)
	if err != nil {
		return ConfigInfos{}, errorf(BadRequest, "%v", err)
	}
	v := validation{connector: c, versionProblem: problem, values: resolved.Values, settings: &h.settings}
	for _, other := range h.plugins.Connectors() {
		if version := other.Version.String(); other.Class() == c.Class() && !slices.Contains(v.versions, version) {
			v.versions = append(v.versions, version)
		}
	}
	answer := v.answer()
	if err := v.declaration(ctx, answer); err != nil {
		return ConfigInfos{}, fmt.Errorf("the connector could not be asked whether it supports exactly once: %s", resolved.Hide(err.Error()))
	}
	if answer.count() > 0 || !c.Description.GetLiveValidation() || h.settings.LiveValidate == nil {
		return discreet(answer.infos(cfg), resolved), nil
	}
	live, err := h.settings.LiveValidate(ctx, c, resolved.Values)
	if err != nil {
		return ConfigInfos{}, fmt.Errorf("the connector's own validation did not work: %s", resolved.Hide(err.Error()))
	}
	answer.merge(live)
	return discreet(answer.infos(cfg), resolved), nil
}

// discreet shows references where there were any, and no text with what they stand for.
func discreet(infos ConfigInfos, resolved *provider.Resolved) ConfigInfos {
	for i := range infos.Configs {
		v := &infos.Configs[i].Value
		if raw, ok := resolved.Raw(v.Name); ok {
			v.Value = &raw
		}
		for k, text := range v.Errors {
			v.Errors[k] = resolved.Hide(text)
		}
	}
	return infos
}

// connectorClass reads connector.class. The error shows names of keys only: values may be secrets.
func connectorClass(cfg map[string]string) (string, error) {
	class := strings.TrimSpace(cfg["connector.class"])
	if class == "" {
		return "", errorf(BadRequest, "Connector config {%s} contains no connector type. Set connector.class, for example to FileStreamSource; "+
			"GET /connector-plugins lists what there is", strings.Join(slices.Sorted(maps.Keys(cfg)), ", "))
	}
	return class, nil
}

// same tells whether two names mean the same connector.
func (h *Herder) same(class, plugin string) bool {
	a, err := h.plugins.Find(class, "")
	if err != nil {
		return false
	}
	b, err := h.plugins.Find(plugin, "")
	return err == nil && a.Class() == b.Class()
}

// withoutSuffix is a class name as Kafka Connect compares them.
func withoutSuffix(class string) string { return strings.TrimSuffix(class, "Connector") }

// warn tells of keys that nobody reads: the usual end of a typing mistake.
func (h *Herder) warn(cfg map[string]string, infos ConfigInfos) {
	var known []string
	for _, c := range infos.Configs {
		known = append(known, c.Value.Name)
	}
	for _, key := range slices.Sorted(maps.Keys(cfg)) {
		if slices.Contains(known, key) || strings.HasPrefix(key, "topic.creation.") || strings.Contains(key, ".override.") {
			continue
		}
		if converter := converterOf(key); converter != "" && cfg[converter] == "" {
			h.log.Warn("the key is not used: without "+converter+" the worker's converter applies, with the worker's settings; set "+converter+" too",
				"connector", cfg["name"], "key", key)
			continue
		}
		hint := "remove it if it is not meant for the connector's own use"
		if nearest := config.Nearest(key, known); nearest != "" {
			hint = "did you mean " + nearest + "?"
		}
		h.log.Warn("the key is not in the connector's definition", "connector", cfg["name"], "key", key, "hint", hint)
	}
}

// converterOf is the converter key that a key with its prefix belongs to; empty if there is none.
func converterOf(key string) string {
	for _, converter := range []string{"key.converter", "value.converter", "header.converter"} {
		if strings.HasPrefix(key, converter+".") && key != converter+".plugin.version" {
			return converter
		}
	}
	return ""
}
