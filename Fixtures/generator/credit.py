"""Section 9: credit. Compressed runs make long blocks short on the wire."""

from .vectors import *
from .payloads import zstd_rle

room = Room("credit", "Credit of streams and of the session (SPEC section 9).")
SMALL = {"streamCredit": 65_536, "sessionCredit": 1_048_576}
WINDOW = 65_536


def run(stream, offset, count, **options):
    """A block of `count` raw bytes in a few bytes on the wire."""
    return data(stream, offset, zstd_rle(b"r", count), codec=2, raw=count, **options)


def accepts():
    add = room.open_session
    add(
        "stream-full",
        "a block up to the last unit of the stream's credit",
        "CRD-1 CRD-3",
        lambda s: (
            [run(s.peer(1), 0, WINDOW)],
            {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), ("bytes", b"r", WINDOW))]},
        ),
        config=SMALL,
    )
    add(
        "mark-full",
        "a mark takes the last unit",
        "CRD-1 DAT-1",
        lambda s: (
            [run(s.peer(1), 0, WINDOW - 1), data(s.peer(1), WINDOW - 1, flags=EOM)],
            {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), ("message", b"r", WINDOW - 1))]},
        ),
        config=SMALL,
    )
    add(
        "fin-without-credit",
        "FIN takes no credit",
        "CRD-7",
        lambda s: (
            [run(s.peer(1), 0, WINDOW), data(s.peer(1), WINDOW, flags=FIN)],
            {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), ("bytes", b"r", WINDOW), state="ended")]},
        ),
        config=SMALL,
    )
    add(
        "repeated",
        "a repeated block charges nothing",
        "CRD-3 DAT-6",
        lambda s: (
            [run(s.peer(1), 0, WINDOW), run(s.peer(1), 0, WINDOW)],
            {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), ("bytes", b"r", WINDOW))]},
        ),
        config=SMALL,
    )
    add(
        "raised",
        "reading raises the limit before the other end is stopped for ever",
        "CRD-5",
        lambda s: (
            [run(s.peer(1), 0, WINDOW), do("read", stream=s.peer(1)), run(s.peer(1), WINDOW, WINDOW)],
            {
                "events": [opened(s.peer(1))],
                "streams": [stream(s.peer(1), ("bytes", b"r", 2 * WINDOW))],
                "sends": [sent("CREDIT", s.peer(1), u64(2 * WINDOW))],
            },
        ),
        config=SMALL,
    )
    add(
        "session-raised",
        "what a RESET discards counts as consumed at session level",
        "CRD-6 CRD-5",
        lambda s: (
            [part for n in range(1, 5) for part in (run(s.peer(n), 0, WINDOW), reset(s.peer(n), WINDOW))] + [wait(1)],
            {
                "events": [opened(s.peer(n)) for n in range(1, 5)],
                "streams": [stream(s.peer(n), state="reset", code_name="CANCELLED") for n in range(1, 5)],
                "sends": [sent("CREDIT", 0, u64(1_048_576 + 4 * WINDOW))],
            },
        ),
        config=SMALL,
    )
    write = lambda s, count: [do("open", stream=s.own(1)), do("write", stream=s.own(1), hex="77", times=count)]
    add(
        "sender-stream",
        "a sender stops at the stream's limit and goes on when it rises",
        "CRD-1 CRD-4",
        lambda s: (
            write(s, WINDOW + 9)
            + [do("acknowledge"), number("CREDIT", 1, stream=s.own(1)), number("CREDIT", WINDOW + 3, stream=s.own(1))],
            {"sends": [sent("DATA", s.own(1), u64(0)), sent("DATA", s.own(1), u64(WINDOW) + b"\0" + u24(3))]},
        ),
    )
    add(
        "sender-session",
        "a sender stops at the session's limit and goes on when it rises",
        "CRD-2 CRD-4",
        lambda s: (
            write(s, 1_048_576 + 9) + [do("acknowledge"), number("CREDIT", 5), number("CREDIT", 1_048_576 + 2)],
            {"sends": [sent("DATA", s.own(1), u64(0)), sent("DATA", s.own(1), u64(1_048_576) + b"\0" + u24(2))]},
        ),
        peer={"STREAM_CREDIT": 4_194_304},
    )
    add(
        "ended",
        "CREDIT for a direction that has ended is ignored",
        "CRD-4",
        lambda s: (
            [
                do("open", stream=s.own(1)),
                do("finish", stream=s.own(1)),
                number("CREDIT", LARGEST_OFFSET, stream=s.own(1)),
                number("PING", 7),
            ],
            {"sends": [sent("PONG", start=u64(7))]},
        ),
    )
    add(
        "highest",
        "the highest limit there is",
        "CRD-4",
        lambda s: ([number("CREDIT", LARGEST_OFFSET), number("PING", 7)], {"sends": [sent("PONG", start=u64(7))]}),
    )


def rejects():
    full = lambda s: {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), ("bytes", b"r", WINDOW))]}
    just = lambda s: {"events": [opened(s.peer(1))]}
    reject = lambda *args, **options: room.rejects(*args, **{"config": SMALL} | options)
    reject(
        "stream",
        "one byte above the stream's credit",
        "FLOW_CONTROL",
        "CRD-1 CRD-3",
        lambda s: ([run(s.peer(1), 0, WINDOW), data(s.peer(1), WINDOW, b"x")], full(s)),
    )
    reject(
        "stream-mark",
        "one mark above the stream's credit",
        "FLOW_CONTROL",
        "CRD-1 CRD-3",
        lambda s: ([run(s.peer(1), 0, WINDOW), data(s.peer(1), WINDOW, flags=EOM)], full(s)),
    )
    reject(
        "bomb",
        "a block is charged by its declared raw length before it is decoded",
        "FLOW_CONTROL",
        "CRD-1 CRD-3",
        lambda s: ([opening(s.peer(1)), run(s.peer(1), 0, WINDOW + 1)], just(s)),
    )
    reject(
        "table",
        "the marks of a table take credit too",
        "FLOW_CONTROL",
        "CRD-1 CRD-3",
        lambda s: ([run(s.peer(1), 0, WINDOW), data(s.peer(1), WINDOW, marks=[0, 0])], full(s)),
    )
    reject(
        "session",
        "one byte above the session's credit",
        "FLOW_CONTROL",
        "CRD-2 CRD-3",
        lambda s: (
            [run(s.peer(n), 0, WINDOW) for n in range(1, 17)] + [data(s.peer(17), payload=b"x")],
            {
                "events": [opened(s.peer(n)) for n in range(1, 18)],
                "streams": [stream(s.peer(n), ("bytes", b"r", WINDOW)) for n in range(1, 17)],
            },
        ),
        sides=(ACCEPTOR,),
    )
    reject(
        "reset-stream",
        "a final offset above the stream's credit",
        "FLOW_CONTROL",
        "CRD-6 CRD-1",
        lambda s: ([opening(s.peer(1)), reset(s.peer(1), WINDOW + 1)], just(s)),
    )
    reject(
        "credit-session",
        "a session limit above 2^62",
        "PROTOCOL",
        "CRD-4",
        lambda s: number("CREDIT", LARGEST_OFFSET + 1),
    )
    reject(
        "credit-stream",
        "a stream limit above 2^62",
        "PROTOCOL",
        "CRD-4",
        lambda s: ([opening(s.peer(1)), number("CREDIT", (1 << 64) - 1, stream=s.peer(1))], just(s)),
    )


accepts()
rejects()
