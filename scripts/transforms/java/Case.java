import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One case of a file in testdata; cases_test.go of package transform describes their form. */
final class Case {
    final String file;
    final String name;
    final String body;
    final Map<String, String> config = new LinkedHashMap<>();
    final Map<String, String> sections = new LinkedHashMap<>();

    private Case(String file, String name, String body) {
        this.file = file;
        this.name = name;
        this.body = body;
        String section = null;
        StringBuilder text = new StringBuilder();
        for (String line : body.split("\n", -1)) {
            if (line.startsWith("-- ")) {
                if (section != null)
                    sections.put(section, text.toString().strip());
                section = line.substring(3).strip();
                text.setLength(0);
            } else if (section != null) {
                text.append(line).append('\n');
            } else if (!line.isBlank() && !line.startsWith("#")) {
                int i = line.indexOf('=');
                config.put(line.substring(0, i), line.substring(i + 1));
            }
        }
        if (section != null)
            sections.put(section, text.toString().strip());
    }

    /** The cases of a file, in order. */
    static List<Case> read(Path root, Path file) throws IOException {
        List<Case> cases = new ArrayList<>();
        String path = root.relativize(file).toString().replace('\\', '/');
        String[] blocks = ("\n" + Files.readString(file)).split("\n== ");
        for (int i = 1; i < blocks.length; i++) {
            int end = blocks[i].indexOf('\n');
            cases.add(new Case(path, blocks[i].substring(0, end).strip(), blocks[i].substring(end + 1)));
        }
        return cases;
    }

    String id() {
        return file + ": " + name;
    }

    /** Changes whenever the case does. */
    String mark() throws Exception {
        byte[] sum = MessageDigest.getInstance("SHA-256").digest(body.strip().getBytes(StandardCharsets.UTF_8));
        return String.format("%02x%02x%02x%02x", sum[0], sum[1], sum[2], sum[3]);
    }

    /** The configuration of a connector: a case with type=… alone is the transformation t. */
    Map<String, String> connector() {
        if (config.containsKey("transforms"))
            return config;
        Map<String, String> full = new LinkedHashMap<>();
        full.put("transforms", "t");
        config.forEach((k, v) -> full.put("transforms.t." + k, v));
        return full;
    }
}
