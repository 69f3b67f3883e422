"""Section 17: dictionaries, offered, used and retired, and all that is wrong with them."""

import hashlib

from .vectors import *
from .payloads import *

room = Room("dictionaries", "Dictionaries, offered, used and retired, and all that is wrong with them (SPEC section 17).")
ZSTD, LZ4 = 2, 1
PART = 16_384
REJECTED, ACCEPTED, HELD, RETIRED = range(4)
LONG = bytes(range(256)) * 70  # two parts


def parts(identifier, content, domain=0, total=None, offset=None, digest=None):
    """The frames of one dictionary; what is given lies."""
    frames = []
    for start in range(0, len(content), PART):
        body = u32(identifier) + u64(domain) + u32(len(content) if total is None else total)
        body += u32(start if offset is None else offset) + (digest or hashlib.sha256(content).digest())
        body += content[start : start + PART]
        frames.append(frame("DICTIONARY", body, note=f"dictionary {identifier}, offset {start}"))
    return frames


def answer(identifier, value):
    return frame("DICTIONARY_ANSWER", u32(identifier) + u8(value), note=f"dictionary {identifier}, answer {value}")


def answers(identifier, value):
    return sent("DICTIONARY_ANSWER", start=u32(identifier) + u8(value))


# The other end reads the answer before it goes on.
ANSWERED = wait(0)


def tune(stream, offset=0, identifier=1, payload=TUNE_BY_WORDS, flags=0, **options):
    options = {"codec": ZSTD, "raw": len(TUNE)} | options
    return data(stream, offset, payload, flags=flags, dictionary=identifier, **options)


def whole(name, title, clauses, make, *content, sends=(), **options):
    room.open_session(
        name,
        title,
        clauses,
        lambda s: (
            make(s.peer(1)),
            {
                "events": [opened(s.peer(1))] if content else [],
                "streams": [stream(s.peer(1), *content, state="ended")] if content else [],
                "sends": list(sends),
            },
        ),
        sides=(ACCEPTOR,),
        **options,
    )


def accepts():
    whole(
        "raw-content",
        "a dictionary of raw content, and a block of matches in it",
        "DIC-1 DIC-2 DIC-3",
        lambda i: parts(1, WORDS) + [ANSWERED, tune(i, flags=FIN)],
        TUNE,
        sends=[answers(1, ACCEPTED)],
    )
    whole(
        "zstd",
        "a dictionary of zstd, with tables, and a block that uses them",
        "DIC-1 DIC-3",
        lambda i: parts(1, ZSTD_WORDS) + [ANSWERED, tune(i, payload=TUNE_BY_ZSTD_WORDS, flags=EOM | FIN)],
        ("message", TUNE),
        sends=[answers(1, ACCEPTED)],
    )
    whole(
        "marks",
        "a mark table in front of the id, a stored block and one without a dictionary between",
        "DIC-3 DAT-8",
        lambda i: parts(1, WORDS)
        + [
            ANSWERED,
            tune(i, marks=[1]),
            data(i, len(TUNE) + 1, b"-"),
            data(i, len(TUNE) + 2, zstd_rle(b"r", 60), codec=ZSTD, raw=60),
            tune(i, len(TUNE) + 62, flags=FIN),
        ],
        ("message", TUNE[:1]),
        TUNE[1:] + b"-" + b"r" * 60 + TUNE,
    )
    whole(
        "parts",
        "a dictionary in two parts",
        "DIC-1",
        lambda i: parts(1, LONG),
        sends=[answers(1, ACCEPTED)],
    )
    whole(
        "generations",
        "two generations; the first retires, and a third takes its place",
        "DIC-1 DIC-2",
        lambda i: parts(1, WORDS)
        + [ANSWERED, tune(i)]
        + parts(2, ZSTD_WORDS)
        + [ANSWERED, tune(i, len(TUNE), 2, TUNE_BY_ZSTD_WORDS), tune(i, 2 * len(TUNE)), answer(1, RETIRED)]
        + parts(3, WORDS)
        + [ANSWERED, tune(i, 3 * len(TUNE), 3, flags=FIN)],
        TUNE * 4,
        sends=[answers(1, ACCEPTED), answers(2, ACCEPTED), answers(3, ACCEPTED)],
    )
    whole(
        "domain",
        "a dictionary of another domain is rejected, and so is not in the way of others",
        "DIC-1",
        lambda i: parts(1, WORDS, domain=7) + parts(2, WORDS, domain=1) + [ANSWERED] + parts(3, WORDS)
        + [ANSWERED, tune(i, identifier=3, flags=FIN)],
        TUNE,
        sends=[answers(1, REJECTED), answers(2, REJECTED), answers(3, ACCEPTED)],
    )
    whole(
        "unusable",
        "a dictionary that begins like one of zstd, and has no tables, is rejected",
        "DIC-1 DIC-3",
        lambda i: parts(1, ZSTD_WORDS[:40]),
        sends=[answers(1, REJECTED)],
    )
    whole(
        "budget",
        "dictionaries that take the whole budget",
        "DIC-1",
        lambda i: parts(1, b"d" * 200) + parts(2, b"e" * 56),
        sends=[answers(1, ACCEPTED), answers(2, ACCEPTED)],
        config={"dictionaryBudget": 256},
    )


def breaks():
    """Blocks that do not decode: their stream ends with CODEC, the session and another stream go on."""

    def broken(name, title, payload, **options):
        room.open_session(
            f"broken-{name}",
            title,
            "DIC-3 CDC-3 CDC-4",
            lambda s: (
                parts(1, WORDS)
                + parts(2, ZSTD_WORDS)
                + [ANSWERED, tune(s.peer(1), payload=payload, **options), tune(s.peer(2), flags=FIN)],
                {
                    "events": [opened(s.peer(1)), opened(s.peer(2))],
                    "streams": [
                        stream(s.peer(1), state="broken", code_name="CODEC"),
                        stream(s.peer(2), TUNE, state="ended"),
                    ],
                    "sends": [sent("STOP", s.peer(1), code("CODEC"))],
                },
            ),
            sides=(ACCEPTOR,),
        )

    broken("names", "a frame that names the dictionary by itself", TUNE_BY_NAME, identifier=2)
    broken("names-other", "a frame that names another dictionary", TUNE_BY_NAME)
    broken("cut", "a payload that is cut short", TUNE_BY_WORDS[:-1])
    broken("short", "decodes to fewer bytes than declared", zstd_rle(b"r", 60), raw=61)
    broken("tables", "tables of another dictionary are used", TUNE_BY_ZSTD_WORDS)


def rejects():
    def reject(name, title, clause, frames, codes="PROTOCOL", seen=(), streams=(), **options):
        room.rejects(
            name, title, codes, clause, lambda s: frames, sides=(ACCEPTOR,), events=list(seen), streams=list(streams), **options
        )

    one = parts(1, WORDS) + [ANSWERED]
    opened_one = [opened(1)]
    reject("hash", "a content with another SHA-256", "DIC-1", parts(1, WORDS, digest=bytes(32)))
    reject("id-0", "a dictionary with id 0", "DIC-1", parts(0, WORDS))
    reject("id-2", "the first dictionary has id 2", "DIC-1", parts(2, WORDS))
    reject("id-again", "an id a second time", "DIC-1", one + [answer(1, RETIRED)] + parts(1, WORDS))
    reject("short", "a dictionary of 7 bytes", "DIC-1", parts(1, b"7 bytes"))
    reject("long", "a dictionary of 114,689 bytes", "DIC-1", parts(1, bytes(PART), total=114_689)[:1])
    reject(
        "gap",
        "parts with a gap between",
        "DIC-1",
        parts(1, LONG)[:1] + parts(1, LONG[PART:], total=len(LONG), offset=PART + 1, digest=hashlib.sha256(LONG).digest()),
    )
    reject("middle", "a dictionary that begins in its middle", "DIC-1", parts(1, LONG)[1:])
    reject("repeated", "the first part twice", "DIC-1", parts(1, LONG)[:1] * 2)
    reject("total", "the parts name different lengths", "DIC-1", parts(1, LONG)[:1] + parts(1, LONG, total=20_000)[1:])
    reject("part-short", "a part that is shorter than it has to be", "DIC-1", parts(1, WORDS, total=100))
    reject("part-long", "a part that is longer than what is left", "DIC-1", parts(1, WORDS, total=50))
    reject(
        "between",
        "a dictionary begins before the one in front of it has come",
        "DIC-1",
        parts(1, LONG)[:1] + parts(2, WORDS),
    )
    reject("third", "a third generation", "DIC-1", one + parts(2, WORDS) + parts(3, WORDS))
    budget = {"config": {"dictionaryBudget": 256}}
    reject("over-budget", "more bytes than were announced", "DIC-1", parts(1, b"d" * 257), **budget)
    reject(
        "over-budget-both",
        "more bytes than were announced, together",
        "DIC-1",
        parts(1, b"d" * 200) + parts(2, b"e" * 57),
        **budget,
    )
    none = {"config": {"dictionaryBudget": 0}}
    reject("none", "a dictionary though none was announced", "DIC-1", parts(1, WORDS), **none)
    reject("flag-none", "flag DICTIONARY though none was announced", "DAT-9", [tune(1)], **none)
    for value in (REJECTED, ACCEPTED, HELD, 4):
        reject(f"answer-{value}", "an answer to nothing", "DIC-1", [answer(1, value)])
    reject("retired-never", "a retirement of what was never offered", "DIC-2", [answer(1, RETIRED)])
    reject("retired-twice", "a second retirement", "DIC-2", one + [answer(1, RETIRED), answer(1, RETIRED)])
    reject("unknown", "a block that names what was never offered", "DIC-2", [tune(1)])
    reject("arriving", "a block that names what has not all come", "DIC-2", parts(1, LONG)[:1] + [tune(1)])
    reject("after-retirement", "a block that names what has retired", "DIC-2", one + [answer(1, RETIRED), tune(1)])
    reject(
        "rejected-used", "a block that names what was rejected", "DIC-2", parts(1, WORDS, domain=1) + [ANSWERED, tune(1)]
    )
    reject("stored", "a stored block that names a dictionary", "DIC-3", one + [tune(1, payload=TUNE, codec=0)])
    reject(
        "lz4",
        "a block of lz4 that names a dictionary",
        "DIC-3",
        one + [tune(1, payload=lz4_run(b"l", len(TUNE)), codec=LZ4)],
    )
    reject(
        "chained",
        "a block of a chain that names a dictionary",
        "DIC-3",
        one + [tune(1, flags=CHAINED | RESTART, decoded=TUNE)],
    )
    reject("fin", "FIN alone that names a dictionary", "DIC-3", one + [data(1, flags=FIN, dictionary=1)])
    reject(
        "cut-id",
        "a block that ends in its id",
        "DAT-3",
        one + [frame("DATA", u64(0) + b"\2" + u24(82) + b"\0\0", stream=1, flags=CHECK | DICTIONARY)],
        codes="FRAME_SIZE",
    )
    reject("no-payload", "a block without a payload", "DAT-3", one + [tune(1, payload=b"")], codes="FRAME_SIZE")
    reject("unshrunk", "a payload as long as its raw bytes", "DAT-3", one + [tune(1, payload=TUNE)], codes="FRAME_SIZE")
    for name, length in (("shortest", 52), ("longest", 16_437)):
        reject(
            f"length-{name}",
            "DICTIONARY out of the bounds of its length",
            "HDR-2",
            [header_only("DICTIONARY", length)],
            codes="FRAME_SIZE",
        )
    for length in (4, 6):
        reject(
            f"answer-length-{length}",
            "DICTIONARY_ANSWER of a wrong length",
            "HDR-2",
            [header_only("DICTIONARY_ANSWER", length)],
            codes="FRAME_SIZE",
        )


accepts()
breaks()
rejects()
