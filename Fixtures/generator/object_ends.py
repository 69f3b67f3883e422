"""Section 17: how versions of objects end, and what is no version's business. It adds to the room of objects.py."""

from .objects import *
from .objects import spread

SAME = BASE[PAGE : 2 * PAGE]
NEW = b"X" + SAME[1:]


def changed(i, offset=0, flags=0, runs=((1, 1),), payload=None, raw=NEW, **options):
    """Page 1 with another first byte, as a mask."""
    payload = mask_content(SAME, NEW) if payload is None else payload
    return block(i, offset, MASK, list(runs), raw, payload, NONE, flags, **options)


replacement = packed


def two(i, version=2, length=None, base=1, base_content=BASE, **fields):
    return begin(i, version, len(BASE) if length is None else length, base, base_content, **fields)


def mismatches():
    both = [opened(1), stands(1), opened(3), stands(0)]
    first_part = stream(1, BASE, state="ended")

    def mismatch(name, title, steps, parts, at=0, value=0, clauses="BAS-4 BAS-5", objects=()):
        accept(
            f"mismatch-{name}",
            title,
            clauses,
            lambda i: base_version(1) + [ANSWERED] + steps,
            lambda i: both,
            lambda i: [first_part, stream(3, *parts, state="ended")],
            [answers(1, 1), answers(2, at, MISMATCH), answers(2, value)],
            objects,
        )

    mismatch(
        "digest",
        "the base has another digest: a block that needs it is replaced, and the object is dropped",
        [two(3, base_digest=digest(BASE) ^ 1), changed(3), ANSWERED, replacement(3, 0, [(1, 1)], NEW), data(3, PAGE, flags=FIN)],
        [NEW],
    )
    mismatch(
        "check",
        "a block comes to other bytes than the base would give: it and the next are replaced, one that needs no base is not",
        [
            two(3, length=4 * PAGE),
            packed(3, 0, [(0, 1)], b"Y" * PAGE),
            changed(3, PAGE, decoded=SAME),
            block(3, 2 * PAGE, ZERO, [(3, 1)], bytes(PAGE), b"", NONE),
            block(3, 3 * PAGE, PREFIX, [(2, 1)], b"c" * PAGE, zstd_rle(b"c", PAGE)),
            ANSWERED,
            replacement(3, PAGE, [(1, 1)], NEW),
            replacement(3, 3 * PAGE, [(2, 1)], b"c" * PAGE),
            data(3, 4 * PAGE, flags=FIN),
        ],
        [b"Y" * PAGE + NEW + bytes(PAGE) + b"c" * PAGE],
        at=PAGE,
    )
    mismatch(
        "behind-fin",
        "replacements that come behind FIN",
        [two(3), changed(3, decoded=SAME, flags=FIN), ANSWERED, replacement(3, 0, [(1, 1)], NEW)],
        [NEW],
    )
    mismatch(
        "between",
        "blocks that need no base come between replacements",
        [
            two(3, base_digest=0),
            changed(3),
            changed(3, PAGE, runs=[(0, 1)]),
            ANSWERED,
            replacement(3, 0, [(1, 1)], NEW),
            stored(3, 2 * PAGE, [(2, 1)], b"d" * 1_808, FIN),
            replacement(3, PAGE, [(0, 1)], NEW),
        ],
        [NEW + NEW + b"d" * 1_808],
    )
    mismatch(
        "codec",
        "a replacement by a codec",
        [two(3), changed(3, payload=bytes(63) + b"\1" + b"\1" + b"no"), data(3, PAGE, flags=FIN), ANSWERED]
        + [block(3, 0, FULL, [(1, 1)], SAME, zstd_rle(b"b", PAGE))],
        [spread((b"b", PAGE))],
    )
    accept(
        "mismatch-never",
        "a base that the receiver never had",
        "BAS-1 BAS-4 BAS-5",
        lambda i: [begin(1, 5, len(BASE), 4, BASE), changed(1), ANSWERED, replacement(1, 0, [(1, 1)], NEW), data(1, PAGE, flags=FIN)],
        lambda i: [opened(1), stands(0)],
        lambda i: [stream(1, NEW, state="ended")],
        [answers(5, 0, MISMATCH), answers(5, 0)],
    )
    accept(
        "base-not-standing",
        "a base at which the object does not stand any more",
        "BAS-1 BAS-5",
        lambda i: [begin(1, 1, 5), stored(1, 0, [(0, 1)], b"first", FIN), ANSWERED]
        + [begin(3, 2, 5, 1, b"first"), data(3, 0, flags=FIN), ANSWERED, begin(5, 3, 5, 1, b"first"), data(5, 0, flags=FIN)],
        lambda i: [opened(1), stands(1), opened(3), stands(2), opened(5), stands(0)],
        lambda i: [stream(1, b"first", state="ended"), stream(3, state="ended"), stream(5, state="ended")],
        [answers(1, 1), answers(2, 2), answers(3, 0)],
    )
    accept(
        "baseless",
        "a base that the receiver never had, and no block needs it: there is no mismatch, and no version either",
        "BAS-1 BAS-5",
        lambda i: [begin(1, 5, 100, 4, BASE), stored(1, 0, [(0, 1)], b"w" * 100, FIN)],
        lambda i: [opened(1), stands(0)],
        lambda i: [stream(1, b"w" * 100, state="ended")],
        [answers(5, 0)],
    )


def ends():
    small = [begin(1, 1, 5), stored(1, 0, [(0, 1)], b"first", FIN), ANSWERED]
    told = [opened(1), stands(1)]
    read = stream(1, b"first", state="ended")
    accept(
        "reset",
        "RESET ends a version: the object stands at its base, from which the next one goes on",
        "BAS-5",
        lambda i: base_version(1)
        + [ANSWERED, two(3), changed(3), reset(3, PAGE), ANSWERED, two(5, 3), changed(5, flags=FIN)],
        lambda i: [opened(1), stands(1), opened(3), stands(1), opened(5), stands(3)],
        lambda i: [
            stream(1, BASE, state="ended"),
            stream(3, state="reset", code_name="CANCELLED"),
            stream(5, NEW, state="ended"),
        ],
        [answers(1, 1), answers(2, 1), answers(3, 3)],
        [held(3, spread((b"a", PAGE)), NEW, spread((b"c", 1_808)))],
    )
    accept(
        "reset-first",
        "RESET ends a first version: the object stands at none",
        "BAS-5",
        lambda i: [begin(1, 1, 5_000), stored(1, 0, [(0, 1)], bytes(PAGE)), reset(1, PAGE), ANSWERED]
        + [begin(3, 2, 6), stored(3, 0, [(0, 1)], b"second", FIN)],
        lambda i: [opened(1), stands(0), opened(3), stands(2)],
        lambda i: [stream(1, state="reset", code_name="CANCELLED"), stream(3, b"second", state="ended")],
        [answers(1, 0), answers(2, 2)],
        [held(2, b"second")],
    )
    accept(
        "stopped",
        "the application stops a version: the object stands at none",
        "BAS-5",
        lambda i: small
        + [begin(3, 2, 5, 1, b"first"), do("stop", stream=3, code="CANCELLED"), reset(3, 0), ANSWERED]
        + [begin(5, 3, 5), stored(5, 0, [(0, 1)], b"third", FIN)],
        lambda i: told + [opened(3), stands(0), opened(5), stands(3)],
        lambda i: [read, stream(3, state="stopped", code_name="CANCELLED"), stream(5, b"third", state="ended")],
        [answers(1, 1), answers(2, 0), answers(3, 3)],
        [held(3, b"third")],
    )
    accept(
        "baseless-again",
        "a version that names no base, though there is one, and another epoch behind it",
        "BAS-1",
        lambda i: small
        + [begin(3, 2, 6), stored(3, 0, [(0, 1)], b"second", FIN), ANSWERED]
        + [begin(5, 3, 5, epoch=9), stored(5, 0, [(0, 1)], b"third", FIN)],
        lambda i: told + [opened(3), stands(2), opened(5), stands(3)],
        lambda i: [read, stream(3, b"second", state="ended"), stream(5, b"third", state="ended")],
        [answers(1, 1), answers(2, 2), answers(3, 3)],
        [held(3, b"third")],
    )
    accept(
        "released",
        "an object is released, and its name and its numbers are free",
        "BAS-5",
        lambda i: small + [answer(1, 0, RELEASED), begin(3, 1, 5), stored(3, 0, [(0, 1)], b"other", FIN)],
        lambda i: told + [opened(3), stands(1)],
        lambda i: [read, stream(3, b"other", state="ended")],
        [answers(1, 1), answers(1, 1)],
        [held(1, b"other")],
    )
    accept(
        "dropped",
        "the application drops an object, of which the sender hears, so that the next version has no base",
        "BAS-5",
        lambda i: small
        + [do("drop", object=OBJECT), ANSWERED, begin(3, 2, 6), stored(3, 0, [(0, 1)], b"second", FIN)],
        lambda i: told + [stands(0), opened(3), stands(2)],
        lambda i: [read, stream(3, b"second", state="ended")],
        [answers(1, 1), answers(1, 0), answers(2, 2)],
        [held(2, b"second")],
    )
    accept(
        "dropped-crossing",
        "a version crosses the answer that its base was dropped",
        "BAS-1 BAS-4 BAS-5",
        lambda i: base_version(1)
        + [do("drop", object=OBJECT), two(3), changed(3, flags=FIN), ANSWERED, replacement(3, 0, [(1, 1)], NEW)],
        lambda i: [opened(1), stands(1), stands(0), opened(3), stands(0)],
        lambda i: [stream(1, BASE, state="ended"), stream(3, NEW, state="ended")],
        [answers(1, 1), answers(1, 0), answers(2, 0, MISMATCH), answers(2, 0)],
    )
    accept(
        "domains",
        "one number in two domains is two objects, and the answers name the domain",
        "BAS-1 BAS-6",
        lambda i: small
        + [begin(3, 1, 6, domain=9), stored(3, 0, [(0, 1)], b"second", FIN), ANSWERED]
        + [answer(1, 0, RELEASED), begin(5, 2, 6, 1, b"second", domain=9), data(5, 0, flags=FIN)],
        lambda i: told + [opened(3), stands(1, domain=9), opened(5), stands(2, domain=9)],
        lambda i: [read, stream(3, b"second", state="ended"), stream(5, state="ended")],
        [answers(1, 1), answers(1, 1, domain=9), answers(2, 2, domain=9)],
        [held(2, b"second", domain=9)],
    )
    accept(
        "budget",
        "objects that take the whole budget; a release makes room",
        "BAS-1",
        lambda i: [begin(1, 1, (1 << 20) - 65_536), data(1, 0, flags=FIN), begin(3, 1, 1, object=8), data(3, 0, flags=FIN)]
        + [ANSWERED, answer(1, 0, RELEASED), begin(5, 1, (1 << 20) - 65_536, object=9), data(5, 0, flags=FIN)],
        lambda i: [opened(1), stands(1), opened(3), stands(1, object=8), opened(5), stands(1, object=9)],
        lambda i: [stream(n, state="ended") for n in (1, 3, 5)],
        [answers(1, 1), answers(1, 1, object=8), answers(1, 1, object=9)],
        [held(1, b"\0", object=8)],
    )
    accept(
        "late",
        "a release of an object that is not there changes nothing",
        "BAS-5",
        lambda i: [answer(1, 0, RELEASED)],
        lambda i: [],
    )
    for name, payload, codec in (("full", b"fir", ZSTD), ("check", b"other", NONE)):
        accept(
            f"broken-{name}",
            "a block that needs no base and is wrong breaks its stream; the session and another object go on",
            "BAS-4 CDC-4",
            lambda i, payload=payload, codec=codec: [
                begin(1, 1, 5),
                block(1, 0, FULL, [(0, 1)], b"first", payload, codec),
                ANSWERED,
                begin(3, 1, 6, object=8),
                stored(3, 0, [(0, 1)], b"second", FIN),
                reset(1, 5, "CODEC"),
            ],
            lambda i: [opened(1), stands(0), opened(3), stands(1, object=8)],
            lambda i: [stream(1, state="broken", code_name="CODEC"), stream(3, b"second", state="ended")],
            [sent("STOP", 1, code("CODEC")), answers(1, 0), answers(1, 1, object=8)],
            [held(1, b"second", object=8)],
        )


def of_its_own():
    """The end under test sends the object; what its blocks look like is its own affair."""
    made = lambda: [do("version", object=OBJECT, length=5_000), do("pages", stream=2, offset=0, hex="61", times=5_000)]
    accept(
        "own",
        "the end under test sends two versions, and hears where the object stands",
        "BAS-1 BAS-5",
        lambda i: made()
        + [do("finish", stream=2), do("acknowledge"), answer(1, 1)]
        + [do("version", object=OBJECT, length=5_000), do("finish", stream=4), wait(0), answer(2, 2)],
        lambda i: [stands(1, own=True), stands(2, own=True)],
        sends=[sent("OPEN", 2), sent("DATA", 2), sent("OPEN", 4), sent("DATA", 4)],
        peer=[("BASELINES", 1 << 20)],
    )
    accept(
        "own-dropped",
        "the other end drops the object, unasked",
        "BAS-5",
        lambda i: made() + [do("finish", stream=2), do("acknowledge"), answer(1, 1), answer(1, 0)],
        lambda i: [stands(1, own=True), stands(0, own=True)],
        sends=[sent("OPEN", 2), sent("DATA", 2)],
        peer=[("BASELINES", 1 << 20)],
    )


mismatches()
ends()
of_its_own()
