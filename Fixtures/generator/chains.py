"""Section 17: chains of zstd blocks, whole and broken."""

from .vectors import *
from .payloads import *

room = Room("chains", "Chains of zstd blocks, whole and broken (SPEC section 17).")
LZ4, ZSTD = 1, 2
WINDOW_18, WINDOW_22, ABOVE_22 = 0x40, 0x60, 0x61


def first(content, window=WINDOW_18):
    """The first payload of a chain: a frame header and one raw block."""
    return zstd_header(window=window) + zstd_block(RAW, content, last=False)


def chained(identifier, offset, payload, raw, flags=0, **options):
    """One block of a chain that decodes to `raw`."""
    options = {"codec": ZSTD, "decoded": raw} | options
    return data(identifier, offset, payload, raw=len(raw), flags=CHAINED | flags, **options)


def restart(identifier, offset, payload, raw, flags=0, **options):
    return chained(identifier, offset, payload, raw, flags=RESTART | flags, **options)


def whole(name, title, clauses, make, *parts):
    room.open_session(
        name,
        title,
        clauses,
        lambda s: (
            make(s.peer(1)),
            {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), *parts, state="ended")]},
        ),
        sides=(ACCEPTOR,),
    )


def accepts():
    size = len(TEXT)
    whole(
        "history",
        "the second block is a match in the first",
        "CHN-1 CHN-3",
        lambda i: [restart(i, 0, ZSTD_PARTS[0], TEXT, EOM), chained(i, size + 1, ZSTD_PARTS[1], TEXT, EOM | FIN)],
        ("message", TEXT),
        ("message", TEXT),
    )
    whole(
        "blocks",
        "a payload of several blocks, of all kinds, and one that is longer than its raw bytes",
        "CHN-1 DAT-3",
        lambda i: [
            restart(i, 0, first(b"raw") + zstd_block(RLE, b"r", size=9, last=False), b"raw" + b"r" * 9),
            chained(i, 12, zstd_block(RAW, b"more", last=False), b"more", FIN),
        ],
        b"raw" + b"r" * 9 + b"more",
    )
    whole(
        "marks",
        "a mark table in front of the decoded check",
        "CHN-3 DAT-8",
        lambda i: [restart(i, 0, first(b"abc"), b"abc", EOM | FIN, marks=[1, 0])],
        ("message", b"a"),
        ("message", b""),
        ("message", b"bc"),
    )
    whole(
        "restarted",
        "a chain that a stored block has ended, and one that another takes the place of",
        "CHN-1",
        lambda i: [
            restart(i, 0, first(b"one"), b"one"),
            data(i, 3, b"-"),
            restart(i, 4, first(b"two"), b"two"),
            restart(i, 7, first(b"three"), b"three"),
            data(i, 12, flags=FIN),
        ],
        b"one-twothree",
    )
    whole(
        "marks-alone",
        "a block of marks alone, which changes nothing",
        "CHN-1",
        lambda i: [
            restart(i, 0, first(b"one"), b"one"),
            data(i, 3, flags=EOM),
            chained(i, 4, zstd_block(RAW, b"two", last=False), b"two", FIN),
        ],
        ("message", b"one"),
        b"two",
    )
    whole(
        "window",
        "the largest window that was announced",
        "CHN-2",
        lambda i: [restart(i, 0, first(b"wide", window=WINDOW_22), b"wide", FIN)],
        b"wide",
    )
    room.open_session(
        "again",
        "a chain that FIN or RESET has ended makes room for another",
        "CHN-2",
        lambda s: (
            [restart(s.peer(n), 0, first(b"chain"), b"chain") for n in range(1, 5)]
            + [data(s.peer(1), 5, flags=FIN), reset(s.peer(2), 5)]
            + [restart(s.peer(n), 0, first(b"chain"), b"chain", FIN) for n in range(5, 9)],
            {
                "events": [opened(s.peer(n)) for n in range(1, 9)],
                "streams": [
                    stream(s.peer(1), b"chain", state="ended"),
                    stream(s.peer(2), state="reset", code_name="CANCELLED"),
                    stream(s.peer(3), b"chain"),
                    stream(s.peer(4), b"chain"),
                ]
                + [stream(s.peer(n), b"chain", state="ended") for n in range(5, 9)],
            },
        ),
        sides=(ACCEPTOR,),
    )


def broken(name, title, clauses, make, before=b""):
    """Blocks of a chain of which one does not decode: its stream ends with CODEC; the session and another stream go on."""
    room.open_session(
        f"broken-{name}",
        title,
        f"{clauses} CDC-4",
        lambda s: (
            make(s.peer(1)) + [data(s.peer(2), 0, b"other", flags=FIN)],
            {
                "events": [opened(s.peer(1)), opened(s.peer(2))],
                "streams": [
                    stream(s.peer(1), state="broken", code_name="CODEC"),
                    stream(s.peer(2), b"other", state="ended"),
                ],
                "sends": [sent("STOP", s.peer(1), code("CODEC"))],
            },
        ),
        sides=(ACCEPTOR,),
    )


def breaks():
    def one(name, title, clauses, payload, raw, **options):
        broken(name, title, clauses, lambda i: [restart(i, 0, payload, raw, **options)])

    one("check", "decodes to other bytes than were encoded", "CHN-3", first(b"abc"), b"abc", decoded=b"abd")
    one("last", "a block that ends the frame", "CHN-1", zstd_header(window=WINDOW_18) + zstd_block(RAW, b"abc"), b"abc")
    run = zstd_block(RLE, b"s", 300, last=False)
    one("size", "a content size", "CHN-1", zstd_header(300, window=WINDOW_18) + run, b"s" * 300)
    one("window", "a window that is larger than was announced", "CHN-2", first(b"abc", window=ABOVE_22), b"abc")
    block = zstd_block(RAW, b"abc", last=False)
    one("dictionary", "a dictionary id", "CHN-1", zstd_header(window=WINDOW_18, dictionary=1) + block, b"abc")
    one("header-alone", "a frame header and no block", "CHN-1", zstd_header(window=WINDOW_18), b"abc")
    one("cut", "a block that is cut short", "CHN-1", first(b"abcdef")[:-1], b"abcdef")
    one("short", "decodes to fewer bytes than declared", "CHN-1", first(b"ab"), b"abc")
    one("long", "decodes to more bytes than declared", "CHN-1", first(b"abcd"), b"abc")
    block = zstd_block(RESERVED, b"abc", last=False)
    one("reserved", "a block of the reserved type", "CHN-1", zstd_header(window=WINDOW_18) + block, b"abc")
    broken(
        "history",
        "a match in a history that a restart has left behind",
        "CHN-1",
        lambda i: [
            restart(i, 0, ZSTD_PARTS[0], TEXT),
            restart(i, len(TEXT), first(b"new"), b"new"),
            chained(i, len(TEXT) + 3, ZSTD_PARTS[1], TEXT),
        ],
    )


def rejects():
    def reject(name, title, clause, frames, *seen, codes="PROTOCOL"):
        streams = [stream(1, *seen)] if seen else []
        room.rejects(
            name, title, codes, clause, lambda s: frames, sides=(ACCEPTOR,), events=[opened(1)], streams=streams
        )

    block = zstd_block(RAW, b"abc", last=False)
    one = restart(1, 0, first(b"one"), b"one")
    reject("never-begun", "CHAINED where no chain began", "CHN-1", [opening(1), chained(1, 0, block, b"abc")])
    reject(
        "after-stored",
        "a chain that goes on behind a stored block",
        "CHN-1",
        [one, data(1, 3, b"-"), chained(1, 4, block, b"abc")],
        b"one-",
    )
    reject(
        "after-independent",
        "a chain that goes on behind an independent block",
        "CHN-1",
        [one, data(1, 3, zstd_rle(b"r", 60), codec=ZSTD, raw=60), chained(1, 63, block, b"abc")],
        b"one" + b"r" * 60,
    )
    reject("restart-alone", "RESTART without CHAINED", "CHN-1", [opening(1), data(1, 0, b"y", flags=RESTART)])
    reject("stored", "CHAINED and codec none", "CHN-1", [one, chained(1, 3, b"abc", b"abc", codec=0)], b"one")
    lz4 = restart(1, 0, lz4_run(b"l", 60), b"l" * 60, codec=LZ4)
    reject("lz4", "CHAINED and codec lz4", "CHN-1", [opening(1), lz4])
    reject("empty", "a chained block without raw bytes", "CHN-1", [opening(1), restart(1, 0, first(b""), b"", EOM)])
    reject(
        "long-payload",
        "a payload that is longer than a chain allows",
        "DAT-3",
        [opening(1), restart(1, 0, bytes(68), b"abc")],
        codes="FRAME_SIZE",
    )
    room.rejects(
        "too-many",
        "a fifth chain while four live",
        "PROTOCOL",
        "CHN-2",
        lambda s: (
            [restart(s.peer(n), 0, first(b"chain"), b"chain") for n in range(1, 6)],
            {
                "events": [opened(s.peer(n)) for n in range(1, 6)],
                "streams": [stream(s.peer(n), b"chain") for n in range(1, 5)],
            },
        ),
        sides=(ACCEPTOR,),
    )


accepts()
breaks()
rejects()
