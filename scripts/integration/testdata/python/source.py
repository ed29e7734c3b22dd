"""An Outboard source in plain Python: grpcio, protobuf, and the code that grpc_tools makes of connect.proto.

It was written from proto/README.md and uses no SDK. It counts: record n is a row with a schema, a string, a JSON text
or bytes in turn. Its headers tell n, the process, and up to where the host had acknowledged when the record was made.
"""
import json, os, queue, struct, sys, threading, time
from concurrent import futures

import grpc
from connect.v1 import connect_pb2 as pb, connect_pb2_grpc as rpc

COOKIE = "b2443994ffa55cfab6908527e80139b43bab73dd02a7d28f7d14a9d6aea90ed7"
BYTES, STRING, JSON, ORDER = 1, 2, 3, 16  # types of values; a stream's first schema is 16
PARTITION = b'{"counter":"python"}'


def field(name, type, /, **more):
    return pb.SchemaField(name=name, schema=pb.Schema(type=type, **more))


ORDER_SCHEMA = pb.Schema(id=ORDER, type=pb.TYPE_STRUCT, name="example.Order", version=2, fields=[
    field("id", pb.TYPE_INT64),
    field("customer", pb.TYPE_STRING, optional=True),
    field("total", pb.TYPE_BYTES, name="org.apache.kafka.connect.data.Decimal", version=1,
          parameters=[pb.SchemaParameter(key="scale", value="2")]),
    field("paid", pb.TYPE_BOOLEAN),
    field("weight", pb.TYPE_FLOAT64, optional=True),
    field("items", pb.TYPE_ARRAY, element=pb.Schema(type=pb.TYPE_STRING, optional=True)),
    field("stock", pb.TYPE_MAP, key=pb.Schema(type=pb.TYPE_STRING), element=pb.Schema(type=pb.TYPE_INT32)),
])


def text(s):  # STRING and BYTES of less than 128 bytes: the length takes one byte
    b = s.encode() if isinstance(s, str) else s
    return bytes([len(b)]) + b


def order(n):
    """The row encoding: null bits of customer and weight, then the fields that are not null."""
    anonymous = n % 8 == 0
    return b"".join([
        bytes([0b11 if anonymous else 0b00]),
        struct.pack("<q", n),
        b"" if anonymous else text("Zoë"),
        text((n * 100 + 99).to_bytes(8, "big", signed=True)),
        b"\x01",
        b"" if anonymous else struct.pack("<d", n / 2),
        b"\x02", b"\x02", text("pen"),  # two elements, the second of them null
        b"\x01", text("pen"), struct.pack("<i", -n),
    ])


def value(n):
    return [(ORDER, order(n)), (STRING, f"text {n}".encode()), (JSON, json.dumps({"n": n}).encode()), (BYTES, bytes([0, 255, n % 256]))][n % 4]


def batch(seq, topic, first, end, acked):
    """Records first to end - 1 in columns. A column with one element holds for all records."""
    keys = [f"key {n}".encode() for n in range(first, end)]
    values = [value(n) for n in range(first, end)]
    offsets = [json.dumps({"next": n + 1}).encode() for n in range(first, end)]
    headers = [str(h).encode() for n in range(first, end) for h in (n, os.getpid(), acked)]
    return pb.RecordBatch(
        seq=seq, count=end - first, topics=[topic], header_keys=["n", "pid", "acked"], source_partitions=[PARTITION],
        schemas=[ORDER_SCHEMA] if seq == 1 else [],
        base_timestamp=1_700_000_000_000, timestamp=[1 + 2 * n for n in range(first, end)],  # zigzag of n, plus one
        key_type=[STRING], key_length=[len(k) + 1 for k in keys], keys=b"".join(keys),
        value_type=[t for t, _ in values], value_length=[len(v) + 1 for _, v in values], values=b"".join(v for _, v in values),
        header_count=[3], header_key=[0, 1, 2] * (end - first), header_type=[STRING],
        header_length=[len(h) + 1 for h in headers], headers=b"".join(headers),
        source_partition=[1], source_offset_length=[len(o) + 1 for o in offsets], source_offsets=b"".join(offsets))


class Task:
    """A source task: one thread hears the host, one works, one sends heartbeats; the stream takes what is in out."""

    def __init__(self, requests, context):
        self.start = next(requests).start
        self.out, self.offsets, self.over = queue.Queue(), queue.Queue(), threading.Event()
        self.changed = threading.Condition()  # guards what follows
        self.batches, self.bytes, self.paused = self.start.flow.batches, self.start.flow.bytes, self.start.flow.paused
        self.ends, self.acked = {}, 0  # where each batch ends that is not acknowledged
        self.stopping = self.closed = False
        for thread in (lambda: self.hear(requests), self.work, self.beat):
            threading.Thread(target=thread, daemon=True).start()

    def say(self, **message):
        self.out.put(pb.SourceToHost(**message))

    def messages(self):
        while (m := self.out.get()) is not None:
            yield m

    def hear(self, requests):
        try:
            for m in requests:
                with self.changed:
                    self.take(m, m.WhichOneof("message"))
                    self.changed.notify_all()
        except grpc.RpcError:
            pass  # the host is gone; the end of standard input ends the process
        with self.changed:
            self.stopping = self.closed = True
            self.changed.notify_all()
        self.offsets.put(None)

    def take(self, m, kind):
        if kind == "flow":
            self.batches, self.bytes, self.paused = self.batches + m.flow.batches, self.bytes + m.flow.bytes, m.flow.paused
        elif kind == "ack":
            for seq in [s for s in self.ends if s <= m.ack.seq]:
                self.acked = self.ends.pop(seq)
        elif kind == "offsets":
            self.offsets.put(m.offsets)
        elif kind == "stop":
            self.stopping = True

    def work(self):
        try:
            self.count()
        except Exception as e:  # whatever it is, the host shall know
            self.say(failed=pb.Failed(error=pb.Error(message=str(e), detail=repr(e), method="SourceTask.Poll")))
        self.say(stopped=pb.Stopped())
        self.over.set()
        self.out.put(None)

    def count(self):
        topic, end, n, seq = self.start.config["topic"], int(self.start.config["records"]), 0, 0
        if end < 0:
            error = pb.Error(message=f"records is {end}: nobody counts to there", config_key="records", method="SourceTask.Start")
            setattr(error, "class", pb.ERROR_CLASS_FATAL)  # class is a word of Python
            return self.say(started=pb.Started(error=error))
        self.say(read_offsets=pb.ReadOffsets(id=1, partitions=[PARTITION]))
        if (answer := self.offsets.get()) is None:
            return
        if answer.HasField("error"):
            return self.say(started=pb.Started(error=answer.error))
        if answer.offsets[0].HasField("offset"):
            n = json.loads(answer.offsets[0].offset)["next"]
        self.say(started=pb.Started())
        while self.await_credit(lambda: n < end):
            seq, first, n = seq + 1, n, min(n + 10, end)
            m = batch(seq, topic, first, n, self.acked)
            with self.changed:
                self.batches, self.bytes = self.batches - 1, self.bytes - sum(map(len, (m.keys, m.values, m.headers, m.source_offsets)))
                self.ends[seq] = n
            self.say(batch=m)
            time.sleep(0.02)  # its pace
        self.say(drained=pb.Drained(last_seq=seq))
        with self.changed:
            self.changed.wait_for(lambda: self.closed)  # the last Ack came before

    def await_credit(self, more):
        with self.changed:
            self.changed.wait_for(lambda: self.stopping or more() and not self.paused and self.batches > 0 and self.bytes > 0)
            return not self.stopping

    def beat(self):
        while not self.over.wait(2):
            self.say(heartbeat=pb.Heartbeat())


class Source(rpc.SourceTaskServicer):
    def Run(self, requests, context):
        return Task(requests, context).messages()


class Connector(rpc.ConnectorServicer):
    def Run(self, requests, context):
        for m in requests:
            kind = m.WhichOneof("message")
            if kind == "start":
                config = m.start.config
                yield pb.ConnectorToHost(started=pb.Started())
            elif kind == "task_configs":
                yield pb.ConnectorToHost(task_configs=pb.TaskConfigs(id=m.task_configs.id, configs=[pb.TaskConfig(config=config)]))
            elif kind == "stop":
                yield pb.ConnectorToHost(stopped=pb.Stopped())
                return


class Plugin(rpc.PluginServicer):
    def Describe(self, request, context):
        return pb.DescribeResponse(name="python-source", version="1.0.0", sdk="none", connectors=[pb.ConnectorDescription(
            **{"class": "PythonSource"}, type=pb.CONNECTOR_TYPE_SOURCE, max_tasks=1, documentation="Counts, in Python.", config=[
                pb.ConfigKey(name="topic", type=pb.CONFIG_TYPE_STRING, required=True, importance=pb.IMPORTANCE_HIGH, documentation="Where to."),
                pb.ConfigKey(name="records", type=pb.CONFIG_TYPE_LONG, default_value="100", importance=pb.IMPORTANCE_LOW, documentation="How many."),
            ])])


def main():
    if os.environ.get("OUTBOARD_PLUGIN") != COOKIE:
        sys.exit("This is a plugin of Outboard: put it into a folder of plugin.path.")
    over = threading.Event()
    limit = 64 << 20
    server = grpc.server(futures.ThreadPoolExecutor(16), options=[("grpc.max_receive_message_length", limit), ("grpc.max_send_message_length", limit)])
    rpc.add_PluginServicer_to_server(Plugin(), server)
    rpc.add_ConnectorServicer_to_server(Connector(), server)
    rpc.add_SourceTaskServicer_to_server(Source(), server)
    plain = grpc.unary_unary_rpc_method_handler  # without a codec: bytes in, bytes out
    server.add_generic_rpc_handlers((
        grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": plain(lambda *_: b"\x08\x01")}),  # SERVING
        grpc.method_handlers_generic_handler("plugin.GRPCController", {"Shutdown": plain(lambda *_: over.set() or b"")}),
    ))
    address = os.path.join(os.environ["PLUGIN_UNIX_SOCKET_DIR"], "plugin.sock")
    server.add_insecure_port("unix:" + address)
    server.start()
    print(f"1|1|unix|{address}|grpc", flush=True)
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), over.set()), daemon=True).start()  # it ends when the host is gone
    over.wait()
    server.stop(1).wait()
    os._exit(0)


main()
