import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.source.SourceRecord;

import java.util.Base64;
import java.nio.ByteBuffer;
import java.util.Iterator;
import java.util.Map;

/** Records as JSON and back. */
final class Records {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private Records() { }

    static ConnectRecord<?> read(JsonNode r) throws Exception {
        String topic = r.get("topic").asText();
        Integer partition = r.has("partition") ? r.get("partition").intValue() : null;
        Long timestamp = r.has("timestamp") ? r.get("timestamp").longValue() : null;
        SchemaAndValue key = value(r.get("key")), value = value(r.get("value"));
        ConnectHeaders headers = new ConnectHeaders();
        if (r.has("headers"))
            for (JsonNode h : r.get("headers"))
                headers.add(h.get(0).asText(), value(h.get(1)));
        if (r.has("offset"))
            return new SinkRecord(topic, partition == null ? 0 : partition, key.schema(), key.value(), value.schema(), value.value(),
                r.get("offset").longValue(), timestamp, TimestampType.CREATE_TIME, headers);
        return new SourceRecord(Map.of(), Map.of(), topic, partition, key.schema(), key.value(), value.schema(), value.value(), timestamp, headers);
    }

    private static SchemaAndValue value(JsonNode v) throws Exception {
        if (v == null)
            return SchemaAndValue.NULL;
        if (v.has("text"))
            return new SchemaAndValue(Schema.STRING_SCHEMA, v.get("text").asText());
        if (v.has("bytes"))
            return new SchemaAndValue(Schema.BYTES_SCHEMA, ByteBuffer.wrap(Base64.getDecoder().decode(v.get("bytes").asText())));
        JsonNode s = v.get("schema");
        Schema schema = s == null || s.isNull() ? null : Schemas.parse(s.asText());
        return new SchemaAndValue(schema, Data.read(schema, v.get("payload")));
    }

    static JsonNode write(ConnectRecord<?> r) throws Exception {
        ObjectNode n = NODES.objectNode();
        n.put("topic", r.topic());
        if (r.kafkaPartition() != null)
            n.put("partition", r.kafkaPartition());
        if (r.timestamp() != null)
            n.put("timestamp", r.timestamp());
        put(n, "key", r.keySchema(), r.key());
        put(n, "value", r.valueSchema(), r.value());
        if (!r.headers().isEmpty()) {
            ArrayNode headers = n.putArray("headers");
            for (Header h : r.headers()) {
                ObjectNode holder = NODES.objectNode();
                put(holder, "v", h.schema(), h.value());
                ArrayNode pair = headers.addArray().add(h.key());
                pair.add(holder.has("v") ? holder.get("v") : NODES.nullNode());
            }
        }
        return n;
    }

    private static void put(ObjectNode n, String name, Schema s, Object v) throws Exception {
        if (s == null && v == null)
            return;
        ObjectNode value = n.putObject(name);
        if (s == null)
            value.putNull("schema");
        else
            value.put("schema", Schemas.print(s));
        value.set("payload", Data.write(s, v));
    }

    /** The form of an expected record in which this class writes: without kinds that Java does not have. */
    static JsonNode normal(JsonNode r) throws Exception {
        ObjectNode n = NODES.objectNode();
        for (Iterator<Map.Entry<String, JsonNode>> i = r.fields(); i.hasNext(); ) {
            Map.Entry<String, JsonNode> e = i.next();
            switch (e.getKey()) {
                case "key":
                case "value":
                    n.set(e.getKey(), normalValue(e.getValue()));
                    break;
                case "headers": {
                    ArrayNode headers = n.putArray("headers");
                    for (JsonNode h : e.getValue())
                        headers.addArray().add(h.get(0)).add(normalValue(h.get(1)));
                    break;
                }
                default:
                    n.set(e.getKey(), e.getValue());
            }
        }
        return n;
    }

    private static JsonNode normalValue(JsonNode v) throws Exception {
        if (v.isNull())
            return v;
        ObjectNode n = NODES.objectNode();
        if (v.has("text"))
            return n.put("schema", "string").set("payload", v.get("text"));
        if (v.has("bytes"))
            return n.put("schema", "bytes").set("payload", v.get("bytes"));
        JsonNode s = v.get("schema");
        if (s == null || s.isNull() || s.asText().equals("any"))
            n.putNull("schema");
        else
            n.put("schema", Schemas.normal(s.asText()));
        return n.set("payload", v.get("payload"));
    }

    /** Gives an outcome the kinds of values that Java does not tell apart, as far as what went in shows them. */
    static JsonNode kinds(JsonNode in, JsonNode out) {
        boolean any = in.has("value") && in.get("value").path("schema").asText().equals("any");
        for (String part : new String[] {"key", "value"})
            if (out.has(part))
                ((ObjectNode) out).set(part, kind(in.get(part), out.get(part), any));
        if (out.has("headers"))
            for (JsonNode h : out.get("headers")) {
                JsonNode before = null;
                for (JsonNode b : in.path("headers"))
                    if (b.get(0).equals(h.get(0)) && b.get(1).path("text").equals(h.get(1).path("payload")))
                        before = b.get(1);
                ((ArrayNode) h).set(1, kind(before, h.get(1), any));
            }
        return out;
    }

    private static JsonNode kind(JsonNode in, JsonNode out, boolean any) {
        if (out.isNull())
            return out;
        if (in != null && in.has("text") && out.path("schema").asText().equals("string") && out.get("payload").equals(in.get("text")))
            return in;
        if (in != null && in.has("bytes") && out.path("schema").asText().equals("bytes") && out.get("payload").equals(in.get("bytes")))
            return in;
        if (any && out.get("schema").isNull())
            return ((ObjectNode) out).put("schema", "any");
        return out;
    }

    /** Equal as JSON: members in any order, whole numbers as numbers, others as doubles. */
    static boolean same(JsonNode a, JsonNode b) {
        if (a.isNumber() && b.isNumber())
            return a.isIntegralNumber() == b.isIntegralNumber() && (a.isIntegralNumber() ? a.longValue() == b.longValue() : a.doubleValue() == b.doubleValue());
        if (a.isObject() && b.isObject()) {
            if (a.size() != b.size())
                return false;
            for (Iterator<String> i = a.fieldNames(); i.hasNext(); ) {
                String name = i.next();
                if (!b.has(name) || !same(a.get(name), b.get(name)))
                    return false;
            }
            return true;
        }
        if (a.isArray() && b.isArray()) {
            if (a.size() != b.size())
                return false;
            for (int i = 0; i < a.size(); i++)
                if (!same(a.get(i), b.get(i)))
                    return false;
            return true;
        }
        return a.equals(b);
    }
}
