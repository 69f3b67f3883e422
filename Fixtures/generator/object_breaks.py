"""Section 17: what breaks the rules of objects. It adds to the room of objects.py."""

from .object_ends import *
from .object_ends import two, changed, replacement, SAME, NEW


def reject(name, title, clause, frames, events=(), streams=(), codes="PROTOCOL", config=None, peer=(), **options):
    room.rejects(
        name,
        title,
        codes,
        clause,
        lambda s: list(frames),
        sides=(ACCEPTOR,),
        events=list(events),
        streams=list(streams),
        config=BUDGET | (config or {}),
        peer=peer,
        **options,
    )


ONE = [opened(1)]
STOOD = [opened(1), stands(1)]
READ = [stream(1, BASE, state="ended")]
SMALL = [begin(1, 1, 5), stored(1, 0, [(0, 1)], b"first", FIN), ANSWERED]
SMALL_READ = [stream(1, b"first", state="ended")]
STANDING = base_version(1) + [ANSWERED]


def openings():
    off = {"config": {"objectBudget": 0}}
    reject("none", "a version though no BASELINES were announced", "BAS-1", [begin(1, 1, 5)], **off)
    reject("flag-none", "flag BASELINE though no BASELINES were announced", "DAT-9", [stored(1, 0, [(0, 1)], b"first")], **off)
    reject("released-none", "a release though no BASELINES were announced", "BAS-1", [answer(1, 0, RELEASED)], **off)
    for name, title, fields in (
        ("length-0", "an object of no bytes", dict(version=1, length=0)),
        ("length-huge", "an object longer than 2^40 bytes", dict(version=1, length=(1 << 40) + 1)),
        ("over-budget", "an object longer than what was announced", dict(version=1, length=(1 << 20) + 1)),
        ("version-0", "version 0", dict(version=0, length=5)),
        ("epoch-0", "epoch 0", dict(version=1, length=5, epoch=0)),
        ("base-ahead", "a base that is not below the new version", dict(version=4, length=5, base=4)),
    ):
        reject(name, title, "BAS-1", [begin(1, **fields)])
    for name, title, fields in (
        ("version-again", "a version a second time", dict(version=1, length=5)),
        ("epoch-falls", "an epoch below that of the object", dict(version=2, length=5, epoch=0)),
        ("epoch-base", "a base of another epoch", dict(version=2, length=5, base=1, base_content=b"first", epoch=2)),
    ):
        reject(name, title, "BAS-1", SMALL + [begin(3, **fields)], STOOD, SMALL_READ)
    reject(
        "epoch-lower",
        "a lower epoch",
        "BAS-1",
        [begin(1, 1, 5, epoch=3), stored(1, 0, [(0, 1)], b"first", FIN), ANSWERED, begin(3, 2, 5, epoch=2)],
        STOOD,
        SMALL_READ,
    )
    reject("under-way", "two versions of an object at once", "BAS-1", [begin(1, 1, 5), begin(3, 2, 5)], ONE)
    reject(
        "over-budget-both",
        "two objects longer than what was announced, as they count",
        "BAS-1",
        [begin(1, 1, (1 << 20) - 65_535), begin(3, 1, 1, object=8)],
        ONE,
    )
    reject(
        "over-budget-shorter",
        "an object counts with its base while a shorter version of it is under way",
        "BAS-1",
        [begin(1, 1, 1 << 19), data(1, 0, flags=FIN), ANSWERED, begin(3, 2, 1, 1, bytes(1 << 19)), begin(5, 1, 600_000, object=8)],
        [opened(1), stands(1), opened(3)],
        [stream(1, state="ended")],
    )
    reject("entry-short", "an entry of 47 bytes", "STR-7", [opening(1, extra=entry(5, bytes(47)))])
    reject("entry-twice", "two entries", "STR-7", [begin(1, 1, 5, extra=entry(5, bytes(48)))])
    reject("domain-short", "a domain of 7 bytes", "STR-7", [opening(1, extra=entry(4, bytes(7)))])


def blocks():
    def broken(name, title, *frames, length=3 * PAGE, clause="BAS-2", **options):
        reject(name, title, clause, [begin(1, 1, length), *frames], ONE, **options)

    one = b"p" * PAGE
    rle = zstd_rle(b"p", PAGE)

    def full(runs=table((0, 1)), raw=one, payload=rle, method=FULL, codec=ZSTD, offset=0, flags=0, base=None, **lies):
        return data(
            1, offset, payload, flags, codec, len(raw), decoded=raw, baseline=extension(method, runs, base, **lies),
            note=f"method {method}",
        )

    reject("flag", "flag BASELINE on a stream that carries no version", "BAS-2",
           [opening(1), stored(1, 0, [(0, 1)], b"first")], ONE)
    reject("flag-implicit", "flag BASELINE in a block that opens its stream", "BAS-2", [stored(1, 0, [(0, 1)], b"first")], ONE)
    broken("no-flag", "raw bytes without the flag", data(1, 0, b"first"))
    broken("eom", "a mark behind a block", full(flags=EOM))
    broken("mark-alone", "a mark without raw bytes", data(1, 0, flags=EOM))
    broken("marks", "a mark table", data(1, 0, rle, FIN, ZSTD, PAGE, marks=[1], decoded=one, baseline=extension(FULL, table((0, 1)))))
    broken("flag-alone", "the flag without raw bytes", data(1, 0, flags=FIN, decoded=b"", baseline=extension(FULL, b"")))
    broken("runs-none", "raw bytes and no run", full(b""))
    broken("runs-half", "a run that is half there", full(integer(0)))
    broken("runs-cut", "an integer that is cut short", full(integer(0) + b"\x40"))
    broken("integer", "an integer of the reserved form", full(b"\0\xc0\0\0\0\0\0\0\0"))
    broken("beyond", "a run beyond the version", full(table((3, 1))))
    broken("beyond-long", "a run that reaches beyond the version", full(table((2, 2)), one * 2, zstd_rle(b"p", 2 * PAGE)))
    broken("beyond-short", "a run that ends in the short page, with a whole page of bytes", full(), length=100)
    broken("raw-short", "fewer raw bytes than the pages have", full(raw=one[1:], payload=zstd_rle(b"p", PAGE - 1)))
    broken("raw-long", "more raw bytes than the pages have", full(raw=one + b"p", payload=zstd_rle(b"p", PAGE + 1)))
    broken("reserved", "the reserved byte", full(reserved=1), clause="BAS-2 BAS-3")
    broken("method-5", "method 5", full(method=5), clause="BAS-3")
    for name, method in (("prefix", PREFIX), ("mask", MASK)):
        broken(f"baseless-{name}", f"method {name} and no base", full(method=method), clause="BAS-3")
    broken("baseless-moved", "method moved and no base", full(method=MOVED, base=(0, 1)), clause="BAS-3")
    broken("zero-payload", "method zero and a payload", full(method=ZERO, payload=b"0", codec=0), clause="BAS-3", codes="FRAME_SIZE")
    broken("zero-codec", "method zero and a codec", full(method=ZERO), clause="BAS-3", codes="FRAME_SIZE")
    broken("full-long", "a stored payload longer than its raw bytes", full(payload=one + b"p", codec=0), clause="DAT-3", codes="FRAME_SIZE")
    broken("full-unshrunk", "a payload of zstd as long as its raw bytes", full(payload=bytes(PAGE)), clause="DAT-3", codes="FRAME_SIZE")
    broken("chained", "a block of a chain", full(flags=CHAINED | RESTART), clause="DIC-3 BAS-2 CHN-1")
    broken("replacement-unasked", "a block that replaces nothing",
           full(), ANSWERED, full(), clause="BAS-4", streams=[stream(1, one)])
    broken("twice", "a page twice in a version", full(), ANSWERED, full(offset=PAGE), streams=[stream(1, one)])
    broken("cut", "a table that reaches past the end", full(length=2_000, payload=b""), clause="BAS-2 DAT-3", codes="PROTOCOL FRAME_SIZE")


def based_blocks():
    def broken(name, title, *frames, clause="BAS-3", codes="PROTOCOL", steps=(), sends=(), length=len(BASE), streams=()):
        reject(
            name, title, clause, STANDING + [two(3, length=length), *frames], STOOD + [opened(3)], READ + list(streams),
            codes=codes, sends=list(sends),
        )

    def page(method, payload, codec=ZSTD, runs=((1, 1),), raw=NEW, **options):
        return block(3, 0, method, list(runs), raw, payload, codec, **options)

    rle = zstd_rle(b"b", PAGE)
    size = {"codes": "FRAME_SIZE"}
    broken("prefix-stored", "method prefix, stored", page(PREFIX, NEW, NONE), **size)
    broken("prefix-lz4", "method prefix and lz4", page(PREFIX, lz4_run(b"b", PAGE), LZ4), **size)
    broken("mask-lz4", "method mask and lz4", page(MASK, lz4_run(b"b", PAGE), LZ4), **size)
    broken("moved-lz4", "method moved and lz4", page(MOVED, lz4_run(b"b", PAGE), LZ4, base=(0, 9)), **size)
    broken("mask-page", "method mask of a short page", page(MASK, bytes(64), NONE, [(2, 1)], b"c" * 1_808), **size)
    broken("moved-0", "method moved from no bytes", page(MOVED, rle, base=(0, 0)))
    broken("moved-long", "method moved from more than 8 MiB", page(MOVED, rle, base=(0, (8 << 20) + 1)))
    broken("prefix-empty", "method prefix without a payload", page(PREFIX, b""), **size)
    broken("prefix-unshrunk", "method prefix, as long as its raw bytes", page(PREFIX, bytes(PAGE)), **size)
    broken("moved-empty", "method moved without a payload", page(MOVED, b"", base=(0, 9)), **size)
    broken("mask-short", "a stored mask shorter than it can be", page(MASK, bytes(63), NONE), **size)
    broken("mask-unshrunk", "a stored mask as long as its raw bytes", page(MASK, bytes(PAGE), NONE), **size)
    broken("mask-empty", "a mask by zstd without a payload", page(MASK, b""), **size)
    asked = [sent("BASELINE_ANSWER", start=u64(0) + u64(OBJECT) + u64(2) + u64(0) + u8(MISMATCH))]
    bad = changed(3, decoded=SAME)
    more = [bad, changed(3, PAGE, runs=[(0, 1)], raw=b"X" + BASE[1:PAGE], decoded=BASE[:PAGE])]
    rest = {"clause": "BAS-4 DAT-6", "sends": asked}
    broken("replaced-other", "a replacement of other pages", bad, ANSWERED, replacement(3, 0, [(0, 1)], NEW), **rest)
    broken("replaced-order", "replacements out of order", *more, ANSWERED, replacement(3, PAGE, [(0, 1)], NEW), **rest)
    broken("replaced-fin", "a replacement with FIN", bad, ANSWERED, replacement(3, 0, [(1, 1)], NEW, flags=FIN), **rest)
    broken(
        "replaced-by-method", "a replacement that needs the base again", bad, ANSWERED, changed(3), **rest,
    )
    given = {"streams": [stream(3, NEW)]}
    broken("replaced-twice", "a replacement twice", bad, ANSWERED, replacement(3, 0, [(1, 1)], NEW), ANSWERED, replacement(3, 0, [(1, 1)], NEW), **rest, **given)
    broken(
        "based-after", "a block that needs the base behind the first replacement",
        bad, ANSWERED, replacement(3, 0, [(1, 1)], NEW), ANSWERED, changed(3, PAGE, runs=[(0, 1)]), **rest | {"clause": "BAS-3 BAS-4"}, **given,
    )


def answered():
    reject("release-early", "a release while a version is under way", "BAS-5", [begin(1, 1, 5), answer(1, 0, RELEASED)], ONE)
    reject("answer-3", "a reserved answer", "BAS-5", [answer(1, 0, 3)], peer=[("BASELINES", 1 << 20)])
    reject("answer-reserved", "reserved bits of an answer", "BAS-5", [answer(1, 1, reserved=1)], peer=[("BASELINES", 1 << 20)])
    reject("mismatch-none", "a mismatch that names no version", "BAS-5", [answer(1, 0, MISMATCH)], peer=[("BASELINES", 1 << 20)])
    for length in (35, 37):
        reject(f"answer-length-{length}", "BASELINE_ANSWER of a wrong length", "HDR-2", [header_only("BASELINE_ANSWER", length)], codes="FRAME_SIZE")
    made = [do("version", object=OBJECT, length=5_000), do("pages", stream=2, offset=0, hex="61", times=5_000)]
    made += [do("finish", stream=2), do("acknowledge")]
    own = {"peer": [("BASELINES", 1 << 20)]}
    reject("stands-other", "an object is said to stand at what was never sent", "BAS-5", made + [answer(1, 2)], **own)
    reject("mismatch-beyond", "a mismatch beyond what was sent", "BAS-5", made + [answer(1, 5_001, MISMATCH)], **own)
    reject("mismatch-other", "a mismatch of another version", "BAS-5", made + [answer(3, 0, MISMATCH)], **own)
    reject("stands-never", "an answer about a version that was never begun", "BAS-5", [answer(1, 1)], **own)


openings()
blocks()
based_blocks()
answered()
