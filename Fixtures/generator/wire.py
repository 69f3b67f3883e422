"""Prefaces, frames and announcements as SPEC.md sections 3 to 9 lay them out."""

from typing import NamedTuple

CHECK, UNUSED = 0x80, 0x40
FIN, EOM, MARKS, CHAINED, RESTART, BASELINE, DICTIONARY = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40

TYPES = {
    "HELLO": 0x01,
    "WELCOME": 0x02,
    "REFUSE": 0x03,
    "PING": 0x04,
    "PONG": 0x05,
    "ACK": 0x06,
    "CREDIT": 0x07,
    "STREAMS": 0x08,
    "CLOSE": 0x09,
    "UPDATE_ACK": 0x0D,
    "OPEN": 0x40,
    "DATA": 0x41,
    "RESET": 0x42,
    "STOP": 0x43,
    "GOAWAY": 0x44,
    "UPDATE": 0x45,
    "DICTIONARY": 0x46,
    "DICTIONARY_ANSWER": 0x47,
    "BASELINE_ANSWER": 0x48,
}
CODES = [
    "NO_ERROR",
    "INTERNAL",
    "PROTOCOL",
    "HEADER_CHECK",
    "PAYLOAD_CHECK",
    "FRAME_SIZE",
    "FLOW_CONTROL",
    "STREAM_STATE",
    "STREAM_LIMIT",
    "CODEC",
    "VERSION",
    "NO_COMMON_CODEC",
    "POLICY",
    "CAPABILITY",
    "IDLE_TIMEOUT",
    "HANDSHAKE_TIMEOUT",
    "EXCESSIVE_LOAD",
    "CANCELLED",
    "REFUSED_STREAM",
    "UNKNOWN_SERVICE",
    "SHUTDOWN",
]
TAGS = {
    "CODECS": (0x0001, None),
    "MAX_RAW_BLOCK": (0x0002, 4),
    "ZSTD_WINDOW_LOG": (0x0003, 1),
    "SESSION_CREDIT": (0x0004, 8),
    "STREAM_CREDIT": (0x0005, 8),
    "STREAM_LIMIT": (0x0006, 8),
    "IDLE_TIMEOUT": (0x0007, 4),
    "INTEGRITY": (0x0008, 1),
    "METADATA_LIMIT": (0x0009, 2),
    "ACK_DELAY": (0x000A, 2),
    "DECODE_SPEED": (0x000B, None),
    "CHAINS": (0x000C, None),
    "DICTIONARIES": (0x000D, 4),
    "BASELINES": (0x000E, 8),
    "FEATURES": (0x000F, 4),
    "MAX_LINKS": (0x0010, 1),
    "IMPLEMENTATION": (0x8001, None),
}
LARGEST_OFFSET = 1 << 62


def _table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC_TABLE = _table()


def crc32c(data):
    """CONV-3. 0x82F63B78 is 0x1EDC6F41 with its bits reflected."""
    register = 0xFFFFFFFF
    for byte in data:
        register = register >> 8 ^ _CRC_TABLE[(register ^ byte) & 0xFF]
    return register ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


def u8(value):
    return value.to_bytes(1, "big")


def u16(value):
    return value.to_bytes(2, "big")


def u24(value):
    return value.to_bytes(3, "big")


def u32(value):
    return value.to_bytes(4, "big")


def u64(value):
    return value.to_bytes(8, "big")


def code(name):
    return u32(name if isinstance(name, int) else CODES.index(name))


class Piece(NamedTuple):
    """Something that is sent: a preface, a frame or stray bytes, and what it is."""

    data: bytes
    what: str
    times: int = 1


def stray(data, what):
    return Piece(bytes(data), what)


def repeated(piece, times):
    return piece._replace(times=times)


def preface_bytes(major=3, lowest=0, highest=0, kind=0):
    return b"DWCP" + bytes([major, lowest, highest, kind])


def preface(**fields):
    notes = ", ".join(f"{name} {value}" for name, value in fields.items())
    return Piece(preface_bytes(**fields), "preface" + (f", {notes}" if notes else ""))


def frame(kind, body=b"", stream=0, flags=CHECK, length=None, header_check=None, check=None, note=""):
    """Section 4. `kind` is a name or a number; `length`, `header_check` and `check` lie where a vector wants them to."""
    number = TYPES[kind] if isinstance(kind, str) else kind
    head = u8(number) + u8(flags) + stream.to_bytes(6, "big") + u32(len(body) if length is None else length)
    data = head + u32(crc32c(head) if header_check is None else header_check) + body
    if flags & CHECK:
        data += u32(crc32c(body) if check is None else check)
    words = [kind if isinstance(kind, str) else f"type 0x{number:02x}"]
    if stream:
        words.append(f"stream {stream}")
    if note:
        words.append(note)
    return Piece(data, ", ".join(words))


def header_only(kind, length, stream=0, flags=CHECK, note=""):
    """A header whose declared length is wrong already; nothing needs to follow."""
    piece = frame(kind, stream=stream, flags=flags & ~CHECK, length=length, note=note or f"length {length}")
    head = piece.data[:1] + u8(flags) + piece.data[2:12]
    return Piece(head + u32(crc32c(head)), piece.what)


def entry(tag, value):
    return u16(tag) + u16(len(value)) + value


def announcement(entries):
    """Section 6: a list of (name or tag, value), or a dictionary; numbers have the width of their tag."""
    data = b""
    for name, value in entries.items() if isinstance(entries, dict) else entries:
        tag, width = TAGS[name] if isinstance(name, str) else (name, None)
        if isinstance(value, int):
            value = value.to_bytes(width, "big")
        data += entry(tag, bytes(value))
    return data


INITIATOR_NONCE = bytes(range(0x00, 0x20))
ACCEPTOR_NONCE = bytes(range(0x80, 0xA0))
SESSION_ID = bytes(range(0xA0, 0xB0))
TOKEN = bytes(range(0xB0, 0xD0))


def hello(entries=(), echo=None, tail=b"", **options):
    body = (echo or preface_bytes()) + INITIATOR_NONCE + announcement(entries) + tail
    return frame("HELLO", body, **options)


def welcome(entries=(), initiator_echo=None, acceptor_echo=None, minor=0, flags=1, reserved=0, tail=b"", **options):
    body = (
        (initiator_echo or preface_bytes())
        + (acceptor_echo or preface_bytes())
        + u8(minor)
        + u8(flags)
        + u16(reserved)
    )
    body += SESSION_ID + TOKEN + ACCEPTOR_NONCE + announcement(entries) + tail
    return frame("WELCOME", body, **options)


def refuse_body(
    name, text="no", major=3, lowest=0, highest=0, unused=0, echo=None, own=(0,), others=(), required=(), tail=b""
):
    data = code(name) + bytes([major, lowest, highest, unused]) + (echo or preface_bytes())
    for ids in (own, others, required):
        data += u8(len(ids)) + bytes(ids)
    text = text if isinstance(text, bytes) else text.encode()
    return data + u16(len(text)) + text + tail


def refuse(name, flags=CHECK, note="", **fields):
    return frame("REFUSE", refuse_body(name, **fields), flags=flags, note=note or str(name))


def close(name="NO_ERROR", text=b"", tail=b"", **options):
    return frame("CLOSE", code(name) + u16(len(text)) + text + tail, **{"note": str(name)} | options)


def goaway(last, name="SHUTDOWN", text=b"", tail=b"", **options):
    return frame(
        "GOAWAY",
        code(name) + u64(last) + u16(len(text)) + text + tail,
        **{"note": f"{name}, last stream {last}"} | options,
    )


def number(kind, value, **options):
    """PING, PONG, ACK, CREDIT and STREAMS: one u64."""
    return frame(kind, u64(value), **{"note": str(value)} | options)


def open_body(metadata=(), size=None, urgency=None, extra=b""):
    data = b""
    for key, value in metadata:
        key, value = (part if isinstance(part, bytes) else part.encode() for part in (key, value))
        data += entry(1, u8(len(key)) + key + value)
    if size is not None:
        data += entry(2, u64(size))
    if urgency is not None:
        data += entry(3, u8(urgency))
    return data + extra


def opening(stream, metadata=(), note="", **fields):
    return frame("OPEN", open_body(metadata, **fields), stream=stream, note=note)


def reset(stream, final, name="CANCELLED", **options):
    return frame(
        "RESET", code(name) + u64(final), stream=stream, **{"note": f"{name}, final offset {final}"} | options
    )


def stop(stream, name="CANCELLED", **options):
    return frame("STOP", code(name), stream=stream, **{"note": str(name)} | options)


def data(
    stream, offset=0, payload=b"", flags=0, codec=0, raw=None, marks=None, mark_count=None, decoded=None, dictionary=None,
    baseline=None, note="", **options
):
    """Section 8. `marks` are message lengths; `mark_count` lies where a vector wants it to; `decoded` is what CHN-3 adds up;
    `dictionary` is an id (DIC-3), `baseline` the extension of BAS-2."""
    raw = len(payload) if raw is None else raw
    body = u64(offset) + u8(codec) + u24(raw)
    if marks is not None:
        flags |= MARKS
        body += u16(len(marks) if mark_count is None else mark_count) + b"".join(u16(mark) for mark in marks)
    if dictionary is not None:
        flags |= DICTIONARY
        body += u32(dictionary)
    if baseline is not None:
        flags |= BASELINE
        body += baseline
    if decoded is not None:
        body += u32(crc32c(decoded))
    words = [
        f"offset {offset}",
        ("none", "lz4", "zstd")[codec] if codec < 3 else f"codec {codec}",
        f"{raw} raw bytes",
    ]
    names = ((MARKS, "MARKS"), (DICTIONARY, "DICTIONARY"), (BASELINE, "BASELINE"), (CHAINED, "CHAINED"), (RESTART, "RESTART"), (EOM, "EOM"), (FIN, "FIN"))
    words += [name for bit, name in names if flags & bit]
    words += [note] if note else []
    return frame(
        "DATA",
        body + payload,
        stream=stream,
        flags=options.pop("check_flag", CHECK) | flags,
        note=", ".join(words),
        **options,
    )
