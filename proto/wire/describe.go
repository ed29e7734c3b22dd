package wire

import (
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// ConfigKeyToProto returns the message of a key.
func ConfigKeyToProto(k config.Key) *connectv1.ConfigKey {
	return &connectv1.ConfigKey{
		Name: k.Name, Type: connectv1.ConfigType(k.Type), DefaultValue: k.Default, Required: k.Required,
		Importance: connectv1.Importance(k.Importance), Documentation: k.Doc, Group: k.Group, Order: int32(k.Order),
		Width: connectv1.Width(k.Width), DisplayName: k.DisplayName, Dependents: k.Dependents, Min: k.Min, Max: k.Max,
		ValidValues: k.Valid, IgnoreCase: k.IgnoreCase, NonEmpty: k.NonEmpty, Pattern: k.Pattern, RecommendedValues: k.Recommended,
	}
}

// ConfigKeyFromProto returns the key of a message. It is not checked.
func ConfigKeyFromProto(m *connectv1.ConfigKey) config.Key {
	return config.Key{
		Name: m.GetName(), Type: config.Type(m.GetType()), Default: m.DefaultValue, Required: m.GetRequired(),
		Importance: config.Importance(m.GetImportance()), Doc: m.GetDocumentation(), Group: m.GetGroup(), Order: int(m.GetOrder()),
		Width: config.Width(m.GetWidth()), DisplayName: m.GetDisplayName(), Dependents: m.GetDependents(), Min: m.Min, Max: m.Max,
		Valid: m.GetValidValues(), IgnoreCase: m.GetIgnoreCase(), NonEmpty: m.GetNonEmpty(), Pattern: m.GetPattern(),
		Recommended: m.GetRecommendedValues(),
	}
}

// ConfigValueToProto returns the message of a validation result.
func ConfigValueToProto(v config.Value) *connectv1.ConfigValue {
	return &connectv1.ConfigValue{Name: v.Name, Value: v.Value, RecommendedValues: v.Recommended, Errors: v.Errors, Hidden: !v.Visible}
}

// ConfigValueFromProto returns the validation result of a message.
func ConfigValueFromProto(m *connectv1.ConfigValue) config.Value {
	return config.Value{Name: m.GetName(), Value: m.Value, Recommended: m.GetRecommendedValues(), Errors: m.GetErrors(), Visible: !m.GetHidden()}
}
