"""Section 10: payloads of lz4 and zstd, whole and broken."""

from .vectors import *
from .payloads import *

room = Room("codecs", "Payloads of the codecs none, lz4 and zstd, whole and broken (SPEC section 10).")
NONE, LZ4, ZSTD = 0, 1, 2


def whole(name, title, codec, payload, raw, *runs, clauses="CDC-1 CDC-2", config=None):
    """One block that decodes to `raw`, and a stored one behind it."""
    seen = runs or (("bytes", raw),)
    room.open_session(
        name,
        title,
        clauses,
        lambda s: (
            [
                data(s.peer(1), 0, payload, codec=codec, raw=len(raw), flags=EOM),
                data(s.peer(1), len(raw) + 1, b"behind", flags=FIN),
            ],
            {
                "events": [opened(s.peer(1))],
                "streams": [stream(s.peer(1), *[("message", *run[1:]) for run in seen], b"behind", state="ended")],
            },
        ),
        sides=(ACCEPTOR,),
        config=config,
    )


def broken(name, title, codec, payload, raw, clauses="CDC-4", config=None):
    """A block that does not decode: its stream ends with CODEC, behind what came before.

    The session and another stream go on.
    """
    room.open_session(
        f"broken-{name}",
        title,
        clauses + " ERR-1",
        lambda s: (
            [
                data(s.peer(1), 0, b"before", flags=EOM),
                do("read", stream=s.peer(1)),
                data(s.peer(1), 7, payload, codec=codec, raw=raw),
                data(s.peer(2), 0, b"other", flags=FIN),
                number("PING", 7),
            ],
            {
                "events": [opened(s.peer(1)), opened(s.peer(2))],
                "streams": [
                    stream(s.peer(1), ("message", b"before"), state="broken", code_name="CODEC"),
                    stream(s.peer(2), b"other", state="ended"),
                ],
                "sends": [sent("STOP", s.peer(1), code("CODEC")), sent("PONG", start=u64(7))],
            },
        ),
        sides=(ACCEPTOR,),
        config=config,
    )


def zstd_accepts():
    text = b"abc" * 20
    single = zstd_header(60)
    whole("zstd-text", "literals with Huffman codes, and sequences, as a library writes them", ZSTD, ZSTD_TEXT, TEXT)
    whole(
        "zstd-run",
        "RLE blocks, as a single segment",
        ZSTD,
        zstd_rle(b"r", 200_000),
        b"r" * 200_000,
        ("message", b"r", 200_000),
    )
    stored = zstd_block(RLE, b"-", size=40, last=False) + zstd_block(RAW, b"raw", last=False) + zstd_block(RAW, b"")
    whole("zstd-blocks", "RLE and raw blocks, the last one empty", ZSTD, zstd_header(43) + stored, b"-" * 40 + b"raw")
    for width in (2, 4, 8):
        size = 300
        whole(
            f"zstd-size-{width}",
            f"a content size of {width} bytes",
            ZSTD,
            zstd_header(size, field=width) + zstd_block(RLE, b"s", size=size),
            b"s" * size,
            ("message", b"s", size),
        )
    whole(
        "zstd-no-size",
        "no content size: the raw length alone says how much it is",
        ZSTD,
        zstd_header(window=0) + zstd_block(RLE, b"w", size=60),
        b"w" * 60,
    )
    whole(
        "zstd-window",
        "the largest window that was announced",
        ZSTD,
        zstd_header(window=0x40) + zstd_block(RLE, b"w", size=60),
        b"w" * 60,
        clauses="CDC-3",
        config={"zstdWindowLog": 18},
    )
    whole(
        "zstd-unused-bit",
        "the unused bit of a frame header",
        ZSTD,
        zstd_header(60, unused=True) + zstd_block(RLE, b"u", size=60),
        b"u" * 60,
    )
    checksum = (xxh64(b"c" * 60) & 0xFFFFFFFF).to_bytes(4, "little")
    whole(
        "zstd-checksum",
        "a content checksum",
        ZSTD,
        zstd_header(60, checksum=True) + zstd_block(RLE, b"c", size=60) + checksum,
        b"c" * 60,
    )
    assert len(single) == 6 and len(text) == 60


def zstd_broken():
    body = zstd_block(RLE, b"b", size=60)
    frame_60 = zstd_header(60) + body
    rule = {"clauses": "CDC-3 CDC-4"}
    broken("zstd-magic", "another magic number", ZSTD, b"\x27" + frame_60[1:], 60, **rule)
    broken(
        "zstd-skippable",
        "a skippable frame in front",
        ZSTD,
        bytes.fromhex("502a4d1801000000ff") + frame_60,
        60,
        **rule,
    )
    broken(
        "zstd-skippable-behind",
        "a skippable frame behind",
        ZSTD,
        frame_60 + bytes.fromhex("502a4d1801000000ff"),
        60,
        **rule,
    )
    broken("zstd-two", "two frames", ZSTD, zstd_rle(b"b", 30) + zstd_rle(b"b", 30), 60, **rule)
    broken("zstd-trailing", "a byte behind the frame", ZSTD, frame_60 + b"\0", 60, **rule)
    broken("zstd-cut", "a frame that is cut short", ZSTD, frame_60[:-1], 60, **rule)
    broken("zstd-one-byte", "a single byte", ZSTD, b"\x28", 60, **rule)
    broken(
        "zstd-no-last",
        "no last block",
        ZSTD,
        zstd_header(60) + zstd_block(RLE, b"b", size=60, last=False),
        60,
        **rule,
    )
    broken("zstd-dictionary", "a dictionary id", ZSTD, zstd_header(60, dictionary=1) + body, 60, **rule)
    broken(
        "zstd-reserved-bit",
        "the reserved bit of a frame header",
        ZSTD,
        zstd_header(60, reserved=True) + body,
        60,
        **rule,
    )
    broken(
        "zstd-reserved-block",
        "a block of the reserved type",
        ZSTD,
        zstd_header(60) + zstd_block(RESERVED, b"b", size=1),
        60,
        **rule,
    )
    broken(
        "zstd-size-differs",
        "a content size that is not the raw length",
        ZSTD,
        zstd_header(61) + zstd_block(RLE, b"b", size=61),
        60,
        **rule,
    )
    broken(
        "zstd-size-huge",
        "a content size beyond all bounds",
        ZSTD,
        zstd_header((1 << 64) - 1, field=8) + body,
        60,
        **rule,
    )
    broken(
        "zstd-window",
        "a window above the one announced",
        ZSTD,
        zstd_header(window=0x41) + body,
        60,
        config={"zstdWindowLog": 18},
        **rule,
    )
    broken(
        "zstd-window-single",
        "a single segment longer than the window announced",
        ZSTD,
        zstd_rle(b"b", 1_025),
        1_025,
        config={"zstdWindowLog": 10},
        **rule,
    )
    broken(
        "zstd-shorter",
        "fewer bytes than the raw length",
        ZSTD,
        zstd_header(window=0) + zstd_block(RLE, b"b", size=59),
        60,
    )
    broken(
        "zstd-longer",
        "more bytes than the raw length",
        ZSTD,
        zstd_header(window=0) + zstd_block(RLE, b"b", size=61),
        60,
    )
    broken(
        "zstd-bomb",
        "128 KiB where 60 bytes were declared",
        ZSTD,
        zstd_header(window=0x38) + zstd_block(RLE, b"b", size=131_072),
        60,
    )
    broken("zstd-checksum", "a wrong content checksum", ZSTD, zstd_header(60, checksum=True) + body + b"\1\2\3\4", 60)
    broken(
        "zstd-damaged",
        "a compressed block that is damaged",
        ZSTD,
        ZSTD_TEXT[:20] + b"\xff\xff\xff\xff" + ZSTD_TEXT[24:],
        len(TEXT),
    )


def lz4_vectors():
    whole("lz4-run", "an overlapping match", LZ4, lz4_run(b"r", 60), b"r" * 60)
    whole(
        "lz4-long-run",
        "a match length of many bytes",
        LZ4,
        lz4_run(b"r", 5_000),
        b"r" * 5_000,
        ("message", b"r", 5_000),
    )
    words = bytes(range(0x41, 0x61))
    whole(
        "lz4-literals",
        "literals with a length of two bytes, and a match at a distance",
        LZ4,
        lz4_sequence(words, match=32, offset=32) + lz4_sequence(b"12345"),
        words * 2 + b"12345",
    )
    whole(
        "lz4-two-matches",
        "two matches",
        LZ4,
        lz4_sequence(b"abcdefgh", match=8, offset=8)
        + lz4_sequence(b"", match=12, offset=16)
        + lz4_sequence(b"-----"),
        b"abcdefgh" * 2 + b"abcdefghabcd" + b"-----",
    )
    good = lz4_run(b"b", 60)
    broken(
        "lz4-offset-far",
        "a match in front of the block",
        LZ4,
        lz4_sequence(b"b", match=54, offset=2) + lz4_sequence(b"bbbbb"),
        60,
    )
    broken("lz4-cut", "a block that is cut short", LZ4, good[:-1], 60)
    broken("lz4-trailing", "a byte behind the block", LZ4, good + b"\0", 60)
    broken("lz4-length-cut", "a match length without an end", LZ4, good[:4] + b"\xff\xff\xff", 60)
    broken("lz4-literals-cut", "more literals than there are", LZ4, b"\xf0\x20" + b"abcd", 60)
    broken("lz4-shorter", "fewer bytes than the raw length", LZ4, lz4_run(b"b", 59), 60)
    broken("lz4-longer", "more bytes than the raw length", LZ4, lz4_run(b"b", 61), 60)
    broken("lz4-bomb", "64 KiB where 300 bytes were declared", LZ4, lz4_run(b"b", 65_536), 300)
    broken("lz4-empty-sequence", "nothing but an empty last sequence", LZ4, b"\0", 60)


def mixed():
    room.open_session(
        "mixed",
        "each block says what it is",
        "CDC-1 CDC-2",
        lambda s: (
            [
                data(s.peer(1), 0, zstd_rle(b"z", 100), codec=ZSTD, raw=100),
                data(s.peer(1), 100, b"stored"),
                data(s.peer(1), 106, lz4_run(b"l", 100), codec=LZ4, raw=100, marks=[30]),
                data(s.peer(1), 207, ZSTD_TEXT, codec=ZSTD, raw=len(TEXT), flags=FIN | EOM),
            ],
            {
                "events": [opened(s.peer(1))],
                "streams": [
                    stream(
                        s.peer(1),
                        ("message", b"z" * 100 + b"stored" + b"l" * 30),
                        ("message", b"l" * 70 + TEXT),
                        state="ended",
                    )
                ],
            },
        ),
    )
    for codec, payload, word in ((LZ4, lz4_run(b"b", 60), "lz4"), (ZSTD, zstd_rle(b"b", 60), "zstd")):
        room.rejects(
            f"{word}-not-announced",
            "a codec that was not announced is an error of the session",
            "CODEC",
            "DAT-5 CAP-5",
            lambda s: (
                [data(s.peer(1), 0, b"fine"), data(s.peer(1), 4, payload, codec=codec, raw=60)],
                {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), b"fine")]},
            ),
            config={"codecs": [0]},
            sides=(ACCEPTOR,),
        )


zstd_accepts()
zstd_broken()
lz4_vectors()
mixed()
