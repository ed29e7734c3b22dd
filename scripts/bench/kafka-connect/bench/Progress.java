package bench;

import java.io.*;
import java.lang.management.ManagementFactory;

/** Appends "ms cpu_ns records" to a file at the first record, each twentieth of the total (each 500000 without one) and the last. */
final class Progress {
    private final PrintWriter out;
    private final long total, step;
    private long n, next;
    private boolean begun;
    private final com.sun.management.OperatingSystemMXBean os =
        (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    Progress(String file, long total) {
        this.total = total;
        this.step = total == Long.MAX_VALUE || total <= 0 ? 500_000 : Math.max(1, total / 20);
        this.next = step;
        try { out = file.isEmpty() ? null : new PrintWriter(new FileWriter(file, true), true); }
        catch (IOException e) { throw new UncheckedIOException(e); }
    }

    void begin() { if (!begun) { begun = true; line(); } }

    void add(int k) {
        n += k;
        if (n >= next || n == total) { line(); while (next <= n) next += step; }
    }

    private void line() {
        if (out != null) out.println(System.currentTimeMillis() + " " + os.getProcessCpuTime() + " " + n);
    }

    void close() { if (out != null) out.close(); }
}
