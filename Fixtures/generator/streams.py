"""Sections 7 and 8: streams, their ends, and blocks."""
from .vectors import *
from .payloads import zstd_rle

streams_room = Room("streams", "Opening, resetting, stopping and ending streams (SPEC section 7).")
data_room = Room("data", "Blocks, marks and offsets (SPEC section 8).")
LIMIT = LARGEST_OFFSET


def opening_accepts():
    add = streams_room.open_session
    add("open-empty", "OPEN without a body", "STR-2", lambda s: ([opening(s.peer(1))], {"events": [opened(s.peer(1))]}))
    pairs = [("service", "echo"), ("name", "a b")]
    add("open-full", "every tag of OPEN", "STR-7 CAP-1", lambda s: (
        [opening(s.peer(1), pairs, size=1_000_000, urgency=7,
                 extra=entry(4, u64(9)) + entry(5, b"any") + entry(6, b"") + entry(0x8123, b"skipped"))],
        {"events": [opened(s.peer(1), pairs, expectedSize=1_000_000, urgency=7)]}))
    add("open-32", "32 entries of METADATA, and the longest key", "STR-7", lambda s: (
        [opening(s.peer(1), [("k" * 255, "")] + [(f"k{n}", "v") for n in range(31)])],
        {"events": [opened(s.peer(1), [("k" * 255, "")] + [(f"k{n}", "v") for n in range(31)])]}))
    add("open-not-utf8", "two keys that are not UTF-8 differ when their bytes do", "STR-7 CONV-4", lambda s: (
        [opening(s.peer(1), [(b"\xff", "1"), (b"\xfe", b"\x80")])], {"events": [{"event": "streamOpened", "stream": s.peer(1)}]}))
    add("open-accents", "two keys that look alike differ when their bytes do", "STR-7", lambda s: (
        [opening(s.peer(1), [(b"\xc3\xa9", "1"), (b"e\xcc\x81", "2")])], {"events": [{"event": "streamOpened", "stream": s.peer(1)}]}))
    add("open-implicit", "DATA opens a stream too", "STR-2", lambda s: (
        [data(s.peer(1), payload=b"hello", flags=EOM | FIN)],
        {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), ("message", b"hello"), state="ended")]}))
    add("open-lower", "an id opens all lower ones; their opening frames may still arrive", "STR-2", lambda s: (
        [opening(s.peer(3)), opening(s.peer(1)), data(s.peer(2), payload=b"two", flags=FIN)],
        {"events": [opened(s.peer(3)), opened(s.peer(1)), opened(s.peer(2))], "streams": [stream(s.peer(2), b"two", state="ended")]}))
    add("open-limit", "the last stream that the limit allows", "STR-3", lambda s: (
        [opening(s.peer(16))], {"events": [opened(s.peer(16))]}), config={"streamLimit": 16})
    add("open-unknown-tag", "an unknown critical tag of OPEN refuses that stream alone", "STR-7 ERR-1", lambda s: (
        [opening(s.peer(1), extra=entry(0x1234, b"")), number("PING", 7)],
        {"sends": [sent("PONG", start=u64(7)), sent("STOP", s.peer(1), code("REFUSED_STREAM")), sent("RESET", s.peer(1), code("REFUSED_STREAM") + u64(0))]}))
    add("limit-raised", "STREAMS raises the limit, and never lowers it", "STR-3", lambda s: (
        [number("STREAMS", 17), number("STREAMS", 16), number("STREAMS", 1 << 46)],
        {"events": [{"event": "streamLimitRaised"}, {"event": "streamLimitRaised"}]}))


def ending_accepts():
    add = streams_room.open_session
    one = lambda s: opening(s.peer(1))
    add("reset", "RESET discards what was not read", "STR-9", lambda s: (
        [one(s), data(s.peer(1), payload=b"not read"), reset(s.peer(1), 8)],
        {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), state="reset", code_name="CANCELLED")]}))
    add("reset-application", "an application's own code", "STR-9", lambda s: (
        [one(s), reset(s.peer(1), 0, 0x40000001)],
        {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), state="reset", code_name="0x40000001")]}))
    add("reset-after-fin", "RESET after FIN with the same final offset is legal", "STR-11", lambda s: (
        [data(s.peer(1), payload=b"abc", flags=FIN), reset(s.peer(1), 3)],
        {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), state="reset", code_name="CANCELLED")]}))
    add("reset-twice", "RESET again with the same final offset has no effect", "STR-11 STR-6", lambda s: (
        [one(s), reset(s.peer(1), 0), reset(s.peer(1), 0, "SHUTDOWN")],
        {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), state="reset", code_name="CANCELLED")]}))
    add("fin-twice", "FIN again at the same offset has no effect", "STR-11", lambda s: (
        [data(s.peer(1), payload=b"abc", flags=FIN), data(s.peer(1), 3, flags=FIN)],
        {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), b"abc", state="ended")]}))
    add("stop", "STOP is answered by RESET with the same code", "STR-10", lambda s: (
        [one(s), stop(s.peer(1), 0x40000007)],
        {"events": [opened(s.peer(1)), stopped(s.peer(1), "0x40000007")], "sends": [sent("RESET", s.peer(1), u32(0x40000007) + u64(0))]}))
    add("stop-after-writing", "the RESET names what was sent", "STR-10 STR-9", lambda s: (
        [do("open", stream=s.own(1)), do("write", stream=s.own(1), hex=b"hello".hex()), stop(s.own(1))],
        {"events": [stopped(s.own(1))], "sends": [sent("DATA", s.own(1), u64(0)), sent("RESET", s.own(1), code("CANCELLED") + u64(5))]}))
    add("stop-after-fin", "STOP for a direction that has ended is ignored", "STR-10", lambda s: (
        [do("open", stream=s.own(1)), do("finish", stream=s.own(1)), stop(s.own(1)), number("PING", 7)],
        {"sends": [sent("DATA", s.own(1)), sent("PONG", start=u64(7))]}))
    add("stopped-data", "what arrives after STOP was sent is charged and discarded", "STR-10", lambda s: (
        [one(s), do("stop", stream=s.peer(1), code="CANCELLED"), data(s.peer(1), payload=b"late"), reset(s.peer(1), 4), number("PING", 7)],
        {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), state="stopped", code_name="CANCELLED")],
         "sends": [sent("STOP", s.peer(1), code("CANCELLED")), sent("PONG", start=u64(7))]}))
    add("half-close", "each direction ends by itself", "STR-8", lambda s: (
        [data(s.peer(1), payload=b"ask", flags=FIN | EOM), do("write", stream=s.peer(1), hex=b"answer".hex(), endsMessage=True),
         do("finish", stream=s.peer(1))],
        {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), ("message", b"ask"), state="ended")],
         "sends": [sent("DATA", s.peer(1), u64(0) + b"\0" + u24(6) + b"answer")]}))
    closing = lambda s: [data(s.peer(1), payload=b"x", flags=FIN), do("read", stream=s.peer(1)), do("release", stream=s.peer(1)), wait(1)]
    add("late-frames", "frames for a stream that has been closed are discarded", "STR-6", lambda s: (
        closing(s) + [data(s.peer(1), payload=b"x", flags=FIN), reset(s.peer(1), 9), stop(s.peer(1)), number("CREDIT", 99, stream=s.peer(1)),
                      opening(s.peer(1)), number("PING", 7)],
        {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), b"x", state="ended")], "sends": [sent("PONG", start=u64(7))]}))


def opening_rejects():
    reject = streams_room.rejects
    limited = {"config": {"streamLimit": 16}}
    first = lambda s, more=(): {"events": [opened(s.peer(1))]} | dict(more)
    reject("limit", "an opening frame above the limit", "STREAM_LIMIT", "STR-3", lambda s: opening(s.peer(17)), **limited)
    reject("limit-data", "DATA opens too, and the limit holds", "STREAM_LIMIT", "STR-3", lambda s: data(s.peer(17), payload=b"x"), **limited)
    reject("limit-highest", "the highest id there is", "STREAM_LIMIT", "STR-3", lambda s: opening(0xFFFFFFFFFFFF - (s is INITIATOR)))
    reject("limit-after-resets", "RESET alone does not raise the limit", "STREAM_LIMIT", "STR-3 STR-4 LIM-2", lambda s: (
        [opening(s.peer(16)), reset(s.peer(16), 0), opening(s.peer(17))],
        {"events": [opened(s.peer(16))], "streams": [stream(s.peer(16), state="reset", code_name="CANCELLED")]}), **limited)
    reject("streams-too-high", "a stream limit above 2^46", "PROTOCOL", "STR-3", lambda s: number("STREAMS", (1 << 46) + 1))
    reject("open-own", "OPEN of a stream that the receiver would have to initiate", "STREAM_STATE", "STR-5", lambda s: opening(s.own(1)))
    reject("open-own-live", "OPEN of a stream that the receiver has opened", "STREAM_STATE", "STR-5",
           lambda s: [do("open", stream=s.own(1)), opening(s.own(1))])
    for kind, make in (("data", lambda i: data(i, payload=b"x")), ("reset", lambda i: reset(i, 0)), ("stop", stop),
                       ("credit", lambda i: number("CREDIT", 1_000_000, stream=i))):
        reject(f"{kind}-own", f"{kind.upper()} for a stream that the receiver would have to initiate and has not", "STREAM_STATE", "STR-5",
               lambda s: make(s.own(1)))
        if kind != "data":
            reject(f"{kind}-unopened", f"{kind.upper()} for a stream that nobody has opened", "STREAM_STATE", "STR-5", lambda s: make(s.peer(1)))
            reject(f"{kind}-anticipated", f"{kind.upper()} for a lower stream before its own opening frame", "STREAM_STATE", "STR-5 STR-2",
                   lambda s: ([opening(s.peer(2)), make(s.peer(1))], {"events": [opened(s.peer(2))]}))
    reject("open-twice", "a second OPEN", "STREAM_STATE", "STR-5", lambda s: ([opening(s.peer(1)), opening(s.peer(1))], first(s)))
    reject("open-after-data", "OPEN after implicit opening", "STREAM_STATE", "STR-5", lambda s: (
        [data(s.peer(1), payload=b"x"), opening(s.peer(1))], first(s, {"streams": [stream(s.peer(1), b"x")]})))
    for name, body in (("past-end", b"\0\1\0\x09"), ("head-cut", b"\0\1\0"), ("key-empty", entry(1, b"\0")), ("key-cut", entry(1, b"\5abc")),
                       ("key-missing", entry(1, b"")), ("key-twice", open_body([("a", "1"), ("a", "2")])),
                       ("33-entries", open_body([(str(n), "") for n in range(33)])), ("size-short", entry(2, bytes(7))),
                       ("size-twice", open_body(size=1, extra=entry(2, u64(1)))), ("urgency-8", entry(3, b"\x08")), ("urgency-long", entry(3, b"\0\0")),
                       ("reserved-twice", entry(4, u64(0)) * 2)):
        reject(f"open-{name}", "a malformed body of OPEN", "PROTOCOL", "STR-7", lambda s: frame("OPEN", body, stream=s.peer(1), note=name))
    reject("open-too-long", "a body of OPEN longer than METADATA_LIMIT", "PROTOCOL", "STR-7",
           lambda s: frame("OPEN", entry(0x8000, bytes(4_093)), stream=s.peer(1), note="4,097 bytes"), sides=(ACCEPTOR,))


def ending_rejects():
    reject = streams_room.rejects
    seen = lambda s, *parts, **state: {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), *parts, **state)] if parts or state else []}
    gone = {"state": "reset", "code_name": "CANCELLED"}
    abc = lambda s, flags=0: data(s.peer(1), payload=b"abc", flags=flags)
    reject("data-behind-fin", "DATA beyond the final offset of FIN", "STREAM_STATE", "STR-11",
           lambda s: ([abc(s, FIN), data(s.peer(1), 3, b"d")], seen(s, b"abc", state="ended")))
    reject("mark-behind-fin", "a mark beyond the final offset", "STREAM_STATE", "STR-11",
           lambda s: ([abc(s, FIN), data(s.peer(1), 3, flags=EOM)], seen(s, b"abc", state="ended")))
    reject("data-behind-reset", "DATA beyond the final offset of RESET", "STREAM_STATE", "STR-11",
           lambda s: ([abc(s), reset(s.peer(1), 3), data(s.peer(1), 3, b"d")], seen(s, **gone)))
    reject("fin-below", "FIN below what was received", "STREAM_STATE", "STR-11",
           lambda s: ([abc(s), data(s.peer(1), 2, flags=FIN)], seen(s, b"abc")))
    reject("fin-differs", "FIN at another offset than before", "STREAM_STATE", "STR-11",
           lambda s: ([abc(s, FIN), data(s.peer(1), 2, flags=FIN)], seen(s, b"abc", state="ended")))
    reject("reset-below", "RESET with a final offset below what was received", "STREAM_STATE", "STR-11",
           lambda s: ([abc(s), reset(s.peer(1), 2)], seen(s, b"abc")))
    reject("reset-differs-fin", "RESET with another final offset than FIN", "STREAM_STATE", "STR-11",
           lambda s: ([abc(s, FIN), reset(s.peer(1), 4)], seen(s, b"abc", state="ended")))
    reject("reset-differs", "RESET with another final offset than before", "STREAM_STATE", "STR-11",
           lambda s: ([abc(s), reset(s.peer(1), 5), reset(s.peer(1), 6)], seen(s, **gone)))
    reject("reset-too-high", "a final offset above 2^62", "PROTOCOL", "STR-9", lambda s: ([abc(s), reset(s.peer(1), LIMIT + 1)], seen(s, b"abc")))


def blocks(name, title, clauses, make, *parts, state="open", **options):
    """DATA frames on the other end's first stream, and what its reader sees."""
    def both(s):
        return make(s.peer(1)), {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), *parts, state=state)] if parts or state != "open" else []}
    data_room.open_session(name, title, clauses, both, **options)


def data_accepts():
    message = lambda value: ("message", value)
    blocks("fin-alone", "an empty stream", "DAT-2 CRD-7", lambda i: [data(i, flags=FIN)], state="ended")
    blocks("empty-message", "an empty message takes one unit", "DAT-1", lambda i: [data(i, flags=EOM), data(i, 1, b"x", flags=EOM | FIN)],
           message(b""), message(b"x"), state="ended")
    blocks("bytes", "plain bytes in two blocks", "DAT-6 DAT-7", lambda i: [data(i, 0, b"hel"), data(i, 3, b"lo", flags=FIN)], b"hello", state="ended")
    blocks("spanning", "a message over three blocks", "DAT-8", lambda i: [data(i, 0, b"a"), data(i, 1, b"b"), data(i, 2, b"c", flags=EOM)], message(b"abc"))
    blocks("marks", "several messages in one block, an empty one among them", "DAT-8",
           lambda i: [data(i, 0, b"abc", marks=[1, 0], flags=EOM)], message(b"a"), message(b""), message(b"bc"))
    blocks("marks-rest", "raw bytes behind the mark table begin the next message", "DAT-8",
           lambda i: [data(i, 0, b"abcd", marks=[1, 1]), data(i, 6, b"e", flags=EOM)], message(b"a"), message(b"b"), message(b"cde"))
    blocks("marks-first", "the first length is the rest of a message begun before", "DAT-8",
           lambda i: [data(i, 0, b"ab"), data(i, 2, b"cd", marks=[1])], message(b"abc"), b"d")
    blocks("marks-only", "a block of marks alone", "DAT-1 DAT-3", lambda i: [data(i, 0, marks=[0, 0, 0]), data(i, 3, b"x", flags=FIN)],
           message(b""), message(b""), message(b""), b"x", state="ended")
    blocks("marks-all", "EOM behind a table that covers the block ends an empty message", "DAT-8",
           lambda i: [data(i, 0, b"ab", marks=[2], flags=EOM)], message(b"ab"), message(b""))
    blocks("cut-short", "bytes between the last mark and FIN are an unfinished message", "DAT-8",
           lambda i: [data(i, 0, b"abc", marks=[2], flags=FIN)], message(b"ab"), b"c", state="ended")
    blocks("duplicate", "a block that repeats units is discarded", "DAT-6 CRD-3",
           lambda i: [data(i, 0, b"ab"), data(i, 0, b"ab"), data(i, 2, b"c"), data(i, 0, b"a"), data(i, 1, b"bc")], b"abc")
    blocks("largest", "a block of the largest raw length", "DAT-5", lambda i: [data(i, 0, zstd_rle(b"z", 65_536), codec=2, raw=65_536)],
           ("bytes", b"z", 65_536), config={"maxRawBlock": 65_536})


def data_rejects():
    def reject(name, title, codes, clause, make, *parts, **options):
        """`parts` is what was delivered before; without any, the stream may or may not have been opened by the frame in error."""
        def both(s):
            made = make(s.peer(1))
            steps = made if isinstance(made, list) else [opening(s.peer(1)), made]
            return steps, {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), *parts)] if parts else []}
        data_room.rejects(name, title, codes, clause, both, **options)

    reject("offset-too-high", "a block that ends above 2^62", "PROTOCOL", "DAT-1", lambda i: data(i, LIMIT, b"x"))
    reject("offset-highest", "the highest offset there is", "PROTOCOL", "DAT-1", lambda i: data(i, (1 << 64) - 1, b"x"))
    reject("nothing", "a block of nothing without FIN", "PROTOCOL", "DAT-2", lambda i: data(i))
    reject("stored-short", "a stored block shorter than its raw length", "FRAME_SIZE", "DAT-3", lambda i: data(i, 0, b"abcd", raw=5))
    reject("stored-long", "a stored block longer than its raw length", "FRAME_SIZE", "DAT-3", lambda i: data(i, 0, b"abcd", raw=3))
    for codec, word in ((1, "lz4"), (2, "zstd")):
        reject(f"{word}-not-smaller", "an encoded block is smaller than its raw length", "FRAME_SIZE", "DAT-3", lambda i: data(i, 0, b"abcd", codec=codec, raw=4))
        reject(f"{word}-no-raw", "a block without raw bytes has codec none", "FRAME_SIZE", "DAT-3", lambda i: data(i, codec=codec, flags=FIN))
        reject(f"{word}-empty", "an encoded block is not empty", "FRAME_SIZE", "DAT-3", lambda i: data(i, codec=codec, raw=100))
    reject("marks-beyond", "mark lengths add up to more than the raw length", "PROTOCOL", "DAT-4", lambda i: data(i, 0, b"abc", marks=[2, 2]))
    reject("marks-none", "a mark table without a mark", "PROTOCOL", "DAT-4", lambda i: data(i, 0, b"abc", marks=[]))
    reject("marks-cut", "a mark table that is cut short", "PROTOCOL", "DAT-4", lambda i: data(i, 0, b"", marks=[0], mark_count=2, flags=FIN))
    reject("marks-missing", "a mark table of which nothing is there", "PROTOCOL", "DAT-4", lambda i: data(i, flags=MARKS | FIN))
    reject("raw-too-long", "a raw length above MAX_RAW_BLOCK: a bomb is found before it is decoded", "FRAME_SIZE", "DAT-5",
           lambda i: data(i, 0, zstd_rle(b"z", 65_537), codec=2, raw=65_537), config={"maxRawBlock": 65_536})
    for codec in (3, 4, 255):
        reject(f"codec-{codec}", "a codec that was not announced is never a guess", "CODEC", "DAT-5", lambda i: data(i, 0, b"x", codec=codec, raw=9))
    reject("codec-not-announced", "a codec that this end knows and did not announce", "CODEC", "DAT-5 CAP-5",
           lambda i: data(i, 0, zstd_rle(b"z", 100), codec=2, raw=100), config={"codecs": [1, 0]})
    reject("gap", "a gap, while the session has a single link", "PROTOCOL", "DAT-6",
           lambda i: [data(i, 0, b"ab"), data(i, 3, b"d")], b"ab")
    reject("gap-first", "a gap in front of the first block", "PROTOCOL", "DAT-6", lambda i: data(i, 1, b"b"))
    reject("overlap", "a block that overlaps units it has only in part", "PROTOCOL", "DAT-6", lambda i: [data(i, 0, b"ab"), data(i, 1, b"bc")], b"ab")
    for bit in (0x08, 0x10, 0x20, 0x40):
        reject(f"reserved-{bit:02x}", "a reserved flag of DATA", "PROTOCOL", "DAT-9 CONV-2", lambda i: data(i, 0, b"x", flags=bit))


opening_accepts()
ending_accepts()
opening_rejects()
ending_rejects()
data_accepts()
data_rejects()
