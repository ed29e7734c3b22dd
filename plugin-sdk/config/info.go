package config

import "slices"

// hidden stands for a password wherever it would be shown.
const hidden = "[hidden]"

// KeyInfo is Kafka Connect's JSON for the definition of a key (ConfigKeyInfo), as in GET /connector-plugins/{plugin}/config. Lists are
// never null.
type KeyInfo struct {
	Name          string   `json:"name"`
	Type          string   `json:"type"`
	Required      bool     `json:"required"`
	DefaultValue  *string  `json:"default_value"`
	Importance    string   `json:"importance"`
	Documentation string   `json:"documentation"`
	Group         *string  `json:"group"`
	Width         string   `json:"width"`
	DisplayName   string   `json:"display_name"`
	Dependents    []string `json:"dependents"`
	// Newer releases of Kafka Connect write order_in_group; the pages and tools that draw forms read order.
	OrderInGroup int `json:"order_in_group"`
	Order        int `json:"order"`
}

// ValueInfo is Kafka Connect's JSON for the value of a key (ConfigValueInfo). Lists are never null.
type ValueInfo struct {
	Name              string   `json:"name"`
	Value             *string  `json:"value"`
	RecommendedValues []string `json:"recommended_values"`
	Errors            []string `json:"errors"`
	Visible           bool     `json:"visible"`
}

// Info is Kafka Connect's JSON for a key and its value (ConfigInfo), an element of "configs" in the answer of validate. Definition is
// null for a key that no definition knows.
type Info struct {
	Definition *KeyInfo  `json:"definition"`
	Value      ValueInfo `json:"value"`
}

// Info returns the key as the REST API shows it. A key without order has -1; the default of a password is "[hidden]".
func (k Key) Info() KeyInfo {
	info := KeyInfo{
		Name:          k.Name,
		Type:          k.Type.String(),
		Required:      k.required(),
		DefaultValue:  k.Default,
		Importance:    k.Importance.String(),
		Documentation: k.Doc,
		Width:         k.Width.String(),
		DisplayName:   k.label(),
		Dependents:    present(k.Dependents),
		OrderInGroup:  k.Order,
	}
	if k.Type == TypePassword && k.Default != nil {
		info.DefaultValue = Default(hidden)
	}
	if k.Group != "" {
		info.Group = &k.Group
	}
	if info.OrderInGroup == 0 {
		info.OrderInGroup = -1
	}
	info.Order = info.OrderInGroup
	return info
}

// Info returns the value as the REST API shows it, next to the key that Lookup finds for its name. A password is "[hidden]".
func (d Definition) Info(v Value) Info {
	info := Info{Value: ValueInfo{
		Name:              v.Name,
		Value:             v.Value,
		RecommendedValues: present(v.Recommended),
		Errors:            present(v.Errors),
		Visible:           v.Visible,
	}}
	k, ok := d.Lookup(v.Name)
	if !ok {
		return info
	}
	definition := k.Info()
	info.Definition = &definition
	if k.Type == TypePassword && v.Value != nil {
		info.Value.Value = Default(hidden)
	}
	return info
}

func (k Key) required() bool { return k.Required && k.Default == nil }

func (k Key) label() string {
	if k.DisplayName == "" {
		return k.Name
	}
	return k.DisplayName
}

// present is a copy that JSON does not write as null.
func present(list []string) []string {
	return append(make([]string, 0, len(list)), slices.Clip(list)...)
}
