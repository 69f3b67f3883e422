"""Section 4: headers, checks, flags, types and ids."""

from .vectors import *

room = Room("frames", "Headers, checks, flags, types and stream ids (SPEC section 4).")


def answered(side, *before, ping=7):
    """Frames that change nothing, and a PING that shows that the session goes on."""
    return [*before, number("PING", ping)], {"sends": [sent("PONG", start=u64(ping))]}


def accepts():
    add = room.open_session
    add(
        "ping",
        "PING is answered by PONG with the same bytes",
        "LIV-1",
        lambda side: answered(side, ping=0x0102030405060708),
    )
    add(
        "newest-ping",
        "the newest of several PINGs is answered",
        "LIV-1 LIV-2",
        lambda side: answered(side, number("PING", 1), number("PING", 2), ping=3),
    )
    add(
        "unused-flag",
        "flag 0x40 is unused outside DATA",
        "HDR-5 CONV-2",
        lambda side: answered(side, number("PING", 1, flags=CHECK | UNUSED)),
    )
    add(
        "ignorable",
        "an unknown ignorable frame is skipped, its flags, stream id and body too",
        "HDR-6 HDR-7",
        lambda side: answered(side, frame(0xB3, b"anything", stream=77, flags=0xFF)),
    )
    add(
        "ignorable-empty",
        "an unknown ignorable frame may be empty",
        "HDR-6",
        lambda side: answered(side, frame(0x80)),
    )
    add(
        "ignorable-numbered",
        "an unknown numbered frame counts in ACK",
        "HDR-6 ACK-1 ACK-2",
        lambda side: (
            [frame(0xF0, bytes(64)), frame(0xB0, b"not counted"), wait(25)],
            {"sends": [sent("ACK", start=u64(1))]},
        ),
    )
    add(
        "reserved-priority",
        "PRIORITY may be skipped, as any unknown frame that is ignorable",
        "PRI-1 HDR-6",
        lambda side: answered(side, frame(0xC0, b"\1\0\0\0", stream=side.peer(1))),
    )
    for flags, word in ((0, "absent"), (CHECK, "present")):
        add(
            f"check-{word}",
            f"with integrity off a payload check may be {word}",
            "HDR-4 HDR-3",
            lambda side: answered(side, number("PING", 1, flags=flags), frame(0xB0, b"skipped", flags=flags)),
            integrity=False,
        )


def rejects():
    reject = room.rejects
    reject(
        "header-check",
        "a wrong header check",
        "HEADER_CHECK",
        "HDR-1",
        lambda side: number("PING", 1, header_check=0x12345678),
    )
    reject(
        "header-check-first",
        "the header check is verified before the type is looked at",
        "HEADER_CHECK",
        "HDR-1",
        lambda side: frame(0x30, header_check=0xA5A5A5A5),
    )
    for kind, length in (
        ("PING", 7),
        ("PING", 9),
        ("PONG", 9),
        ("ACK", 7),
        ("CREDIT", 4),
        ("STREAMS", 16),
        ("CLOSE", 5),
        ("CLOSE", 1_031),
        ("GOAWAY", 13),
        ("GOAWAY", 1_039),
        ("REFUSE", 20),
        ("REFUSE", 4_097),
        ("OPEN", 8_193),
        ("DATA", 11),
        ("RESET", 11),
        ("RESET", 13),
        ("STOP", 3),
        ("STOP", 5),
    ):
        reject(
            f"length-{kind.lower()}-{length}",
            f"{kind} of {length} bytes; found from the header alone",
            "FRAME_SIZE",
            "HDR-2",
            lambda side: header_only(
                kind, length, stream=side.peer(1) if TYPES[kind] & 0x40 and kind != "GOAWAY" else 0
            ),
        )
    reject(
        "length-high-bits",
        "the highest 8 bits of a length are zero",
        "FRAME_SIZE",
        "HDR-2",
        lambda side: header_only("DATA", 0x01000000, stream=side.peer(1)),
    )
    reject(
        "payload-check",
        "a wrong payload check",
        "PAYLOAD_CHECK",
        "HDR-3",
        lambda side: number("PING", 1, check=0x12345678),
    )
    reject(
        "payload-check-data",
        "a wrong payload check of DATA: nothing of the block is delivered",
        "PAYLOAD_CHECK",
        "HDR-3",
        lambda side: data(side.peer(1), payload=b"never seen", flags=FIN, check=0x12345678),
    )
    reject(
        "payload-check-ignorable",
        "the payload check of a skipped frame is verified",
        "PAYLOAD_CHECK",
        "HDR-3 HDR-6",
        lambda side: frame(0xB1, b"damaged", check=0x12345678),
    )
    reject(
        "payload-check-integrity-off",
        "a payload check that is there is verified, with integrity off too",
        "PAYLOAD_CHECK",
        "HDR-3",
        lambda side: number("PING", 1, check=0x12345678),
        integrity=False,
    )
    reject(
        "check-missing",
        "with integrity on every frame has a payload check",
        "PROTOCOL",
        "HDR-4",
        lambda side: number("PING", 1, flags=0),
    )
    reject(
        "check-missing-data",
        "DATA without a payload check: nothing is delivered",
        "PROTOCOL",
        "HDR-4",
        lambda side: data(side.peer(1), payload=b"never seen", check_flag=0),
    )
    reject(
        "check-missing-ignorable",
        "with integrity on a skipped frame has a payload check too",
        "PROTOCOL",
        "HDR-4",
        lambda side: frame(0xB1, b"body", flags=0),
    )
    for bit in range(6):
        reject(
            f"reserved-flag-{1 << bit:02x}",
            "reserved flags are zero",
            "PROTOCOL",
            "HDR-5 CONV-2",
            lambda side: number("PING", 1, flags=CHECK | 1 << bit),
        )
    reject(
        "reserved-flag-open",
        "reserved flags are zero: FIN belongs to DATA",
        "PROTOCOL",
        "HDR-5 CONV-2",
        lambda side: frame("OPEN", stream=side.peer(1), flags=CHECK | FIN),
    )
    for kind, word in (
        (0x00, "zero"),
        (0x0A, "join"),
        (0x0C, "fence"),
        (0x30, "30"),
        (0x49, "digest"),
        (0x7F, "7f"),
    ):
        reject(
            f"unknown-{word}",
            "a frame of unknown type that must not be ignored",
            "PROTOCOL",
            "HDR-6 HDR-8",
            lambda side: frame(kind, stream=side.peer(1) if kind == 0x49 else 0),
        )
    reject(
        "ignorable-too-long",
        "an unknown frame of more than 16,384 bytes; found from the header alone",
        "FRAME_SIZE",
        "HDR-6",
        lambda side: header_only(0xB0, 16_385),
    )
    for kind, body in (
        ("PING", u64(1)),
        ("PONG", u64(1)),
        ("ACK", u64(0)),
        ("STREAMS", u64(300)),
        ("CLOSE", bytes(6)),
        ("GOAWAY", bytes(14)),
    ):
        reject(
            f"stream-{kind.lower()}",
            f"{kind} concerns the session: its stream id is zero",
            "PROTOCOL",
            "HDR-8",
            lambda side: frame(kind, body, stream=side.peer(1)),
        )
    for kind, body in (("OPEN", b""), ("DATA", bytes(11) + b"\1x"), ("RESET", bytes(12)), ("STOP", bytes(4))):
        reject(
            f"no-stream-{kind.lower()}",
            f"{kind} names a stream: its stream id is not zero",
            "PROTOCOL",
            "HDR-8",
            lambda side: frame(kind, body),
        )


accepts()
rejects()
