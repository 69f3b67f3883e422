"""Section 6 and HS-4: announcements, their bounds, and policies."""

from .vectors import *

room = Room("negotiations", "Announcements, their bounds, and policies (SPEC section 6 and HS-4).")
LIMIT = LARGEST_OFFSET

LEAST = {
    "CODECS": b"\0",
    "MAX_RAW_BLOCK": 65_536,
    "ZSTD_WINDOW_LOG": 10,
    "SESSION_CREDIT": 1_048_576,
    "STREAM_CREDIT": 65_536,
    "STREAM_LIMIT": 16,
    "IDLE_TIMEOUT": 0,
    "INTEGRITY": 0,
    "METADATA_LIMIT": 4_096,
    "ACK_DELAY": 1,
    "DECODE_SPEED": b"",
    "MAX_LINKS": 1,
    "IMPLEMENTATION": b"",
}
MOST = {
    "CODECS": bytes(reversed(range(32))),
    "MAX_RAW_BLOCK": 16_711_680,
    "ZSTD_WINDOW_LOG": 31,
    "SESSION_CREDIT": LIMIT,
    "STREAM_CREDIT": LIMIT,
    "STREAM_LIMIT": 1 << 46,
    "IDLE_TIMEOUT": 86_400_000,
    "INTEGRITY": 1,
    "METADATA_LIMIT": 8_192,
    "ACK_DELAY": 1_000,
    "DECODE_SPEED": b"\2\0\4\0" * 32,
    "MAX_LINKS": 255,
    "IMPLEMENTATION": b"i" * 64,
}


def greeting(side, entries, tail=b""):
    return [preface(), hello(entries, tail=tail) if side.role == "acceptor" else welcome(entries, tail=tail)]


def accept(name, title, clauses, entries, codecs=(0,), sides=BOTH, **more):
    for side in sides:
        room.add(
            f"{name}-{side.role}",
            title,
            clauses,
            side.role,
            greeting(side, entries),
            events=[established(codecs)],
            **more,
        )


def reject(name, title, clause, entries=(), tail=b""):
    for side in BOTH:
        room.add(
            f"{name}-{side.role}",
            title,
            clause,
            side.role,
            greeting(side, entries, tail),
            error=("CAPABILITY", clause, "REFUSE" if side is ACCEPTOR else "CLOSE"),
        )


def accepts():
    accept("least", "every value at its lower bound", "CAP-2 CAP-4", LEAST)
    accept(
        "most",
        "every value at its upper bound; codecs that nobody knows are skipped",
        "CAP-2 CAP-3",
        MOST,
        codecs=(2, 1, 0),
    )
    accept(
        "codecs-order",
        "the receiver's order of codecs stands; unknown ids, 3 and 4 among them, are skipped",
        "CAP-3",
        {"CODECS": b"\x09\4\1\3\0\2"},
        codecs=(1, 0, 2),
    )
    accept("idle-least", "the shortest idle timeout", "CAP-2", {"IDLE_TIMEOUT": 1_000})
    accept("baselines-least", "the smallest budget of objects", "CAP-2", {"BASELINES": 65_536})
    accept("baselines-most", "the largest budget of objects", "CAP-2", {"BASELINES": 1 << 40})
    accept("features", "features that nobody knows", "CAP-1", {"FEATURES": 0xFFFF_FFF9})
    accept("chains-least", "the fewest chains, with the smallest window", "CAP-2", {"CHAINS": b"\0\1\x0a\0"})
    accept("dictionaries-least", "the smallest budget of dictionaries", "CAP-2", {"DICTIONARIES": 256})
    accept("dictionaries-most", "the largest budget of dictionaries", "CAP-2", {"DICTIONARIES": 229_376})
    accept("chains-most", "the most chains, with the largest window", "CAP-2", {"CHAINS": b"\xff\xff\x1b\0"})
    accept(
        "ignorable",
        "unknown ignorable tags are skipped",
        "CAP-1 HDR-7",
        [(0x8002, b"anything"), (0xFA00, b""), (0xFAFF, b"\0")],
    )
    accept(
        "decode-speed",
        "decode speeds of codecs that nobody knows are skipped",
        "CAP-3",
        {"DECODE_SPEED": b"\2\0\4\0\x63\xff\xff\xff"},
    )
    accept("text", "a name that is not UTF-8 is no error", "CONV-4", {"IMPLEMENTATION": b"\xff\xfe\x1b[31m"})
    accept(
        "not-acceptable",
        "an end that is not willing to send with a codec does not",
        "HS-4 CAP-5",
        {"CODECS": b"\2\1\0"},
        codecs=(1, 0),
        config={"acceptableCodecs": [1]},
    )


def policies():
    for name, code_name, config, entries in (
        ("no-common", "NO_COMMON_CODEC", {"acceptableCodecs": [2]}, {"CODECS": b"\1\0"}),
        ("required", "POLICY", {"requiredCodecs": [2]}, {"CODECS": b"\1\0"}),
    ):
        others = b"\2\1\0"
        for side in BOTH:
            start = code(code_name) + b"\3\0\0\0" + preface_bytes() + b"\3" + others + b"\2\1\0" + b"\1\2"
            room.add(
                f"{name}-{side.role}",
                "a policy that the other end cannot meet; REFUSE names both lists",
                "HS-4",
                side.role,
                greeting(side, entries),
                config=config,
                error=(code_name, "HS-4", "REFUSE"),
                sends=[sent("REFUSE", start=start)],
            )


def rejects():
    for name, value in (
        ("empty", b""),
        ("without-none", b"\1\2"),
        ("twice", b"\0\1\1"),
        ("too-many", bytes(range(33))),
    ):
        reject(f"codecs-{name}", "CODECS must contain 0, no id twice, and at most 32", "CAP-2", {"CODECS": value})
    for tag, values in (
        ("MAX_RAW_BLOCK", (65_535, 16_711_681)),
        ("ZSTD_WINDOW_LOG", (9, 32)),
        ("SESSION_CREDIT", (1_048_575, LIMIT + 1)),
        ("STREAM_CREDIT", (65_535, LIMIT + 1)),
        ("STREAM_LIMIT", (15, (1 << 46) + 1)),
        ("IDLE_TIMEOUT", (999, 86_400_001)),
        ("INTEGRITY", (2,)),
        ("METADATA_LIMIT", (4_095, 8_193)),
        ("ACK_DELAY", (0, 1_001)),
        ("DICTIONARIES", (0, 255, 229_377)),
        ("BASELINES", (0, 65_535, (1 << 40) + 1)),
        ("MAX_LINKS", (0,)),
    ):
        for value in values:
            reject(f"{tag.lower().replace('_', '-')}-{value}", f"{tag} out of its bounds", "CAP-2", {tag: value})
    for tag in ("MAX_RAW_BLOCK", "SESSION_CREDIT", "INTEGRITY"):
        number, width = TAGS[tag]
        reject(
            f"{tag.lower().replace('_', '-')}-short",
            f"{tag} of a wrong length",
            "CAP-2",
            [(number, LEAST[tag].to_bytes(width, "big")[:-1])],
        )
        reject(
            f"{tag.lower().replace('_', '-')}-long",
            f"{tag} of a wrong length",
            "CAP-2",
            [(number, LEAST[tag].to_bytes(width, "big") + b"\0")],
        )
    reject("decode-speed-odd", "DECODE_SPEED is a multiple of 4 bytes", "CAP-2", {"DECODE_SPEED": b"\2\0\4"})
    reject("decode-speed-long", "DECODE_SPEED has at most 128 bytes", "CAP-2", {"DECODE_SPEED": b"\2\0\4\0" * 33})
    reject("features-short", "FEATURES has 4 bytes", "CAP-2", {"FEATURES": b"\0\0\2"})
    for name, value in (
        ("none", b"\0\0\x16\0"),
        ("window-9", b"\0\4\x09\0"),
        ("window-28", b"\0\4\x1c\0"),
        ("reserved", b"\0\4\x16\1"),
        ("short", b"\0\4\x16"),
    ):
        reject(f"chains-{name}", "CHAINS out of its bounds, or of a wrong length", "CAP-2", {"CHAINS": value})
    reject("baselines-short", "BASELINES of a wrong length", "CAP-2", {"BASELINES": bytes(7)})
    reject("dictionaries-short", "DICTIONARIES of a wrong length", "CAP-2", {"DICTIONARIES": b"\3\x80\0"})
    reject("implementation-long", "IMPLEMENTATION has at most 64 bytes", "CAP-2", {"IMPLEMENTATION": b"i" * 65})
    reject("twice", "a tag stands twice", "CAP-2", [("ZSTD_WINDOW_LOG", 20), ("ZSTD_WINDOW_LOG", 20)])
    reject("twice-ignorable", "an unknown tag stands twice", "CAP-2", [(0x8002, b""), (0x8002, b"")])
    reject("past-end", "an entry reaches past the end", "CAP-2", tail=b"\0\3\0\2\x14")
    reject("cut", "the head of an entry is cut short", "CAP-2", tail=b"\0\3\0")
    reject("unknown", "an unknown tag that must not be ignored", "CAP-1", [(0x0011, b"")])
    reject("unknown-highest", "the highest tag that must not be ignored", "CAP-1", [(0x7FFF, b"x")])


accepts()
policies()
rejects()


def update(epoch, entries=()):
    return frame("UPDATE", u32(epoch) + announcement(entries), note=f"epoch {epoch}")


def update_ack(epoch, links=1, link=0, count=0):
    return frame("UPDATE_ACK", u32(epoch) + u16(links) + (u32(link) + u64(count)) * max(links, 1), note=f"epoch {epoch}")


def changed(*codecs):
    return {"event": "sendCodecsChanged", "sendCodecs": list(codecs)}


def updates():
    whole = {"CODECS": b"\2\1\0"}
    room.open_session(
        "update",
        "codecs are withdrawn and taken up again; each update is answered",
        "UPD-1 UPD-2",
        lambda s: (
            [
                update(1, {"CODECS": b"\0"}),
                wait(1),
                update(2, {"CODECS": b"\1\0", "DECODE_SPEED": b"\1\0\4\0"}),
                wait(1),
                update(3),
            ],
            {
                "events": [changed(0), changed(1, 0), changed(1, 0)],
                "sends": [sent("UPDATE_ACK", start=u32(epoch) + u16(1) + u32(0)) for epoch in (1, 2, 3)],
            },
        ),
        peer=whole,
        codecs=(2, 1, 0),
    )
    room.open_session(
        "update-ignorable",
        "unknown ignorable tags of an update are skipped",
        "UPD-2",
        lambda s: (
            [update(1, [(0xFA01, b"grease"), ("CODECS", b"\2\0")])],
            {"events": [changed(2, 0)], "sends": [sent("UPDATE_ACK", start=u32(1))]},
        ),
    )

    def reject(name, title, clause, codes, frames, **options):
        room.rejects(f"update-{name}", title, codes, clause, lambda s: frames, **options)

    reject("epoch-0", "the first update has epoch 1", "UPD-1", "PROTOCOL", [update(0)])
    reject("epoch-2", "the first update has epoch 1", "UPD-1", "PROTOCOL", [update(2)])
    twice = {"events": [changed(0)], "sends": [sent("UPDATE_ACK", start=u32(1))]}
    reject("repeated", "an epoch stands once", "UPD-1", "PROTOCOL", [update(1), update(1)], **twice)
    reject("ack-unasked", "an answer to nothing", "UPD-1", "PROTOCOL", [update_ack(1)])
    reject("credit", "what cannot be updated", "UPD-2", "CAPABILITY", [update(1, {"STREAM_CREDIT": 1 << 20})])
    reject("twice", "a tag stands twice", "CAP-2", "CAPABILITY", [update(1, [("CODECS", b"\0"), ("CODECS", b"\0")])])
    reject("no-none", "CODECS without none", "CAP-2", "CAPABILITY", [update(1, {"CODECS": b"\2"})])
    reject("critical", "an unknown tag that must not be ignored", "CAP-1", "CAPABILITY", [update(1, [(0x0011, b"")])])
    reject("stream", "an update that names a stream", "HDR-8", "PROTOCOL", [frame("UPDATE", u32(1), stream=1)])
    reject(
        "required",
        "a required codec is withdrawn",
        "UPD-3",
        "POLICY",
        [update(1, {"CODECS": b"\1\0"})],
        peer=whole,
        codecs=(2, 1, 0),
        config={"requiredCodecs": [2]},
    )
    reject(
        "nothing-left",
        "no codec is left that the other end is willing to send with",
        "UPD-3",
        "NO_COMMON_CODEC",
        [update(1, {"CODECS": b"\0"})],
        peer=whole,
        codecs=(2, 0),
        config={"acceptableCodecs": [2]},
    )


updates()
