import java.io.ObjectOutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.runtime.standalone.StandaloneConfig;
import org.apache.kafka.connect.storage.FileOffsetBackingStore;

/**
 * Writes the samples beside it with Kafka Connect's own classes (Apache Kafka 4.3.1, connect-runtime and connect-json):
 * java -cp '<jars>/*' JavaOffsets.java <folder>
 */
public class JavaOffsets {
    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        JsonConverter converter = new JsonConverter();
        converter.configure(Map.of("schemas.enable", "false"), true);

        Map<ByteBuffer, ByteBuffer> offsets = new LinkedHashMap<>();
        put(offsets, converter, "file-source", Map.of("filename", "/tmp/a.txt"), Map.of("position", 1234567890123L));
        put(offsets, converter, "file-source", Map.of("filename", "/tmp/\u00fcml\u00e4ut \"x\".txt"), Map.of("position", 0L));
        Map<String, Object> partition = new LinkedHashMap<>();
        partition.put("server", "db1");
        partition.put("database", "orders");
        put(offsets, converter, "cdc", partition, Map.of("lsn", -5L, "snapshot", true, "note", "tab\tcontrol\u0001"));
        for (int i = 0; i < 40; i++)
            put(offsets, converter, "many", Map.of("table", "t" + i), Map.of("id", i));
        save(folder.resolve("offsets.bin"), offsets);
        save(folder.resolve("empty.bin"), new LinkedHashMap<>());

        // Every character that Jackson could treat in its own way.
        StringBuilder text = new StringBuilder();
        for (char c = 0; c < 0x100; c++)
            text.append(c);
        text.append("\u2028\u2029\ufeff\uffff\ud83d\ude00");
        Files.write(folder.resolve("quoting.txt"), text.toString().getBytes("UTF-8"));
        Files.write(folder.resolve("quoting.json"), converter.fromConnectData("connector", null, text.toString()));

        // What an older worker could leave behind: a null value, and one array used twice.
        byte[] shared = "{\"position\":7}".getBytes("UTF-8");
        HashMap<byte[], byte[]> raw = new HashMap<>();
        raw.put("[\"a\",{\"f\":\"1\"}]".getBytes("UTF-8"), shared);
        raw.put("[\"a\",{\"f\":\"2\"}]".getBytes("UTF-8"), shared);
        raw.put("[\"a\",{\"f\":\"3\"}]".getBytes("UTF-8"), null);
        write(folder.resolve("shared.bin"), raw);
        // Not what a worker writes.
        write(folder.resolve("list.bin"), List.of("a"));
        HashMap<String, String> strings = new HashMap<>();
        strings.put("key", "value");
        write(folder.resolve("strings.bin"), strings);
    }

    static void put(Map<ByteBuffer, ByteBuffer> offsets, JsonConverter converter, String connector, Map<String, ?> partition, Map<String, ?> offset) {
        offsets.put(ByteBuffer.wrap(converter.fromConnectData("connector", null, List.of(connector, partition))),
            ByteBuffer.wrap(converter.fromConnectData("connector", null, offset)));
    }

    static void save(Path path, Map<ByteBuffer, ByteBuffer> offsets) throws Exception {
        JsonConverter key = new JsonConverter();
        key.configure(Map.of("schemas.enable", "false"), true);
        FileOffsetBackingStore store = new FileOffsetBackingStore(key);
        store.configure(new StandaloneConfig(Map.of(
            "bootstrap.servers", "localhost:9092", "offset.storage.file.filename", path.toString(),
            "key.converter", "org.apache.kafka.connect.json.JsonConverter", "value.converter", "org.apache.kafka.connect.json.JsonConverter")));
        store.start();
        store.set(offsets, null).get();
        store.stop();
    }

    static void write(Path path, Object value) throws Exception {
        try (ObjectOutputStream out = new ObjectOutputStream(Files.newOutputStream(path))) {
            out.writeObject(value);
        }
    }
}
