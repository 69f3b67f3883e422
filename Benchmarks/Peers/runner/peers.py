"""The peers and the workloads: to add one, add it here."""

from dataclasses import dataclass

LARGE_WINDOW = ["--window", str(16 << 20)]


@dataclass(frozen=True)
class Workload:
    """One column group of the table: what the client is asked to do."""

    name: str
    kind: str  # the word on the client's command line
    streams: int
    title: str
    # In memory: one process is both ends, and so many units are written before the bytes go to the other end.
    units_per_flush: int = 0

    @property
    def is_memory(self):
        return self.units_per_flush > 0


@dataclass(frozen=True)
class Figure:
    """One column of the table, from one number of the client's JSON."""

    workload: str
    key: str
    title: str
    scale: float = 1.0
    digits: int = 0


@dataclass(frozen=True)
class Peer:
    """One row of the table."""

    name: str
    build: str  # which build makes its program; "" where it is measured in memory only
    title: str
    options: tuple = ()
    # Options of the server when many idle streams are opened, where its library limits their number.
    idle_options: tuple = ()
    # Workload name -> why this peer has no such figure.
    without: tuple = ()
    # Which build makes the program that is both ends; "" where it is not measured in memory.
    memory_build: str = ""

    def build_for(self, workload):
        return self.memory_build if workload.is_memory else self.build

    def takes_part(self, workload):
        return self.build_for(workload) != ""

    def reason_without(self, workload):
        return dict(self.without).get(workload.name)


WORKLOADS = [
    Workload("bulk-1", "bulk", 1, "64 KiB writes on 1 stream"),
    Workload("bulk-100", "bulk", 100, "64 KiB writes on 100 streams"),
    Workload("exchange-1", "exchange", 1, "open, send 1 KiB, receive 1 KiB, close; one at a time"),
    Workload("exchange-100", "exchange", 100, "the same, 100 at a time"),
    Workload("echo", "echo", 0, "64-byte round trips on one long-lived stream, nothing else going on"),
    Workload("echo-bulk-1", "echo", 1, "the same with 1 bulk stream in the session"),
    Workload("echo-bulk-4", "echo", 4, "the same with 4 bulk streams in the session"),
    Workload("idle", "idle", 1, "10,000 open streams on which nothing happens"),
    Workload("memory-frames-1", "memory-frames", 1, "64 bytes in a DATA frame, engine to engine in memory", 1),
    Workload("memory-frames-64", "memory-frames", 1, "the same, 64 frames of one stream in a flush", 64),
    Workload("memory-frames-64-streams", "memory-frames", 64, "the same, a frame of each of 64 streams in a flush", 64),
    Workload("memory-messages", "memory-messages", 1, "64-byte messages in memory, 64 of one stream in a flush", 64),
    Workload("memory-streams-1", "memory-streams", 1, "open, 1 KiB, 1 KiB back, close in memory; one at a time", 1),
    Workload("memory-streams-100", "memory-streams", 100, "the same, 100 at a time", 100),
    Workload("memory-bulk", "memory-bulk", 1, "16 KiB in a DATA frame in memory, 16 in a flush", 16),
]

FIGURES = [
    Figure("bulk-1", "bytesPerSecond", "bulk, 1 stream, MB/s", 1e-6),
    Figure("bulk-100", "bytesPerSecond", "bulk, 100 streams, MB/s", 1e-6),
    Figure("exchange-1", "streamsPerSecond", "exchanges/s, 1 at a time"),
    Figure("exchange-100", "streamsPerSecond", "exchanges/s, 100 at a time"),
    Figure("echo", "p50Microseconds", "echo p50, us", digits=1),
    Figure("echo", "p99Microseconds", "echo p99, us", digits=1),
    Figure("echo", "p999Microseconds", "echo p99.9, us", digits=1),
    Figure("echo-bulk-1", "p50Microseconds", "echo beside 1 bulk stream p50, us", digits=1),
    Figure("echo-bulk-1", "p99Microseconds", "p99, us", digits=1),
    Figure("echo-bulk-1", "p999Microseconds", "p99.9, us", digits=1),
    Figure("echo-bulk-1", "bulkBytesPerSecond", "bulk then, MB/s", 1e-6),
    Figure("echo-bulk-4", "p50Microseconds", "echo beside 4 bulk streams p50, us", digits=1),
    Figure("echo-bulk-4", "p99Microseconds", "p99, us", digits=1),
    Figure("echo-bulk-4", "p999Microseconds", "p99.9, us", digits=1),
    Figure("echo-bulk-4", "bulkBytesPerSecond", "bulk then, MB/s", 1e-6),
    Figure("idle", "clientHeapBytesPerStream", "heap per idle stream, client, bytes"),
    Figure("idle", "serverHeapBytesPerStream", "heap per idle stream, server, bytes"),
    Figure("memory-frames-1", "unitsPerSecond", "64-byte frames/s, 1 in a flush"),
    Figure("memory-frames-64", "unitsPerSecond", "frames/s, 64 in a flush"),
    Figure("memory-frames-64-streams", "unitsPerSecond", "frames/s, 64 in a flush, 64 streams"),
    Figure("memory-messages", "unitsPerSecond", "64-byte messages/s, 64 in a flush"),
    Figure("memory-streams-1", "unitsPerSecond", "streams/s, 1 at a time"),
    Figure("memory-streams-100", "unitsPerSecond", "streams/s, 100 at a time"),
    Figure("memory-bulk", "bytesPerSecond", "16 KiB frames, GB/s", 1e-9, 1),
    Figure("memory-frames-1", "allocationsPerUnit", "allocations/frame, 1 in a flush", digits=2),
    Figure("memory-frames-64", "allocationsPerUnit", "64 in a flush", digits=2),
    Figure("memory-frames-64-streams", "allocationsPerUnit", "64 in a flush, 64 streams", digits=2),
    Figure("memory-messages", "allocationsPerUnit", "allocations/message", digits=2),
    Figure("memory-streams-1", "allocationsPerUnit", "allocations/stream, 1 at a time", digits=2),
    Figure("memory-streams-100", "allocationsPerUnit", "100 at a time", digits=2),
    Figure("memory-bulk", "allocationsPerUnit", "allocations/16 KiB frame", digits=2),
    Figure("bulk-1", "cpuSecondsPerGiB", "CPU s/GiB, 1 stream", digits=3),
    Figure("bulk-100", "cpuSecondsPerGiB", "CPU s/GiB, 100 streams", digits=3),
    Figure("exchange-1", "cpuMicrosecondsPerStream", "CPU us/exchange, 1 at a time", digits=1),
    Figure("exchange-100", "cpuMicrosecondsPerStream", "CPU us/exchange, 100 at a time", digits=1),
    Figure("echo", "cpuMicrosecondsPerRoundTrip", "CPU us/echo", digits=1),
]

KERNEL_MEMORY = "a connection's memory is the kernel's, which is not counted"
SHARED_LOOP = "its connections share an event loop, where bulk would hold the echo up; see the row of plain TCP"
NO_MULTIPLEXING = "a connection for each exchange would measure the kernel; see the row of plain TCP"
NOT_WOKEN = "its streams are written once; see the row of nghttp2-16m"
ONLY_STREAMS = "streams that stay open send their header fields once; see the row of nghttp2-16m"
NO_ASYNC = "the async peer has exchanges and idle echo only; dwcp-bench measures its bulk"


def _dwcp(name, title, *options, memory_build=""):
    return Peer(
        name, "swift", title, ("--library", "dwcp", *options), ("--stream-limit", "20000"), memory_build=memory_build)


def _without(reason, *kinds):
    return tuple((workload.name, reason) for workload in WORKLOADS if workload.kind in kinds)


PEERS = [
    Peer("tcp", "c-tcp", "limit: plain TCP in C, a connection for each stream", without=(("idle", KERNEL_MEMORY),)),
    Peer(
        "nio", "swift", "limit: SwiftNIO, 256 KiB reads, a connection for each stream", ("--library", "nio"),
        without=(("exchange-1", NO_MULTIPLEXING), ("exchange-100", NO_MULTIPLEXING), ("echo-bulk-1", SHARED_LOOP),
                 ("echo-bulk-4", SHARED_LOOP), ("idle", KERNEL_MEMORY))),
    _dwcp("dwcp", "DWCP v3, channel-level API, codec none, CRC32C on", memory_build="swift-memory"),
    _dwcp("dwcp-no-integrity", "the same, CRC32C off", "--integrity", "off", memory_build="swift-memory"),
    _dwcp("dwcp-automatic", "the same, CRC32C on, codec chosen automatically", "--codec", "automatic"),
    Peer(
        "dwcp-async", "swift", "DWCP v3, async API, codec none, CRC32C on", ("--library", "dwcp-async"),
        without=tuple((name, NO_ASYNC) for name in ("bulk-1", "bulk-100", "echo-bulk-1", "echo-bulk-4", "idle"))),
    Peer("nghttp2", "c-nghttp2", "nghttp2, defaults", memory_build="c-nghttp2"),
    Peer("nghttp2-16m", "c-nghttp2", "nghttp2, 16 MiB windows, 64 KiB frames", (*LARGE_WINDOW, "--frame", "65536"),
         memory_build="c-nghttp2"),
    Peer("nghttp2-16m-woken", "", "nghttp2-16m in memory, told of each write", (*LARGE_WINDOW, "--source", "woken"),
         without=_without(NOT_WOKEN, "memory-streams"), memory_build="c-nghttp2"),
    Peer("nghttp2-16m-bare", "", "nghttp2-16m in memory, no header fields and no checks of HTTP",
         (*LARGE_WINDOW, "--http", "off"),
         without=_without(ONLY_STREAMS, "memory-frames", "memory-messages", "memory-bulk"), memory_build="c-nghttp2"),
    Peer("nio-http2", "swift", "swift-nio-http2, defaults", ("--library", "http2"), ("--stream-limit", "20000")),
    Peer(
        "nio-http2-16m", "swift", "swift-nio-http2, 16 MiB windows, 1 MiB frames, tuned reads",
        ("--library", "http2", *LARGE_WINDOW, "--frame", "1048576"), ("--stream-limit", "20000")),
    Peer("yamux", "go", "yamux, defaults", ("--library", "yamux")),
    Peer("yamux-16m", "go", "yamux, 16 MiB windows", ("--library", "yamux", *LARGE_WINDOW)),
    Peer("smux-v1", "go", "smux version 1, defaults", ("--library", "smux", "--version", "1")),
    Peer("smux-v2", "go", "smux version 2, defaults", ("--library", "smux", "--version", "2")),
    Peer(
        "smux-v2-4m", "go", "smux version 2, 4 MiB stream buffer",
        ("--library", "smux", "--version", "2", "--stream-buffer", str(4 << 20))),
]
