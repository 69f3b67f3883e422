"""Section 8: blocks, marks and offsets."""

from .vectors import *
from .payloads import zstd_rle

room = Room("data", "Blocks, marks and offsets (SPEC section 8).")
LIMIT = LARGEST_OFFSET


def blocks(name, title, clauses, make, *parts, state="open", **options):
    """DATA frames on the other end's first stream, and what its reader sees."""

    def both(s):
        return make(s.peer(1)), {
            "events": [opened(s.peer(1))],
            "streams": [stream(s.peer(1), *parts, state=state)] if parts or state != "open" else [],
        }

    room.open_session(name, title, clauses, both, **options)


def data_accepts():
    message = lambda value: ("message", value)
    blocks("fin-alone", "an empty stream", "DAT-2 CRD-7", lambda i: [data(i, flags=FIN)], state="ended")
    blocks(
        "empty-message",
        "an empty message takes one unit",
        "DAT-1",
        lambda i: [data(i, flags=EOM), data(i, 1, b"x", flags=EOM | FIN)],
        message(b""),
        message(b"x"),
        state="ended",
    )
    blocks(
        "bytes",
        "plain bytes in two blocks",
        "DAT-6 DAT-7",
        lambda i: [data(i, 0, b"hel"), data(i, 3, b"lo", flags=FIN)],
        b"hello",
        state="ended",
    )
    blocks(
        "spanning",
        "a message over three blocks",
        "DAT-8",
        lambda i: [data(i, 0, b"a"), data(i, 1, b"b"), data(i, 2, b"c", flags=EOM)],
        message(b"abc"),
    )
    blocks(
        "marks",
        "several messages in one block, an empty one among them",
        "DAT-8",
        lambda i: [data(i, 0, b"abc", marks=[1, 0], flags=EOM)],
        message(b"a"),
        message(b""),
        message(b"bc"),
    )
    blocks(
        "marks-rest",
        "raw bytes behind the mark table begin the next message",
        "DAT-8",
        lambda i: [data(i, 0, b"abcd", marks=[1, 1]), data(i, 6, b"e", flags=EOM)],
        message(b"a"),
        message(b"b"),
        message(b"cde"),
    )
    blocks(
        "marks-first",
        "the first length is the rest of a message begun before",
        "DAT-8",
        lambda i: [data(i, 0, b"ab"), data(i, 2, b"cd", marks=[1])],
        message(b"abc"),
        b"d",
    )
    blocks(
        "marks-only",
        "a block of marks alone",
        "DAT-1 DAT-3",
        lambda i: [data(i, 0, marks=[0, 0, 0]), data(i, 3, b"x", flags=FIN)],
        message(b""),
        message(b""),
        message(b""),
        b"x",
        state="ended",
    )
    blocks(
        "marks-all",
        "EOM behind a table that covers the block ends an empty message",
        "DAT-8",
        lambda i: [data(i, 0, b"ab", marks=[2], flags=EOM)],
        message(b"ab"),
        message(b""),
    )
    blocks(
        "cut-short",
        "bytes between the last mark and FIN are an unfinished message",
        "DAT-8",
        lambda i: [data(i, 0, b"abc", marks=[2], flags=FIN)],
        message(b"ab"),
        b"c",
        state="ended",
    )
    blocks(
        "duplicate",
        "a block that repeats units is discarded",
        "DAT-6 CRD-3",
        lambda i: [data(i, 0, b"ab"), data(i, 0, b"ab"), data(i, 2, b"c"), data(i, 0, b"a"), data(i, 1, b"bc")],
        b"abc",
    )
    blocks(
        "largest",
        "a block of the largest raw length",
        "DAT-5",
        lambda i: [data(i, 0, zstd_rle(b"z", 65_536), codec=2, raw=65_536)],
        ("bytes", b"z", 65_536),
        config={"maxRawBlock": 65_536},
    )


def data_rejects():
    def reject(name, title, codes, clause, make, *parts, **options):
        """`parts` is what was delivered before."""

        def both(s):
            made = make(s.peer(1))
            steps = made if isinstance(made, list) else [opening(s.peer(1)), made]
            return steps, {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), *parts)] if parts else []}

        room.rejects(name, title, codes, clause, both, **options)

    reject("offset-too-high", "a block that ends above 2^62", "PROTOCOL", "DAT-1", lambda i: data(i, LIMIT, b"x"))
    reject(
        "offset-highest", "the highest offset there is", "PROTOCOL", "DAT-1", lambda i: data(i, (1 << 64) - 1, b"x")
    )
    reject("nothing", "a block of nothing without FIN", "PROTOCOL", "DAT-2", lambda i: data(i))
    reject(
        "stored-short",
        "a stored block shorter than its raw length",
        "FRAME_SIZE",
        "DAT-3",
        lambda i: data(i, 0, b"abcd", raw=5),
    )
    reject(
        "stored-long",
        "a stored block longer than its raw length",
        "FRAME_SIZE",
        "DAT-3",
        lambda i: data(i, 0, b"abcd", raw=3),
    )
    for codec, word in ((1, "lz4"), (2, "zstd")):
        reject(
            f"{word}-not-smaller",
            "an encoded block is smaller than its raw length",
            "FRAME_SIZE",
            "DAT-3",
            lambda i: data(i, 0, b"abcd", codec=codec, raw=4),
        )
        reject(
            f"{word}-no-raw",
            "a block without raw bytes has codec none",
            "FRAME_SIZE",
            "DAT-3",
            lambda i: data(i, codec=codec, flags=FIN),
        )
        reject(
            f"{word}-empty",
            "an encoded block is not empty",
            "FRAME_SIZE",
            "DAT-3",
            lambda i: data(i, codec=codec, raw=100),
        )
    reject(
        "marks-beyond",
        "mark lengths add up to more than the raw length",
        "PROTOCOL",
        "DAT-4",
        lambda i: data(i, 0, b"abc", marks=[2, 2]),
    )
    reject("marks-none", "a mark table without a mark", "PROTOCOL", "DAT-4", lambda i: data(i, 0, b"abc", marks=[]))
    reject(
        "marks-cut",
        "a mark table that is cut short",
        "PROTOCOL",
        "DAT-4",
        lambda i: data(i, 0, b"", marks=[0], mark_count=2, flags=FIN),
    )
    reject(
        "marks-missing",
        "a mark table of which nothing is there",
        "PROTOCOL",
        "DAT-4",
        lambda i: data(i, flags=MARKS | FIN),
    )
    reject(
        "raw-too-long",
        "a raw length above MAX_RAW_BLOCK: a bomb is found before it is decoded",
        "FRAME_SIZE",
        "DAT-5",
        lambda i: data(i, 0, zstd_rle(b"z", 65_537), codec=2, raw=65_537),
        config={"maxRawBlock": 65_536},
    )
    for codec in (3, 4, 255):
        reject(
            f"codec-{codec}",
            "a codec that was not announced is never a guess",
            "CODEC",
            "DAT-5",
            lambda i: data(i, 0, b"x", codec=codec, raw=9),
        )
    reject(
        "codec-not-announced",
        "a codec that this end knows and did not announce",
        "CODEC",
        "DAT-5 CAP-5",
        lambda i: data(i, 0, zstd_rle(b"z", 100), codec=2, raw=100),
        config={"codecs": [1, 0]},
    )
    reject(
        "gap",
        "a gap, while the session has a single link",
        "PROTOCOL",
        "DAT-6",
        lambda i: [data(i, 0, b"ab"), data(i, 3, b"d")],
        b"ab",
    )
    reject("gap-first", "a gap in front of the first block", "PROTOCOL", "DAT-6", lambda i: data(i, 1, b"b"))
    reject(
        "overlap",
        "a block that overlaps units it has only in part",
        "PROTOCOL",
        "DAT-6",
        lambda i: [data(i, 0, b"ab"), data(i, 1, b"bc")],
        b"ab",
    )
    reject(
        "repeated-fin",
        "a block of units that were there, with FIN",
        "PROTOCOL",
        "DAT-6",
        lambda i: [data(i, 0, b"ab"), data(i, 0, b"ab", flags=FIN)],
        b"ab",
    )
    reject(
        "reserved-20",
        "a reserved flag of DATA",
        "PROTOCOL",
        "DAT-9 CONV-2",
        lambda i: data(i, 0, b"x", flags=0x20),
    )


data_accepts()
data_rejects()
