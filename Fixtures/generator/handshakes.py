"""Sections 3 and 5: prefaces, HELLO, WELCOME, REFUSE."""

from .vectors import *

room = Room("handshakes", "Prefaces, HELLO, WELCOME and REFUSE (SPEC sections 3 and 5).")
OTHER = preface_bytes()


def acceptor_accepts():
    def add(name, title, clauses, steps, **expected):
        room.add(f"acceptor-{name}", title, clauses, "acceptor", steps, **expected)

    add(
        "shortest",
        "the shortest HELLO: an empty announcement",
        "PRE-1 HS-1 CAP-4",
        [preface(), hello()],
        events=[established()],
        sends=[sent("WELCOME", start=OTHER + OTHER + b"\0\1\0\0")],
    )
    add(
        "integrity-off",
        "integrity stays off when neither end requires it",
        "HS-3",
        [preface(), hello({"INTEGRITY": 0})],
        config={"integrity": False},
        events=[established(integrity=False)],
    )
    add(
        "integrity-required",
        "integrity is on when the initiator requires it",
        "HS-3",
        [preface(), hello({"INTEGRITY": 1})],
        config={"integrity": False},
        events=[established()],
        sends=[sent("WELCOME", start=OTHER + OTHER + b"\0\1\0\0")],
    )
    add(
        "higher-minors",
        "the highest common minor is 0, and stated",
        "PRE-4",
        [preface(highest=9), hello(echo=preface_bytes(highest=9))],
        events=[established()],
        sends=[sent("WELCOME", start=preface_bytes(highest=9) + OTHER + b"\0")],
    )
    add(
        "minor-choice",
        "the highest common minor of 0 to 2 and 1 to 5 is 2",
        "PRE-4",
        [preface(highest=2), hello(echo=preface_bytes(highest=2))],
        config={"minors": [1, 5]},
        events=[established(minor=2)],
        sends=[sent("WELCOME", start=preface_bytes(highest=2) + preface_bytes(lowest=1, highest=5) + b"\2")],
    )
    add(
        "early-stream",
        "a stream opened before WELCOME is delivered after it",
        "HS-2",
        [preface(), hello(), opening(1, [("service", "echo")]), data(1, payload=b"early", flags=FIN)],
        events=[established(), opened(1, [("service", "echo")])],
        streams=[stream(1, b"early", state="ended")],
    )
    add(
        "early-ping",
        "PING, RESET, STOP may come early",
        "HS-2",
        [preface(), hello(), number("PING", 5), opening(1), stop(1), reset(1, 0)],
        events=[established(), opened(1), stopped(1)],
        streams=[stream(1, state="reset", code_name="CANCELLED")],
        sends=[sent("WELCOME"), sent("PONG", start=u64(5)), sent("RESET", 1, code("CANCELLED") + u64(0))],
    )
    add(
        "close-first",
        "an initiator that gives up may send CLOSE first",
        "HS-1",
        [preface(), close("CANCELLED", b"never mind")],
        events=[ended("CANCELLED")],
    )
    add(
        "close-early",
        "CLOSE may come early",
        "HS-2 END-4",
        [preface(), hello(), close()],
        events=[established(), ended()],
    )
    add(
        "refuse-first",
        "an initiator may refuse before its HELLO",
        "HS-1 HS-5",
        [preface(), refuse("VERSION")],
        events=[ended("VERSION")],
    )
    add(
        "refuse-after-welcome",
        "an initiator may refuse after WELCOME",
        "HS-4 HS-5",
        [preface(), hello(), refuse("POLICY")],
        events=[established(), ended("POLICY")],
    )
    add(
        "refuse-after-early",
        "an initiator may refuse after early frames",
        "HS-4 HS-5",
        [preface(), hello(), opening(1), number("PING", 1), refuse("NO_COMMON_CODEC")],
        events=[established(), opened(1), ended("NO_COMMON_CODEC")],
    )


def acceptor_rejects():
    def reject(name, title, codes, clause, steps, answer="REFUSE", **more):
        room.add(f"acceptor-{name}", title, clause, "acceptor", steps, error=(codes, clause, answer), **more)

    for name, first in (
        ("http", b"GET / HTTP/1.1\r\n\r\n"),
        ("http2", b"PRI * HTTP/2.0\r\n\r\n"),
        ("tls", b"\x16\x03\x01\x02\x00\x01"),
        ("lower-case", b"dwcp\3\0\0\0"),
        ("almost", b"DWCQ\3\0\0\0"),
        ("zeros", bytes(8)),
        ("one-byte", b"\x7f\x45\x4c\x46"),
    ):
        reject(
            f"stranger-{name}",
            "bytes that differ from the magic are answered with nothing",
            "PROTOCOL",
            "PRE-2",
            [stray(first, "not DWCP")],
            answer="nothing",
        )
    for name, fields in (
        ("major-2", {"major": 2}),
        ("major-4", {"major": 4}),
        ("minors", {"lowest": 1, "highest": 1}),
        ("order", {"lowest": 1, "highest": 0}),
    ):
        reject(
            f"version-{name}",
            "no common version: the acceptor's preface and REFUSE",
            "VERSION",
            "PRE-3",
            [preface(**fields)],
            sends=[sent("REFUSE", start=code("VERSION") + b"\3\0\0")],
        )
    for kind in (1, 2, 255):
        reject(f"link-kind-{kind}", "a link kind that is not offered", "PROTOCOL", "PRE-5", [preface(kind=kind)])
    reject(
        "echo", "HELLO echoes another preface", "PROTOCOL", "PRE-6", [preface(), hello(echo=preface_bytes(highest=1))]
    )
    reject(
        "changed-preface", "the preface was changed on the way", "PROTOCOL", "PRE-6", [preface(highest=1), hello()]
    )
    for kind, piece in (
        ("ping", number("PING", 1)),
        ("data", data(1, payload=b"x")),
        ("open", opening(1)),
        ("ack", number("ACK", 0)),
        ("ignorable", frame(0xB0, b"skip me")),
        ("welcome", welcome()),
    ):
        reject(f"first-{kind}", "the first frame of the initiator is HELLO", "PROTOCOL", "HS-1", [preface(), piece])
    reject(
        "second-hello",
        "a second HELLO",
        "PROTOCOL",
        "HS-1",
        [preface(), hello(), hello()],
        answer="CLOSE",
        events=[established()],
    )
    reject(
        "welcome-late",
        "WELCOME in the wrong direction",
        "PROTOCOL",
        "HS-1",
        [preface(), hello(), welcome()],
        answer="CLOSE",
        events=[established()],
    )
    reject("hello-unchecked", "HELLO without a payload check", "PROTOCOL", "HDR-4", [preface(), hello(flags=0)])
    reject(
        "hello-unchecked-off",
        "HELLO has a payload check although nobody requires integrity",
        "PROTOCOL",
        "HDR-4",
        [preface(), hello(flags=0)],
        config={"integrity": False},
    )
    reject(
        "hello-damaged",
        "HELLO with a wrong payload check",
        "PAYLOAD_CHECK",
        "HDR-3",
        [preface(), hello(check=0x12345678)],
    )
    reject(
        "hello-header",
        "HELLO with a wrong header check",
        "HEADER_CHECK",
        "HDR-1",
        [preface(), hello(header_check=0x12345678)],
    )
    for length in (39, 8_193):
        reject(
            f"hello-{length}",
            "HELLO out of its bounds; found from the header alone",
            "FRAME_SIZE",
            "HDR-2",
            [preface(), header_only("HELLO", length)],
        )
    reject(
        "refuse-late",
        "REFUSE after a frame that cannot be early",
        "PROTOCOL",
        "HS-1",
        [preface(), hello(), number("CREDIT", 2_000_000), refuse("POLICY")],
        answer="CLOSE",
        events=[established()],
    )
    reject(
        "refuse-unchecked",
        "REFUSE has a payload check, with integrity off too",
        "PROTOCOL",
        "HDR-4",
        [preface(), hello(), refuse("POLICY", flags=0)],
        answer="CLOSE",
        config={"integrity": False},
        events=[established(integrity=False)],
    )
    reject(
        "refuse-cut",
        "a list inside REFUSE reaches past its end",
        "PROTOCOL",
        "HS-7",
        [preface(), frame("REFUSE", refuse_body("POLICY")[:16] + b"\x09" + bytes(8))],
    )
    reject(
        "close-cut",
        "the text of CLOSE reaches past its end",
        "PROTOCOL",
        "CONV-4 END-4",
        [preface(), frame("CLOSE", bytes(5) + b"\x09")],
    )
    reject(
        "timeout",
        "silence after the preface until the handshake timeout",
        "HANDSHAKE_TIMEOUT",
        "HS-6",
        [preface(), wait(10_000)],
    )
    reject(
        "timeout-silent",
        "silence until the handshake timeout: nothing is sent to what may be no DWCP",
        "HANDSHAKE_TIMEOUT",
        "HS-6",
        [stray(b"DWC", "the beginning of a preface"), wait(10_000)],
        answer="nothing",
    )


acceptor_accepts()
acceptor_rejects()
