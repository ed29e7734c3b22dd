import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.transforms.Transformation;
import org.apache.kafka.connect.transforms.predicates.Predicate;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Runs the cases of testdata through the transformations that they name, as far as Java has them.
 *
 * <pre>
 * Runner TESTDATA         a line a case: its name, its mark, "confirmed", or "differs" and what Java makes of it
 * Runner -fill TESTDATA   writes what Java makes of it where a case has ? for its outcome
 * Runner -keys            the settings of Kafka's transformations
 * </pre>
 */
public final class Runner {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String KAFKA = "org.apache.kafka.connect.transforms.";

    private Runner() { }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("-keys")) {
            keys(args);
            return;
        }
        boolean fill = args[0].equals("-fill");
        Path root = Path.of(args[args.length - 1]);
        List<Path> files;
        try (Stream<Path> all = Files.walk(root)) {
            files = all.filter(p -> p.toString().endsWith(".txt") && !p.getParent().equals(root)).sorted().collect(Collectors.toList());
        }
        for (Path file : files) {
            String text = Files.readString(file);
            for (Case c : Case.read(root, file)) {
                String outcome;
                try {
                    outcome = run(c);
                } catch (ClassNotFoundException e) {
                    continue; // ours alone
                } catch (Exception | ExceptionInInitializerError e) {
                    outcome = "error " + e;
                }
                if (fill)
                    text = filled(text, c, outcome);
                else
                    System.out.println(c.id() + "\t" + c.mark() + "\t" + verdict(c, outcome));
            }
            if (fill)
                Files.writeString(file, text);
        }
    }

    private static String filled(String text, Case c, String outcome) throws Exception {
        if (!"?".equals(c.sections.get("want")))
            return text;
        if (!outcome.startsWith("error ") && !outcome.equals("dropped"))
            outcome = JSON.writeValueAsString(Records.kinds(JSON.readTree(c.sections.get("record")), JSON.readTree(outcome)));
        String section = "-- want\n" + outcome + "\n";
        if (outcome.startsWith("error "))
            section = "-- error\n?\n# Java: " + outcome.substring(6).replace("\n", " ") + "\n";
        String body = c.body.replace("-- want\n?\n", section);
        return text.replace("== " + c.name + "\n" + c.body, "== " + c.name + "\n" + body);
    }

    private static String verdict(Case c, String outcome) throws Exception {
        boolean ok;
        if (c.sections.containsKey("error"))
            ok = outcome.startsWith("error ");
        else if (outcome.equals("dropped") || outcome.startsWith("error ") || c.sections.get("want").equals("dropped"))
            ok = outcome.equals(c.sections.get("want"));
        else
            ok = Records.same(JSON.readTree(outcome), Records.normal(JSON.readTree(c.sections.get("want"))));
        return ok ? "confirmed" : "differs\t" + outcome.replace("\n", " ").replace("\t", " ");
    }

    /** What Java makes of a case: a record, "dropped", or an exception. */
    @SuppressWarnings({"unchecked", "rawtypes"})
    private static String run(Case c) throws Exception {
        Map<String, String> config = c.connector();
        Map<String, Predicate> predicates = new HashMap<>();
        for (String alias : aliases(config, "predicates")) {
            Predicate p = (Predicate) make(config, "predicates." + alias + ".");
            predicates.put(alias, p);
        }
        List<String> aliases = aliases(config, "transforms");
        List<Transformation> chain = new ArrayList<>();
        for (String alias : aliases)
            chain.add((Transformation) make(config, "transforms." + alias + "."));
        ConnectRecord record = Records.read(JSON.readTree(c.sections.get("record")));
        for (int i = 0; i < chain.size(); i++) {
            String prefix = "transforms." + aliases.get(i) + ".";
            if (config.containsKey(prefix + "predicate")) {
                Predicate p = predicates.get(config.get(prefix + "predicate"));
                if (p == null)
                    throw new IllegalArgumentException("no predicate " + config.get(prefix + "predicate"));
                if (p.test(record) == Boolean.parseBoolean(config.get(prefix + "negate")))
                    continue;
            }
            record = chain.get(i).apply(record);
            if (record == null)
                return "dropped";
        }
        return JSON.writeValueAsString(Records.write(record));
    }

    private static Object make(Map<String, String> config, String prefix) throws Exception {
        Object plugin = load(config.get(prefix + "type")).getDeclaredConstructor().newInstance();
        Map<String, String> own = new HashMap<>();
        config.forEach((k, v) -> {
            if (k.startsWith(prefix))
                own.put(k.substring(prefix.length()), v);
        });
        ConfigDef def = plugin instanceof Predicate ? ((Predicate<?>) plugin).config() : ((Transformation<?>) plugin).config();
        def.parse(own);
        if (plugin instanceof Predicate)
            ((Predicate<?>) plugin).configure(own);
        else
            ((Transformation<?>) plugin).configure(own);
        return plugin;
    }

    private static Class<?> load(String type) throws ClassNotFoundException {
        for (String prefix : new String[] {"", KAFKA, KAFKA + "predicates."}) {
            try {
                return Class.forName(prefix + type);
            } catch (ClassNotFoundException e) {
                continue;
            }
        }
        throw new ClassNotFoundException(type);
    }

    private static List<String> aliases(Map<String, String> config, String list) {
        List<String> found = new ArrayList<>();
        for (String alias : config.getOrDefault(list, "").split(","))
            if (!alias.isBlank())
                found.add(alias.strip());
        return found;
    }

    private static void keys(String[] classes) throws Exception {
        for (int i = 1; i < classes.length; i++) {
            Object plugin = load(classes[i]).getDeclaredConstructor().newInstance();
            ConfigDef def = plugin instanceof Predicate ? ((Predicate<?>) plugin).config() : ((Transformation<?>) plugin).config();
            for (ConfigDef.ConfigKey k : def.configKeys().values()) {
                String value = k.hasDefault() ? k.defaultValue == null ? "null" : "\"" + ConfigDef.convertToString(k.defaultValue, k.type) + "\"" : "required";
                System.out.println(plugin.getClass().getName() + "\t" + k.name + "\t" + k.type + "\t" + value + "\t" + k.importance);
            }
        }
    }
}
