"""Section 7: how the directions of a stream end."""

from .vectors import *
from .streams import room

LIMIT = LARGEST_OFFSET


def ending_accepts():
    add = room.open_session
    one = lambda s: opening(s.peer(1))
    add(
        "reset",
        "RESET discards what was not read",
        "STR-9",
        lambda s: (
            [one(s), data(s.peer(1), payload=b"not read"), reset(s.peer(1), 8)],
            {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), state="reset", code_name="CANCELLED")]},
        ),
    )
    add(
        "reset-application",
        "an application's own code",
        "STR-9",
        lambda s: (
            [one(s), reset(s.peer(1), 0, 0x40000001)],
            {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), state="reset", code_name="0x40000001")]},
        ),
    )
    add(
        "reset-after-fin",
        "RESET after FIN with the same final offset is legal",
        "STR-11",
        lambda s: (
            [data(s.peer(1), payload=b"abc", flags=FIN), reset(s.peer(1), 3)],
            {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), state="reset", code_name="CANCELLED")]},
        ),
    )
    add(
        "reset-twice",
        "RESET again with the same final offset has no effect",
        "STR-11 STR-6",
        lambda s: (
            [one(s), reset(s.peer(1), 0), reset(s.peer(1), 0, "SHUTDOWN")],
            {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), state="reset", code_name="CANCELLED")]},
        ),
    )
    add(
        "fin-twice",
        "FIN again at the same offset has no effect",
        "STR-11",
        lambda s: (
            [data(s.peer(1), payload=b"abc", flags=FIN), data(s.peer(1), 3, flags=FIN)],
            {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), b"abc", state="ended")]},
        ),
    )
    add(
        "stop",
        "STOP is answered by RESET with the same code",
        "STR-10",
        lambda s: (
            [one(s), stop(s.peer(1), 0x40000007)],
            {
                "events": [opened(s.peer(1)), stopped(s.peer(1), "0x40000007")],
                "sends": [sent("RESET", s.peer(1), u32(0x40000007) + u64(0))],
            },
        ),
    )
    add(
        "stop-after-writing",
        "the RESET names what was sent",
        "STR-10 STR-9",
        lambda s: (
            [do("open", stream=s.own(1)), do("write", stream=s.own(1), hex=b"hello".hex()), stop(s.own(1))],
            {
                "events": [stopped(s.own(1))],
                "sends": [sent("DATA", s.own(1), u64(0)), sent("RESET", s.own(1), code("CANCELLED") + u64(5))],
            },
        ),
    )
    add(
        "stop-after-fin",
        "STOP for a direction that has ended is ignored",
        "STR-10",
        lambda s: (
            [do("open", stream=s.own(1)), do("finish", stream=s.own(1)), stop(s.own(1)), number("PING", 7)],
            {"sends": [sent("DATA", s.own(1)), sent("PONG", start=u64(7))]},
        ),
    )
    add(
        "stopped-data",
        "what arrives after STOP was sent is charged and discarded",
        "STR-10",
        lambda s: (
            [
                one(s),
                do("stop", stream=s.peer(1), code="CANCELLED"),
                data(s.peer(1), payload=b"late"),
                reset(s.peer(1), 4),
                number("PING", 7),
            ],
            {
                "events": [opened(s.peer(1))],
                "streams": [stream(s.peer(1), state="stopped", code_name="CANCELLED")],
                "sends": [sent("STOP", s.peer(1), code("CANCELLED")), sent("PONG", start=u64(7))],
            },
        ),
    )
    add(
        "half-close",
        "each direction ends by itself",
        "STR-8",
        lambda s: (
            [
                data(s.peer(1), payload=b"ask", flags=FIN | EOM),
                do("write", stream=s.peer(1), hex=b"answer".hex(), endsMessage=True),
                do("finish", stream=s.peer(1)),
            ],
            {
                "events": [opened(s.peer(1))],
                "streams": [stream(s.peer(1), ("message", b"ask"), state="ended")],
                "sends": [sent("DATA", s.peer(1), u64(0) + b"\0" + u24(6) + b"answer")],
            },
        ),
    )
    closing = lambda s: [
        data(s.peer(1), payload=b"x", flags=FIN),
        do("read", stream=s.peer(1)),
        do("release", stream=s.peer(1)),
        wait(1),
    ]
    add(
        "late-frames",
        "frames for a stream that has been closed are discarded",
        "STR-6",
        lambda s: (
            closing(s)
            + [
                data(s.peer(1), payload=b"x", flags=FIN),
                reset(s.peer(1), 9),
                stop(s.peer(1)),
                number("CREDIT", 99, stream=s.peer(1)),
                opening(s.peer(1)),
                number("PING", 7),
            ],
            {
                "events": [opened(s.peer(1))],
                "streams": [stream(s.peer(1), b"x", state="ended")],
                "sends": [sent("PONG", start=u64(7))],
            },
        ),
    )


def ending_rejects():
    reject = room.rejects
    seen = lambda s, *parts, **state: {
        "events": [opened(s.peer(1))],
        "streams": [stream(s.peer(1), *parts, **state)] if parts or state else [],
    }
    gone = {"state": "reset", "code_name": "CANCELLED"}
    abc = lambda s, flags=0: data(s.peer(1), payload=b"abc", flags=flags)
    reject(
        "data-behind-fin",
        "DATA beyond the final offset of FIN",
        "STREAM_STATE",
        "STR-11",
        lambda s: ([abc(s, FIN), data(s.peer(1), 3, b"d")], seen(s, b"abc", state="ended")),
    )
    reject(
        "mark-behind-fin",
        "a mark beyond the final offset",
        "STREAM_STATE",
        "STR-11",
        lambda s: ([abc(s, FIN), data(s.peer(1), 3, flags=EOM)], seen(s, b"abc", state="ended")),
    )
    reject(
        "data-behind-reset",
        "DATA beyond the final offset of RESET",
        "STREAM_STATE",
        "STR-11",
        lambda s: ([abc(s), reset(s.peer(1), 3), data(s.peer(1), 3, b"d")], seen(s, **gone)),
    )
    reject(
        "fin-below",
        "FIN below what was received",
        "STREAM_STATE",
        "STR-11",
        lambda s: ([abc(s), data(s.peer(1), 2, flags=FIN)], seen(s, b"abc")),
    )
    reject(
        "fin-differs",
        "FIN at another offset than before",
        "STREAM_STATE",
        "STR-11",
        lambda s: ([abc(s, FIN), data(s.peer(1), 2, flags=FIN)], seen(s, b"abc", state="ended")),
    )
    reject(
        "reset-below",
        "RESET with a final offset below what was received",
        "STREAM_STATE",
        "STR-11",
        lambda s: ([abc(s), reset(s.peer(1), 2)], seen(s, b"abc")),
    )
    reject(
        "reset-differs-fin",
        "RESET with another final offset than FIN",
        "STREAM_STATE",
        "STR-11",
        lambda s: ([abc(s, FIN), reset(s.peer(1), 4)], seen(s, b"abc", state="ended")),
    )
    reject(
        "reset-differs",
        "RESET with another final offset than before",
        "STREAM_STATE",
        "STR-11",
        lambda s: ([abc(s), reset(s.peer(1), 5), reset(s.peer(1), 6)], seen(s, **gone)),
    )
    reject(
        "reset-too-high",
        "a final offset above 2^62",
        "PROTOCOL",
        "STR-9",
        lambda s: ([abc(s), reset(s.peer(1), LIMIT + 1)], seen(s, b"abc")),
    )


ending_accepts()
ending_rejects()
