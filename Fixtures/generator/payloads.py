"""Payloads of the codecs lz4 and zstd, made by hand so that no library's version matters (SPEC section 10)."""

_MASK = (1 << 64) - 1
_PRIMES = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)


def _rotate(value, count):
    return (value << count | value >> (64 - count)) & _MASK


def _round(accumulator, lane):
    return _rotate((accumulator + lane * _PRIMES[1]) & _MASK, 31) * _PRIMES[0] & _MASK


def xxh64(content):
    """XXH64 with seed 0, whose low 32 bits are the content checksum of a zstd frame."""
    p1, p2, p3, p4, p5 = _PRIMES
    position = 0
    if len(content) >= 32:
        lanes = [(p1 + p2) & _MASK, p2, 0, -p1 & _MASK]
        while position + 32 <= len(content):
            for index in range(4):
                start = position + 8 * index
                lanes[index] = _round(lanes[index], int.from_bytes(content[start : start + 8], "little"))
            position += 32
        value = sum(_rotate(lane, turn) for lane, turn in zip(lanes, (1, 7, 12, 18))) & _MASK
        for lane in lanes:
            value = ((value ^ _round(0, lane)) * p1 + p4) & _MASK
    else:
        value = p5
    value = (value + len(content)) & _MASK
    while position + 8 <= len(content):
        value ^= _round(0, int.from_bytes(content[position : position + 8], "little"))
        value = (_rotate(value, 27) * p1 + p4) & _MASK
        position += 8
    if position + 4 <= len(content):
        value ^= int.from_bytes(content[position : position + 4], "little") * p1 & _MASK
        value = (_rotate(value, 23) * p2 + p3) & _MASK
        position += 4
    for byte in content[position:]:
        value = _rotate(value ^ byte * p5 & _MASK, 11) * p1 & _MASK
    value = (value ^ value >> 33) * p2 & _MASK
    value = (value ^ value >> 29) * p3 & _MASK
    return value ^ value >> 32


assert xxh64(b"") == 0xEF46DB3751D8E999
assert xxh64(b"abc") == 0x44BC2CF5AD770999

ZSTD_MAGIC = bytes.fromhex("28b52ffd")
RAW, RLE, COMPRESSED, RESERVED = 0, 1, 2, 3


def zstd_block(kind, content, size=None, last=True):
    """RFC 8878, 3.1.1.2: a block header and its content."""
    size = len(content) if size is None else size
    return (size << 3 | kind << 1 | int(last)).to_bytes(3, "little") + content


def zstd_header(
    content_size=None, window=None, checksum=False, field=None, reserved=False, dictionary=None, unused=False
):
    """RFC 8878, 3.1.1.1. Without `window` (a descriptor byte) the frame is a single segment.

    `field` is the width of the content size.
    """
    single = window is None
    if field is None:
        field = (
            0
            if content_size is None
            else (1 if content_size < 256 and single else 2 if 256 <= content_size < 65_792 else 4)
        )
    flag = {0: 0, 1: 0, 2: 1, 4: 2, 8: 3}[field]
    descriptor = (
        flag << 6 | single << 5 | unused << 4 | reserved << 3 | checksum << 2 | (0 if dictionary is None else 1)
    )
    data = ZSTD_MAGIC + bytes([descriptor]) + (b"" if single else bytes([window]))
    data += b"" if dictionary is None else bytes([dictionary])
    if field:
        data += (content_size - (256 if field == 2 else 0)).to_bytes(field, "little")
    return data


def zstd_rle(byte, count):
    """`count` times one byte, in blocks of at most 128 KiB, as a single segment."""
    blocks, left = b"", count
    while left:
        size = min(left, 131_072)
        left -= size
        blocks += zstd_block(RLE, byte, size=size, last=not left)
    return zstd_header(count) + blocks


def zstd_runs(*runs):
    """Runs of (byte, count), each a block of at most 128 KiB, as a single segment."""
    blocks = [zstd_block(RLE, byte, size=count, last=index + 1 == len(runs)) for index, (byte, count) in enumerate(runs)]
    return zstd_header(sum(count for _, count in runs)) + b"".join(blocks)


def _zstd_length(value, table):
    """A code of RFC 8878, 3.1.1.3.2.1.1, how many extra bits it has, and those bits."""
    code = max(index for index, (baseline, _) in enumerate(table) if baseline <= value)
    baseline, width = table[code]
    return code, width, value - baseline


_LITERALS = [(n, 0) for n in range(16)] + [(16, 1), (18, 1), (20, 1), (22, 1), (24, 2), (28, 2), (32, 3), (40, 3), (48, 4), (64, 6)]
_LITERALS += [(1 << n, n) for n in range(7, 17)]
_MATCHES = [(n, 0) for n in range(3, 35)] + [(35, 1), (37, 1), (39, 1), (41, 1), (43, 2), (47, 2), (51, 3), (59, 3), (67, 4), (83, 4)]
_MATCHES += [(99, 5)] + [((1 << n) + 3, n) for n in range(7, 17)]


def zstd_match(literals, offset, length, tail=b"", last=True):
    """A compressed block: literals, one match so far back, and literals behind it. Each table is a single code (RLE)."""
    both = literals + tail
    assert len(both) < 1 << 12
    section = (len(both) << 4 | 1 << 2).to_bytes(2, "little") + both
    literal_code, literal_width, literal_bits = _zstd_length(len(literals), _LITERALS)
    match_code, match_width, match_bits = _zstd_length(length, _MATCHES)
    width = (offset + 3).bit_length() - 1
    # The last bit that is written is read first: a one, then offset, match and literals.
    bits = 1 << width | offset + 3 - (1 << width)
    bits = (bits << match_width | match_bits) << literal_width | literal_bits
    stream = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
    return zstd_block(COMPRESSED, section + bytes([1, 0x54, literal_code, width, match_code]) + stream, last=last)


# `zstd -19` (1.5.4) of TEXT: literals compressed with Huffman codes, and sequences.
TEXT = b"".join(b"%d bottles of beer on the wall, %d bottles of beer. " % (n, n) for n in range(20, 0, -1))


def lz4_length(value):
    """What follows a nibble of 15."""
    return b"\xff" * (value // 255) + bytes([value % 255])


def lz4_sequence(literals, match=None, offset=0):
    """One sequence of lz4_Block_format.md; without a match it is the last one."""
    short = min(len(literals), 15)
    long = 0 if match is None else min(match - 4, 15)
    data = bytes([short << 4 | long]) + (lz4_length(len(literals) - 15) if short == 15 else b"") + literals
    if match is None:
        return data
    return data + offset.to_bytes(2, "little") + (lz4_length(match - 19) if long == 15 else b"")


def lz4_run(byte, count):
    """`count` times one byte: a literal, an overlapping match and five literals at the end."""
    return lz4_sequence(byte, match=count - 6, offset=1) + lz4_sequence(byte * 5)


ZSTD_TEXT = bytes.fromhex(
    "28b52ffd60fe0225030062430c11a0edb0f2680799ffc56bfa89a496f73f6baabbcc428c414829c69c83f6e1a0b534df4cdebdc36ef5f51ebb49f9d4"
    "950328a8017ab5fe6f105d2e073104ff115c7847e003d375bbddeedbed76df6c057b956a459baab4d2ca04a0af2cc5b07615"
)

# The same text twice, by one frame of libzstd 1.5.4 at level 3, flushed behind each: the second part is little but a match in the first.
ZSTD_PARTS = (
    bytes.fromhex(
        "28b52ffd0040840400a204101690b56d00488d612f69a0ff6f19adecee6e994171b31c66778899aabbcce54588d91d62a6ea2e7329f612"
        "ecf5e09c21f02ed20df4a3db9c4007f4490999930b2b2080e35c039e88d763a2f04e643d118fc744e19dc878221e3dae245bf4cc28680e"
        "eb94417d86de356c22cd495823926b58229b4b984692dbb0443477c2773b7b4168d4834b32382004c3234f"
    ),
    bytes.fromhex("7c000000044000c903c8d5508f72c9e13d11"),
)

# What TUNE is compressed against: WORDS as it is, and the same at the end of a dictionary of zstd (made by ZDICT_finalizeDictionary).
WORDS = b"bottles of beer on the wall, take one down and pass it around"
ZSTD_WORDS = bytes.fromhex(
    "37a430ec4d0000001f1020bc3406807d07d877807d0778e7799ee7799e51ea524a29a5944150dc4b0300000000480100f60000003460c080818181818181"
    "81818181810743030303030303030303037a83c1607a8c31c61863cccccccc6cdbe44813e477188631c618638c31c618638c999999996d1b010000000400"
    "000008000000"
) + WORDS + b"0123456789 " * 20
assert len(ZSTD_WORDS) == 411
# By libzstd 1.5.4 at level 3, without a dictionary id in the frame, and with the one of ZSTD_WORDS.
TUNE = b"7 bottles of beer on the wall, 7 bottles of beer; take one down and pass it around"
TUNE_BY_WORDS = bytes.fromhex("28b52ffd20527d00001837203b0300551845e80c843b6001")
TUNE_BY_ZSTD_WORDS = bytes.fromhex("28b52ffd20527500001837203b03fc310291e1c109c87f")
TUNE_BY_NAME = bytes.fromhex("28b52ffd214d527500001837203b03fc310291e1c109c87f")
