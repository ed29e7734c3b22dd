import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.kafka.connect.data.Date;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Time;
import org.apache.kafka.connect.data.Timestamp;

/** Reads and writes the short form of schemas: struct{id:int64,name:string?[default="x"]}[name="a.B",version=1]. */
final class Schemas {
    private static final ObjectMapper JSON = new ObjectMapper();
    private final String text;
    private int at;

    private Schemas(String text) {
        this.text = text;
    }

    static Schema parse(String text) throws Exception {
        Schemas p = new Schemas(text);
        Schema s = p.schema();
        p.space();
        if (p.at < text.length())
            throw p.wrong("the end");
        return s;
    }

    /** The form in which print writes a schema. Of arrays and maps of any, which Connect makes and does not let others make, the text is taken as it is. */
    static String normal(String text) throws Exception {
        return text.contains("<any") || text.contains("any>") ? text.replace(" ", "") : print(parse(text));
    }

    private IllegalArgumentException wrong(String wanted) {
        return new IllegalArgumentException("schema " + text + ": " + wanted + " is missing at " + at);
    }

    private void space() {
        while (at < text.length() && Character.isWhitespace(text.charAt(at)))
            at++;
    }

    private boolean take(char c) {
        space();
        if (at < text.length() && text.charAt(at) == c) {
            at++;
            return true;
        }
        return false;
    }

    private void expect(char c) {
        if (!take(c))
            throw wrong("" + c);
    }

    private String word() throws Exception {
        space();
        if (at < text.length() && text.charAt(at) == '"')
            return JSON.readTree(json()).asText();
        int from = at;
        while (at < text.length() && (Character.isLetterOrDigit(text.charAt(at)) || "_.$-".indexOf(text.charAt(at)) >= 0))
            at++;
        if (at == from)
            throw wrong("a name");
        return text.substring(from, at);
    }

    /** The JSON value that comes next. */
    private String json() {
        space();
        int from = at, depth = 0;
        boolean quoted = false;
        for (; at < text.length(); at++) {
            char c = text.charAt(at);
            if (quoted) {
                if (c == '\\')
                    at++;
                else if (c == '"')
                    quoted = false;
            } else if (c == '"') {
                quoted = true;
            } else if (c == '[' || c == '{') {
                depth++;
            } else if (depth == 0 && (c == ',' || c == ']' || c == ':' || c == '}')) {
                break;
            } else if (c == ']' || c == '}') {
                depth--;
            }
        }
        return text.substring(from, at).strip();
    }

    private Schema schema() throws Exception {
        SchemaBuilder b = builder();
        if (b == null)
            return null; // any: no schema
        if (take('?'))
            b.optional();
        JsonNode def = null;
        if (take('[')) {
            do {
                String name = word();
                expect('=');
                JsonNode v = JSON.readTree(json());
                if (name.equals("name"))
                    b.name(v.asText());
                else if (name.equals("version"))
                    b.version(v.intValue());
                else if (name.equals("doc"))
                    b.doc(v.asText());
                else if (name.equals("default"))
                    def = v;
                else if (name.startsWith("param."))
                    b.parameter(name.substring(6), v.asText());
                else
                    throw wrong("an attribute instead of " + name);
            } while (take(','));
            expect(']');
        }
        if (def != null)
            b.defaultValue(Data.read(b, def));
        return b.build();
    }

    private SchemaBuilder builder() throws Exception {
        String type = word();
        switch (type) {
            case "int8": return SchemaBuilder.int8();
            case "int16": return SchemaBuilder.int16();
            case "int32": return SchemaBuilder.int32();
            case "int64": return SchemaBuilder.int64();
            case "float32": return SchemaBuilder.float32();
            case "float64": return SchemaBuilder.float64();
            case "boolean": return SchemaBuilder.bool();
            case "string": return SchemaBuilder.string();
            case "bytes": return SchemaBuilder.bytes();
            case "date": return Date.builder();
            case "time": return Time.builder();
            case "timestamp": return Timestamp.builder();
            case "any": return null;
            case "decimal": {
                expect('(');
                int scale = Integer.parseInt(word());
                expect(')');
                return Decimal.builder(scale);
            }
            case "array": {
                expect('<');
                Schema element = schema();
                expect('>');
                return SchemaBuilder.array(element);
            }
            case "map": {
                expect('<');
                Schema key = schema();
                expect(',');
                Schema value = schema();
                expect('>');
                return SchemaBuilder.map(key, value);
            }
            case "struct": {
                SchemaBuilder b = SchemaBuilder.struct();
                expect('{');
                if (take('}'))
                    return b;
                do {
                    String name = word();
                    expect(':');
                    b.field(name, schema());
                } while (take(','));
                expect('}');
                return b;
            }
            default: throw wrong("a type instead of " + type);
        }
    }

    static String print(Schema s) throws Exception {
        if (s == null)
            return "any";
        StringBuilder b = new StringBuilder();
        boolean logical = false;
        if (s.version() != null && s.version() == 1 && s.name() != null) {
            logical = true;
            switch (s.name()) {
                case Decimal.LOGICAL_NAME:
                    b.append("decimal(").append(s.parameters().get(Decimal.SCALE_FIELD)).append(')');
                    logical = s.type() == Schema.Type.BYTES;
                    break;
                case Date.LOGICAL_NAME:
                    b.append("date");
                    logical = s.type() == Schema.Type.INT32;
                    break;
                case Time.LOGICAL_NAME:
                    b.append("time");
                    logical = s.type() == Schema.Type.INT32;
                    break;
                case Timestamp.LOGICAL_NAME:
                    b.append("timestamp");
                    logical = s.type() == Schema.Type.INT64;
                    break;
                default:
                    logical = false;
            }
            if (!logical)
                b.setLength(0);
        }
        if (!logical)
            printType(b, s);
        if (s.isOptional())
            b.append('?');
        StringBuilder more = new StringBuilder();
        if (!logical && s.name() != null)
            more.append(",name=").append(JSON.writeValueAsString(s.name()));
        if (!logical && s.version() != null)
            more.append(",version=").append(s.version());
        if (s.doc() != null)
            more.append(",doc=").append(JSON.writeValueAsString(s.doc()));
        if (s.parameters() != null)
            for (String k : new java.util.TreeSet<>(s.parameters().keySet()))
                if (!(logical && k.equals(Decimal.SCALE_FIELD)))
                    more.append(",param.").append(k).append('=').append(JSON.writeValueAsString(s.parameters().get(k)));
        if (s.defaultValue() != null)
            more.append(",default=").append(JSON.writeValueAsString(Data.write(s, s.defaultValue())));
        if (more.length() > 0)
            b.append('[').append(more.substring(1)).append(']');
        return b.toString();
    }

    private static void printType(StringBuilder b, Schema s) throws Exception {
        b.append(s.type().getName());
        switch (s.type()) {
            case ARRAY:
                b.append('<').append(print(s.valueSchema())).append('>');
                break;
            case MAP:
                b.append('<').append(print(s.keySchema())).append(',').append(print(s.valueSchema())).append('>');
                break;
            case STRUCT:
                b.append('{');
                String comma = "";
                for (Field f : s.fields()) {
                    b.append(comma).append(f.name().matches("[A-Za-z0-9_.$-]+") ? f.name() : JSON.writeValueAsString(f.name()));
                    b.append(':').append(print(f.schema()));
                    comma = ",";
                }
                b.append('}');
                break;
            default:
        }
    }
}
