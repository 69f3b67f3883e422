"""Section 17: versions of objects, whole, from their base and after a mismatch; object_breaks.py has all that is wrong with them."""

import itertools

from .vectors import *
from .vectors import stream as stream_content
from .payloads import *

room = Room("objects", "Versions of objects, and all that is wrong with them (SPEC section 17).")
NONE, LZ4, ZSTD = range(3)
PAGE = 4_096
FULL, PREFIX, MASK, ZERO, MOVED = range(5)
MISMATCH, STANDS, RELEASED = range(3)
OBJECT = 7
# The end under test announces as much.
BUDGET = {"objectBudget": 1 << 20}


def integer(value, width=None):
    """BAS-2: one, two or four bytes."""
    width = width or (1 if value < 1 << 6 else 2 if value < 1 << 14 else 4)
    return (value | {1: 0, 2: 1, 4: 2}[width] << (8 * width - 2)).to_bytes(width, "big")


def table(*runs, width=None):
    """Runs of (first page, pages), as BAS-2 counts them."""
    data, end = b"", 0
    for first, count in runs:
        data += integer(first - end, width) + integer(count - 1, width)
        end = first + count
    return data


def extension(method, runs, base=None, reserved=0, length=None):
    """`runs` are a table; `base` is (offset, length) of a block of method 4."""
    data = u8(method) + u8(reserved) + u16(len(runs) if length is None else length)
    return data + (b"" if base is None else u64(base[0]) + u32(base[1])) + runs


def mix(x):
    mask = (1 << 64) - 1
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & mask
    x = (x ^ x >> 27) * 0x94D049BB133111EB & mask
    return x ^ x >> 31


def pages_of(content):
    return [content[start : start + PAGE].ljust(PAGE, b"\0") for start in range(0, len(content), PAGE)]


def digest(content):
    """BAS-1: the sum over the pages that are not all zeros."""
    values = [mix((index << 32) + crc32c(page)) for index, page in enumerate(pages_of(content)) if any(page)]
    return sum(values) & (1 << 64) - 1


def mask_content(base, new):
    """BAS-3: which eights differ, which of their bytes, and those bytes."""
    eights, bytes_of_eights, changed = bytearray(len(new) // 64), b"", b""
    for start in range(0, len(new), 8):
        differ = [k for k in range(start, start + 8) if base[k] != new[k]]
        if differ:
            eights[start // 64] |= 1 << start // 8 % 8
            bytes_of_eights += u8(sum(1 << k - start for k in differ))
            changed += bytes(new[k] for k in differ)
    return bytes(eights) + bytes_of_eights + changed


def raw_frame(content, stated=True):
    """A zstd frame of one raw block."""
    return zstd_header(len(content)) + zstd_block(RAW, content) if stated else zstd_header(window=0x40) + zstd_block(RAW, content)


def begin(stream, version, length, base=0, base_content=b"", object=OBJECT, epoch=1, domain=0, base_digest=None, extra=b""):
    """OPEN of a new version; what is given lies."""
    body = entry(4, u64(domain)) if domain else b""
    base_digest = (digest(base_content) if base else 0) if base_digest is None else base_digest
    body += entry(5, b"".join(u64(field) for field in (object, epoch, base, version, length, base_digest)))
    return opening(stream, extra=body + extra, note=f"object {object}, epoch {epoch}, version {version} of {length} bytes, base {base}")


def block(stream, offset, method, runs, raw, payload, codec=ZSTD, flags=0, base=None, **options):
    """One block that decodes to `raw`; `runs` are pairs."""
    names = ("full", "prefix", "mask", "zero", "moved")
    options = {"decoded": raw, "raw": len(raw)} | options
    return data(
        stream,
        offset,
        payload,
        flags=flags,
        codec=codec,
        baseline=extension(method, table(*runs), base),
        note=f"{names[method]}, pages {', '.join(f'{first}+{count}' for first, count in runs)}",
        **options,
    )


def stored(stream, offset, runs, raw, flags=0, **options):
    return block(stream, offset, FULL, runs, raw, raw, NONE, flags, **options)


def packed(stream, offset, runs, raw, flags=0, **options):
    """A block of method full by zstd, of runs of one byte."""
    frame = zstd_runs(*((bytes([byte]), len(list(group))) for byte, group in itertools.groupby(raw)))
    return block(stream, offset, FULL, runs, raw, frame, ZSTD, flags, **options)


def spread(*runs):
    return b"".join(byte * count for byte, count in runs)


# An object of two pages and a short one, as it comes in one block.
RUNS = ((b"a", PAGE), (b"b", PAGE), (b"c", 1_808))
BASE = spread(*RUNS)


def base_version(stream, version=1, **fields):
    return [
        begin(stream, version, len(BASE), **fields),
        block(stream, 0, FULL, [(0, 3)], BASE, zstd_runs(*RUNS), flags=FIN),
    ]


def answer(version, value, kind=STANDS, object=OBJECT, domain=0, reserved=0, note=""):
    names = ("mismatch", "stands", "released")
    word = names[kind] if kind < 3 else f"answer {kind}"
    body = u64(domain) + u64(object) + u64(version) + u64(value) + u8(kind) + u24(reserved)
    return frame("BASELINE_ANSWER", body, note=f"object {object}, version {version}, {word} {value}")


def answers(version, value, kind=STANDS, object=OBJECT, domain=0):
    return sent("BASELINE_ANSWER", start=u64(domain) + u64(object) + u64(version) + u64(value) + u8(kind) + u24(0))


def stands(version, object=OBJECT, domain=0, own=False):
    return {"event": "objectStands", "domain": domain, "object": object, "version": version, "own": own}


def shortened(*contents):
    """Bytes as parts of a vector, so that runs of one byte take little room."""
    parts, literal = [], b""
    for byte, group in itertools.groupby(b"".join(contents)):
        count = len(list(group))
        if count < 32:
            literal += bytes([byte]) * count
            continue
        parts += [literal] if literal else []
        parts.append(("bytes", bytes([byte]), count))
        literal = b""
    return parts + ([literal] if literal else [])


def stream(identifier, *contents, **options):
    return stream_content(identifier, *shortened(*contents), **options)


def held(version, *contents, object=OBJECT, domain=0):
    """What the end under test holds of an object at the end."""
    return {"domain": domain, "object": object, "version": version, "content": content(*shortened(*contents))["content"]}


# The other end reads the answer before it goes on.
ANSWERED = wait(0)


def accept(name, title, clauses, make, events, streams=lambda i: (), sends=(), objects=(), config=None, **options):
    """`make(i)` gives steps; `i(n)` is the id of the n-th stream that the other end opens, in `events` too."""
    room.open_session(
        name,
        title,
        clauses,
        lambda s: (
            make(s.peer),
            {"events": events(s.peer), "streams": list(streams(s.peer)), "sends": list(sends), "objects": list(objects)},
        ),
        sides=(ACCEPTOR,),
        config=BUDGET | (config or {}),
        **options,
    )


def first(name, title, clauses, length, blocks, parts, **options):
    """A first version, on one stream; `parts` are what the stream gives, `objects` what stands then."""
    accept(
        f"first-{name}",
        title,
        clauses,
        lambda i: [begin(i(1), 1, length)] + blocks(i(1)),
        lambda i: [opened(i(1)), stands(1)],
        lambda i: [stream(i(1), *parts, state="ended")],
        [answers(1, 1)],
        **options,
    )


def second(name, title, clauses, length, blocks, parts, objects, **options):
    """A version on BASE."""
    accept(
        f"second-{name}",
        title,
        clauses,
        lambda i: base_version(i(1)) + [ANSWERED, begin(i(2), 2, length, 1, BASE)] + blocks(i(2)),
        lambda i: [opened(i(1)), stands(1), opened(i(2)), stands(2)],
        lambda i: [stream(i(1), BASE, state="ended"), stream(i(2), *parts, state="ended")],
        [answers(1, 1), answers(2, 2)],
        objects=[held(2, *objects)],
        **options,
    )


def firsts():
    small = b"an object of one short page"
    first(
        "stored",
        "an object of one short page",
        "BAS-1 BAS-2 BAS-3 BAS-5",
        len(small),
        lambda i: [stored(i, 0, [(0, 1)], small, FIN)],
        [small],
        objects=[held(1, small)],
    )
    x, y, z = b"x" * PAGE, b"y" * 2 * PAGE, b"z" * 100
    first(
        "codecs",
        "pages by each codec, in an order of their own, a run of zeros, and a short last page",
        "BAS-2 BAS-3",
        6 * PAGE + 100,
        lambda i: [
            block(i, 0, FULL, [(1, 2)], y, lz4_run(b"y", 2 * PAGE), LZ4),
            block(i, 2 * PAGE, ZERO, [(3, 1), (5, 1)], bytes(2 * PAGE), b"", NONE),
            block(i, 4 * PAGE, FULL, [(0, 1)], x, zstd_rle(b"x", PAGE)),
            stored(i, 5 * PAGE, [(6, 1)], z),
            data(i, 5 * PAGE + 100, flags=FIN),
        ],
        [spread((b"y", 2 * PAGE), (b"\0", 2 * PAGE), (b"x", PAGE), (b"z", 100))],
        objects=[held(1, spread((b"x", PAGE), (b"y", 2 * PAGE), (b"\0", 3 * PAGE), (b"z", 100)))],
    )
    many = [(0, 1), (2, 2), (70, 3), (173, 1)]
    runs = ((b"1", PAGE), (b"2", 2 * PAGE), (b"3", 3 * PAGE), (b"4", PAGE))
    shape = ((b"1", PAGE), (b"\0", PAGE), (b"2", 2 * PAGE), (b"\0", 66 * PAGE), (b"3", 3 * PAGE), (b"\0", 100 * PAGE), (b"4", PAGE))
    for name, width in (("runs", None), ("runs-wide", 2), ("runs-widest", 4)):
        first(
            name,
            "several runs in a block, their integers " + ("as short as they go" if width is None else f"in {width} bytes")
            + "; what no block has is zeros",
            "BAS-2",
            174 * PAGE,
            lambda i, width=width: [
                data(
                    i, 0, zstd_runs(*runs), FIN, ZSTD, 7 * PAGE,
                    decoded=spread(*runs), baseline=extension(FULL, table(*many, width=width)),
                )
            ],
            [spread(*runs)],
            objects=[held(1, spread(*shape))],
        )
    first("nothing", "a version of which no block comes: zeros", "BAS-2 BAS-5", 5_000, lambda i: [data(i, 0, flags=FIN)], [],
          objects=[held(1, spread((b"\0", 5_000)))])


def seconds():
    new = bytearray(BASE[: 2 * PAGE])
    new[3], new[9:11], new[PAGE + 4_095], new[PAGE + 16 : PAGE + 24] = 1, b"\2\3", 4, b"12345678"
    new = bytes(new)
    mask = mask_content(BASE, new)
    for name, payload, codec in (("stored", mask, NONE), ("zstd", raw_frame(mask), ZSTD)):
        second(
            f"mask-{name}",
            f"bytes that differ in two pages, {name}; the third page stays",
            "BAS-1 BAS-3",
            len(BASE),
            lambda i, payload=payload, codec=codec: [block(i, 0, MASK, [(0, 2)], new, payload, codec, FIN)],
            [new],
            [new] + [spread((b"c", 1_808))],
        )
    nothing = bytes(64)
    second(
        "mask-nothing",
        "a mask of a page that does not differ, as short as it gets",
        "BAS-3",
        len(BASE),
        lambda i: [block(i, 0, MASK, [(1, 1)], BASE[PAGE : 2 * PAGE], nothing, NONE, FIN)],
        [spread((b"b", PAGE))],
        [BASE],
    )
    # Page 1 and the short page, from what the base has of them: the match goes back as far as it can.
    tail = BASE[PAGE:]
    copied = b"new" + tail[: len(tail) - 6] + b"end"
    second(
        "prefix",
        "pages compressed against what the base has of them, the short one among them",
        "BAS-3",
        len(BASE),
        lambda i: [
            block(
                i, 0, PREFIX, [(1, 2)], copied,
                zstd_header(len(copied)) + zstd_match(b"new", len(tail) + 3, len(tail) - 6, b"end"), flags=FIN,
            )
        ],
        [copied],
        [spread((b"a", PAGE))] + [copied],
    )
    pair = BASE[:PAGE] + BASE[2 * PAGE :]
    second(
        "prefix-runs",
        "two runs: the prefix is their bytes, one behind the other",
        "BAS-3",
        len(BASE),
        lambda i: [
            block(
                i, 0, PREFIX, [(0, 1), (2, 1)], b"!" + pair[:-1],
                zstd_header(len(pair)) + zstd_match(b"!", len(pair) + 1, len(pair) - 1), flags=FIN,
            )
        ],
        [b"!" + pair[:-1]],
        [b"!" + pair[: PAGE - 1]] + [spread((b"b", PAGE))] + [pair[PAGE - 1 : -1]],
    )
    moved = BASE[3 : 3 + 5_000]
    second(
        "moved",
        "pages that stood elsewhere in the base, and at no page's beginning",
        "BAS-3",
        2 * PAGE,
        lambda i: [
            block(
                i, 0, MOVED, [(0, 1)], moved[:PAGE], zstd_header(PAGE) + zstd_match(b"", 5_000, PAGE), base=(3, 5_000), flags=FIN
            )
        ],
        [moved[:PAGE]],
        [moved[:PAGE]] + [spread((b"b", PAGE))],
    )
    second(
        "zero",
        "a page that becomes zeros, and the object a page longer: what the base does not have is zeros",
        "BAS-2 BAS-3",
        5 * PAGE,
        lambda i: [block(i, 0, ZERO, [(1, 1)], bytes(PAGE), b"", NONE, FIN)],
        [spread((b"\0", PAGE))],
        [spread((b"a", PAGE), (b"\0", PAGE), (b"c", 1_808), (b"\0", 3 * PAGE - 1_808))],
    )
    second("same", "a version that does not differ", "BAS-2", len(BASE), lambda i: [data(i, 0, flags=FIN)], [], [BASE])
    second(
        "shorter", "the object becomes shorter, within a page", "BAS-2", 5_000,
        lambda i: [data(i, 0, flags=FIN)], [], [spread((b"a", PAGE), (b"b", 5_000 - PAGE))],
    )
    accept(
        "third",
        "shorter, then longer again: what was cut off is zeros",
        "BAS-1 BAS-2",
        lambda i: base_version(i(1))
        + [ANSWERED, begin(i(2), 2, 5_000, 1, BASE), data(i(2), 0, flags=FIN), ANSWERED]
        + [begin(i(3), 9, 2 * PAGE + 1, 2, BASE[:5_000]), data(i(3), 0, flags=FIN)],
        lambda i: [opened(i(1)), stands(1), opened(i(2)), stands(2), opened(i(3)), stands(9)],
        lambda i: [stream(i(1), BASE, state="ended"), stream(i(2), state="ended"), stream(i(3), state="ended")],
        [answers(1, 1), answers(2, 2), answers(9, 9)],
        [held(9, spread((b"a", PAGE), (b"b", 5_000 - PAGE), (b"\0", 2 * PAGE + 1 - 5_000)))],
    )


firsts()
seconds()
