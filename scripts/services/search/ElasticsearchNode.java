import java.util.*;
import java.util.concurrent.CountDownLatch;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.Plugin;

// ElasticsearchNode is one node of Elasticsearch in this JVM, with its modules from the class path. Arguments are settings: name=value.
public class ElasticsearchNode extends Node {
    private static final List<String> MODULES = List.of(
        "org.elasticsearch.transport.Netty4Plugin",
        "org.elasticsearch.reindex.ReindexPlugin",
        "org.elasticsearch.index.mapper.MapperExtrasPlugin");

    ElasticsearchNode(Environment environment, Collection<Class<? extends Plugin>> plugins) {
        super(environment, plugins, false);
    }

    public static void main(String[] args) throws Exception {
        Settings.Builder settings = Settings.builder();
        for (String arg : args) {
            String[] pair = arg.split("=", 2);
            settings.put(pair[0], pair[1]);
        }
        Settings all = settings.build();
        Environment environment = InternalSettingsPreparer.prepareEnvironment(all, Map.of(), null, () -> all.get("node.name"));
        org.elasticsearch.common.logging.LogConfigurator.registerErrorListener();
        List<Class<? extends Plugin>> plugins = new ArrayList<>();
        for (String module : MODULES) plugins.add(Class.forName(module).asSubclass(Plugin.class));
        Node node = new ElasticsearchNode(environment, plugins);
        node.start();
        CountDownLatch closed = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (Exception e) {
                e.printStackTrace();
            }
            closed.countDown();
        }));
        closed.await();
    }
}
