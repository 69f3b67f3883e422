"""Section 7: how streams open."""

from .vectors import *

room = Room("streams", "Opening, resetting, stopping and ending streams (SPEC section 7).")


def opening_accepts():
    add = room.open_session
    add(
        "open-empty",
        "OPEN without a body",
        "STR-2",
        lambda s: ([opening(s.peer(1))], {"events": [opened(s.peer(1))]}),
    )
    pairs = [("service", "echo"), ("name", "a b")]
    add(
        "open-full",
        "every tag of OPEN",
        "STR-7 CAP-1",
        lambda s: (
            [
                opening(
                    s.peer(1),
                    pairs,
                    size=1_000_000,
                    urgency=7,
                    extra=entry(4, u64(9)) + entry(6, b"") + entry(0x8123, b"skipped"),
                )
            ],
            {"events": [opened(s.peer(1), pairs, expectedSize=1_000_000, urgency=7)]},
        ),
    )
    add(
        "open-32",
        "32 entries of METADATA, and the longest key",
        "STR-7",
        lambda s: (
            [opening(s.peer(1), [("k" * 255, "")] + [(f"k{n}", "v") for n in range(31)])],
            {"events": [opened(s.peer(1), [("k" * 255, "")] + [(f"k{n}", "v") for n in range(31)])]},
        ),
    )
    add(
        "open-not-utf8",
        "two keys that are not UTF-8 differ when their bytes do",
        "STR-7 CONV-4",
        lambda s: (
            [opening(s.peer(1), [(b"\xff", "1"), (b"\xfe", b"\x80")])],
            {"events": [{"event": "streamOpened", "stream": s.peer(1)}]},
        ),
    )
    add(
        "open-accents",
        "two keys that look alike differ when their bytes do",
        "STR-7",
        lambda s: (
            [opening(s.peer(1), [(b"\xc3\xa9", "1"), (b"e\xcc\x81", "2")])],
            {"events": [{"event": "streamOpened", "stream": s.peer(1)}]},
        ),
    )
    add(
        "open-implicit",
        "DATA opens a stream too",
        "STR-2",
        lambda s: (
            [data(s.peer(1), payload=b"hello", flags=EOM | FIN)],
            {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), ("message", b"hello"), state="ended")]},
        ),
    )
    add(
        "open-lower",
        "an id opens all lower ones; their opening frames may still arrive",
        "STR-2",
        lambda s: (
            [opening(s.peer(3)), opening(s.peer(1)), data(s.peer(2), payload=b"two", flags=FIN)],
            {
                "events": [opened(s.peer(3)), opened(s.peer(1)), opened(s.peer(2))],
                "streams": [stream(s.peer(2), b"two", state="ended")],
            },
        ),
    )
    add(
        "open-limit",
        "the last stream that the limit allows",
        "STR-3",
        lambda s: ([opening(s.peer(16))], {"events": [opened(s.peer(16))]}),
        config={"streamLimit": 16},
    )
    add(
        "open-unknown-tag",
        "an unknown critical tag of OPEN refuses that stream alone",
        "STR-7 ERR-1",
        lambda s: (
            [opening(s.peer(1), extra=entry(0x1234, b"")), number("PING", 7)],
            {
                "sends": [
                    sent("PONG", start=u64(7)),
                    sent("STOP", s.peer(1), code("REFUSED_STREAM")),
                    sent("RESET", s.peer(1), code("REFUSED_STREAM") + u64(0)),
                ]
            },
        ),
    )
    add(
        "limit-raised",
        "STREAMS raises the limit, and never lowers it",
        "STR-3",
        lambda s: (
            [number("STREAMS", 17), number("STREAMS", 16), number("STREAMS", 1 << 46)],
            {"events": [{"event": "streamLimitRaised"}, {"event": "streamLimitRaised"}]},
        ),
    )


def opening_rejects():
    reject = room.rejects
    limited = {"config": {"streamLimit": 16}}
    first = lambda s, more=(): {"events": [opened(s.peer(1))]} | dict(more)
    reject(
        "limit", "an opening frame above the limit", "STREAM_LIMIT", "STR-3", lambda s: opening(s.peer(17)), **limited
    )
    reject(
        "limit-data",
        "DATA opens too, and the limit holds",
        "STREAM_LIMIT",
        "STR-3",
        lambda s: data(s.peer(17), payload=b"x"),
        **limited,
    )
    reject(
        "limit-highest",
        "the highest id there is",
        "STREAM_LIMIT",
        "STR-3",
        lambda s: opening(0xFFFFFFFFFFFF - (s is INITIATOR)),
    )
    reject(
        "limit-after-resets",
        "RESET alone does not raise the limit",
        "STREAM_LIMIT",
        "STR-3 STR-4 LIM-2",
        lambda s: (
            [opening(s.peer(16)), reset(s.peer(16), 0), opening(s.peer(17))],
            {"events": [opened(s.peer(16))], "streams": [stream(s.peer(16), state="reset", code_name="CANCELLED")]},
        ),
        **limited,
    )
    reject(
        "streams-too-high",
        "a stream limit above 2^46",
        "PROTOCOL",
        "STR-3",
        lambda s: number("STREAMS", (1 << 46) + 1),
    )
    reject(
        "open-own",
        "OPEN of a stream that the receiver would have to initiate",
        "STREAM_STATE",
        "STR-5",
        lambda s: opening(s.own(1)),
    )
    reject(
        "open-own-live",
        "OPEN of a stream that the receiver has opened",
        "STREAM_STATE",
        "STR-5",
        lambda s: [do("open", stream=s.own(1)), opening(s.own(1))],
    )
    for kind, make in (
        ("data", lambda i: data(i, payload=b"x")),
        ("reset", lambda i: reset(i, 0)),
        ("stop", stop),
        ("credit", lambda i: number("CREDIT", 1_000_000, stream=i)),
    ):
        reject(
            f"{kind}-own",
            f"{kind.upper()} for a stream that the receiver would have to initiate and has not",
            "STREAM_STATE",
            "STR-5",
            lambda s: make(s.own(1)),
        )
        if kind != "data":
            reject(
                f"{kind}-unopened",
                f"{kind.upper()} for a stream that nobody has opened",
                "STREAM_STATE",
                "STR-5",
                lambda s: make(s.peer(1)),
            )
            reject(
                f"{kind}-anticipated",
                f"{kind.upper()} for a lower stream before its own opening frame",
                "STREAM_STATE",
                "STR-5 STR-2",
                lambda s: ([opening(s.peer(2)), make(s.peer(1))], {"events": [opened(s.peer(2))]}),
            )
    reject(
        "open-twice",
        "a second OPEN",
        "STREAM_STATE",
        "STR-5",
        lambda s: ([opening(s.peer(1)), opening(s.peer(1))], first(s)),
    )
    reject(
        "open-after-data",
        "OPEN after implicit opening",
        "STREAM_STATE",
        "STR-5",
        lambda s: (
            [data(s.peer(1), payload=b"x"), opening(s.peer(1))],
            first(s, {"streams": [stream(s.peer(1), b"x")]}),
        ),
    )
    for name, body in (
        ("past-end", b"\0\1\0\x09"),
        ("head-cut", b"\0\1\0"),
        ("key-empty", entry(1, b"\0")),
        ("key-cut", entry(1, b"\5abc")),
        ("key-missing", entry(1, b"")),
        ("key-twice", open_body([("a", "1"), ("a", "2")])),
        ("33-entries", open_body([(str(n), "") for n in range(33)])),
        ("size-short", entry(2, bytes(7))),
        ("size-twice", open_body(size=1, extra=entry(2, u64(1)))),
        ("urgency-8", entry(3, b"\x08")),
        ("urgency-long", entry(3, b"\0\0")),
        ("reserved-twice", entry(4, u64(0)) * 2),
    ):
        reject(
            f"open-{name}",
            "a malformed body of OPEN",
            "PROTOCOL",
            "STR-7",
            lambda s: frame("OPEN", body, stream=s.peer(1), note=name),
        )
    reject(
        "open-too-long",
        "a body of OPEN longer than METADATA_LIMIT",
        "PROTOCOL",
        "STR-7",
        lambda s: frame("OPEN", entry(0x8000, bytes(4_093)), stream=s.peer(1), note="4,097 bytes"),
        sides=(ACCEPTOR,),
    )


opening_accepts()
opening_rejects()
