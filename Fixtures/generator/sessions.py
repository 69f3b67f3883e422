"""Whole sessions: the worked bytes of SPEC appendix C from both ends, and one that uses everything."""

from .vectors import *
from .payloads import *

room = Room("sessions", "Whole sessions (SPEC appendix C, and one that uses every frame).")

ANNOUNCED = [
    ("CODECS", b"\2\1\0"),
    ("MAX_RAW_BLOCK", 262_144),
    ("ZSTD_WINDOW_LOG", 20),
    ("SESSION_CREDIT", 16_777_216),
    ("STREAM_CREDIT", 4_194_304),
    ("STREAM_LIMIT", 256),
    (0xFA5A, b"\x5a\x5a"),
    ("IDLE_TIMEOUT", 30_000),
    ("INTEGRITY", 1),
    ("METADATA_LIMIT", 4_096),
    ("ACK_DELAY", 25),
    ("CHAINS", b"\0\4\x16\0"),
    ("DICTIONARIES", 229_376),
    ("FEATURES", 6),
    ("MAX_LINKS", 1),
    ("IMPLEMENTATION", b"example"),
]
GREASE = frame(0xBA, b"\x5a" * 8)
ECHO = [("service", "echo")]


def worked_bytes():
    """The frames of appendix C, as they stand there; `appendix_c` lists them so that the generator can compare."""
    greeting = [preface(), hello(ANNOUNCED)]
    answer = [preface(), welcome(ANNOUNCED), GREASE]
    asked = [GREASE, opening(1, ECHO), data(1, payload=b"hello", flags=FIN | EOM)]
    echoed = [data(1, payload=b"hello", flags=FIN | EOM)]
    return greeting, answer, asked, echoed, [close()]


SINGLE = [
    number("ACK", 3),
    number("CREDIT", 4_194_304, stream=1),
    stop(1),
    reset(1, 6),
    goaway(7),
    close("PROTOCOL", b"DAT-2: a DATA frame carries nothing"),
    refuse("NO_COMMON_CODEC", own=(2, 1, 0), others=(1, 0), required=(2,)),
    data(3, payload=b"abc", marks=[1, 0], flags=EOM),
    opening(5),
]


def appendix_c():
    """What the fenced blocks of SPEC appendix C contain, in order."""
    return [b"".join(piece.data for piece in pieces) for pieces in (*worked_bytes(), SINGLE)]


def from_both_ends():
    greeting, answer, asked, echoed, closing = worked_bytes()
    room.add(
        "appendix-c-acceptor",
        "SPEC appendix C as its acceptor sees it",
        "PRE-1 HS-1 SVC-1 END-4",
        "acceptor",
        greeting
        + asked
        + [do("read", stream=1), do("write", stream=1, hex=b"hello".hex(), endsMessage=True), do("finish", stream=1)]
        + closing,
        events=[established((2, 1, 0)), opened(1, ECHO), ended()],
        streams=[stream(1, ("message", b"hello"), state="ended")],
        sends=[sent("WELCOME"), sent("DATA", 1, u64(0) + b"\0\0\0\5hello")],
    )
    room.add(
        "appendix-c-initiator",
        "SPEC appendix C as its initiator sees it",
        "PRE-1 HS-1 SVC-1 END-4",
        "initiator",
        answer
        + [
            do("open", stream=1, metadata=[{"key": "service", "value": "echo"}]),
            do("write", stream=1, hex=b"hello".hex(), endsMessage=True),
            do("finish", stream=1),
        ]
        + echoed
        + [do("read", stream=1), do("close", code="NO_ERROR")],
        events=[established((2, 1, 0)), ended(by="self")],
        streams=[stream(1, ("message", b"hello"), state="ended")],
        sends=[
            sent("HELLO"),
            sent("OPEN", 1, entry(1, b"\7serviceecho")),
            sent("DATA", 1, u64(0) + b"\0\0\0\5hello"),
            sent("CLOSE", start=u32(0)),
        ],
    )


def everything():
    for side in BOTH:
        p, o = side.peer, side.own
        steps = side.greeting({"CODECS": b"\1\0", "STREAM_CREDIT": 65_537, "IMPLEMENTATION": b"golden"}, True) + [
            frame(0xF5, b"grease", stream=9, flags=CHECK | 0x3F),
            number("PING", 1),
            opening(p(2), ECHO, urgency=0),
            data(p(2), 0, zstd_rle(b"z", 300), codec=2, raw=300, marks=[100, 0]),
            opening(p(1), size=5),
            data(p(2), 302, b"tail", flags=EOM),
            data(p(1), 0, lz4_run(b"l", 60), codec=1, raw=60, flags=EOM),
            data(p(2), 307, flags=FIN),
            do("open", stream=o(1)),
            do("write", stream=o(1), hex="6f", times=10),
            number("ACK", 1),
            number("CREDIT", 70_000, stream=o(1)),
            number("STREAMS", 20),
            number("CREDIT", 2_000_000),
            data(o(1), 0, b"back", flags=FIN),
            stop(o(1), 0x40000009),
            reset(p(1), 61, 0x4000000A),
            goaway(HIGHEST_ID, text=b"soon"),
            goaway(o(1)),
            close("NO_ERROR", b"done"),
        ]
        room.add(
            f"everything-{side.role}",
            "every frame once",
            "HDR-6 STR-2 STR-9 STR-10 DAT-8 CDC-1 CRD-4 ACK-1 END-1 END-4",
            side.role,
            steps,
            events=[
                established((1, 0)),
                opened(p(2), ECHO, urgency=0),
                opened(p(1), expectedSize=5),
                {"event": "streamLimitRaised"},
                stopped(o(1), "0x40000009"),
                {"event": "goingAway", "code": "SHUTDOWN", "lastStream": HIGHEST_ID},
                {"event": "goingAway", "code": "SHUTDOWN", "lastStream": o(1)},
                ended(),
            ],
            streams=[
                stream(
                    p(2), ("message", b"z" * 100), ("message", b""), ("message", b"z" * 200 + b"tail"), state="ended"
                ),
                stream(p(1), state="reset", code_name="0x4000000a"),
                stream(o(1), b"back", state="ended"),
            ],
            sends=[
                sent("PONG", start=u64(1)),
                sent("DATA", o(1), u64(0)),
                sent("RESET", o(1), u32(0x40000009) + u64(10)),
            ],
        )


HIGHEST_ID = (1 << 48) - 1
from_both_ends()
everything()
