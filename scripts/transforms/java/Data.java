import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.connect.data.Date;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Time;
import org.apache.kafka.connect.data.Timestamp;

import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Connect's values as JSON and back. */
final class Data {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private Data() { }

    /** The value of a schema that a payload is; without schema as JsonConverter reads it. */
    static Object read(Schema s, JsonNode v) {
        if (v == null || v.isNull())
            return null;
        if (s == null)
            return bare(v);
        if (s.name() != null) {
            switch (s.name()) {
                case Decimal.LOGICAL_NAME:
                    return new BigDecimal(v.asText()).setScale(Integer.parseInt(s.parameters().get(Decimal.SCALE_FIELD)));
                case Date.LOGICAL_NAME:
                    return s.type() == Schema.Type.INT32 ? Date.toLogical(s, v.intValue()) : v.asText();
                case Time.LOGICAL_NAME:
                    return s.type() == Schema.Type.INT32 ? Time.toLogical(s, v.intValue()) : v.asText();
                case Timestamp.LOGICAL_NAME:
                    return s.type() == Schema.Type.INT64 ? Timestamp.toLogical(s, v.longValue()) : v.asText();
                default:
            }
        }
        switch (s.type()) {
            case INT8: return (byte) v.intValue();
            case INT16: return (short) v.intValue();
            case INT32: return v.intValue();
            case INT64: return v.longValue();
            case FLOAT32: return Float.valueOf(v.asText());
            case FLOAT64: return Double.valueOf(v.asText());
            case BOOLEAN: return v.booleanValue();
            case STRING: return v.asText();
            case BYTES: return ByteBuffer.wrap(Base64.getDecoder().decode(v.asText()));
            case ARRAY: {
                List<Object> list = new ArrayList<>();
                for (JsonNode e : v)
                    list.add(read(s.valueSchema(), e));
                return list;
            }
            case MAP: {
                Map<Object, Object> map = new LinkedHashMap<>();
                if (v.isObject()) {
                    for (Iterator<Map.Entry<String, JsonNode>> i = v.fields(); i.hasNext(); ) {
                        Map.Entry<String, JsonNode> e = i.next();
                        map.put(e.getKey(), read(s.valueSchema(), e.getValue()));
                    }
                } else {
                    for (JsonNode e : v)
                        map.put(read(s.keySchema(), e.get(0)), read(s.valueSchema(), e.get(1)));
                }
                return map;
            }
            default: {
                Struct struct = new Struct(s);
                for (Iterator<String> i = v.fieldNames(); i.hasNext(); ) {
                    String name = i.next();
                    struct.put(name, read(s.field(name).schema(), v.get(name)));
                }
                return struct;
            }
        }
    }

    private static Object bare(JsonNode v) {
        if (v.isNull())
            return null;
        if (v.isBoolean())
            return v.booleanValue();
        if (v.isIntegralNumber())
            return v.longValue();
        if (v.isNumber())
            return v.doubleValue();
        if (v.isTextual())
            return v.textValue();
        if (v.isArray()) {
            List<Object> list = new ArrayList<>();
            for (JsonNode e : v)
                list.add(bare(e));
            return list;
        }
        Map<String, Object> map = new HashMap<>();
        for (Iterator<Map.Entry<String, JsonNode>> i = v.fields(); i.hasNext(); ) {
            Map.Entry<String, JsonNode> e = i.next();
            map.put(e.getKey(), bare(e.getValue()));
        }
        return map;
    }

    /** The payload of a value. */
    static JsonNode write(Schema s, Object v) {
        if (v == null)
            return NODES.nullNode();
        if (v instanceof Boolean)
            return NODES.booleanNode((Boolean) v);
        if (v instanceof Float || v instanceof Double) {
            double d = ((Number) v).doubleValue();
            if (Double.isNaN(d) || Double.isInfinite(d))
                return NODES.textNode(v.toString());
            return NODES.numberNode(d);
        }
        if (v instanceof BigDecimal)
            return NODES.textNode(((BigDecimal) v).toPlainString());
        if (v instanceof Number)
            return NODES.numberNode(((Number) v).longValue());
        if (v instanceof String)
            return NODES.textNode((String) v);
        if (v instanceof byte[])
            return NODES.textNode(Base64.getEncoder().encodeToString((byte[]) v));
        if (v instanceof ByteBuffer) {
            ByteBuffer b = ((ByteBuffer) v).duplicate();
            byte[] bytes = new byte[b.remaining()];
            b.get(bytes);
            return NODES.textNode(Base64.getEncoder().encodeToString(bytes));
        }
        if (v instanceof java.util.Date) {
            java.util.Date d = (java.util.Date) v;
            if (s == null)
                return NODES.objectNode().put("$date", d.getTime());
            switch (s.name()) {
                case Date.LOGICAL_NAME: return NODES.numberNode(Date.fromLogical(s, d));
                case Time.LOGICAL_NAME: return NODES.numberNode(Time.fromLogical(s, d));
                default: return NODES.numberNode(Timestamp.fromLogical(s, d));
            }
        }
        if (v instanceof List) {
            ArrayNode list = NODES.arrayNode();
            for (Object e : (List<?>) v)
                list.add(write(s == null ? null : s.valueSchema(), e));
            return list;
        }
        if (v instanceof Map) {
            Schema value = s == null ? null : s.valueSchema();
            if (s == null || s.keySchema() == null || s.keySchema().type() == Schema.Type.STRING) {
                ObjectNode map = NODES.objectNode();
                ((Map<?, ?>) v).forEach((k, e) -> map.set(String.valueOf(k), write(value, e)));
                return map;
            }
            ArrayNode map = NODES.arrayNode();
            ((Map<?, ?>) v).forEach((k, e) -> map.add(NODES.arrayNode().add(write(s.keySchema(), k)).add(write(value, e))));
            return map;
        }
        Struct struct = (Struct) v;
        struct.validate();
        ObjectNode fields = NODES.objectNode();
        for (Field f : struct.schema().fields())
            fields.set(f.name(), write(f.schema(), struct.getWithoutDefault(f.name())));
        return fields;
    }
}
