"""Sections 3 and 5 as the initiator meets them."""

from .vectors import *
from .handshakes import OTHER, room


def initiator_accepts():
    def add(name, title, clauses, steps, **expected):
        room.add(f"initiator-{name}", title, clauses, "initiator", steps, **expected)

    add(
        "shortest",
        "the shortest WELCOME: an empty announcement",
        "PRE-1 HS-1 CAP-4",
        [preface(), welcome()],
        events=[established()],
        sends=[sent("HELLO", start=OTHER)],
    )
    add(
        "integrity-off",
        "integrity off is taken by an initiator that does not require it",
        "HS-3",
        [preface(), welcome(flags=0)],
        config={"integrity": False},
        events=[established(integrity=False)],
    )
    add(
        "integrity-on",
        "the acceptor may turn integrity on by itself",
        "HS-3",
        [preface(), welcome(flags=1)],
        config={"integrity": False},
        events=[established()],
    )
    add(
        "minor-choice",
        "the highest common minor is 2",
        "PRE-4",
        [
            preface(lowest=1, highest=5),
            welcome(
                initiator_echo=preface_bytes(highest=2), acceptor_echo=preface_bytes(lowest=1, highest=5), minor=2
            ),
        ],
        config={"minors": [0, 2]},
        events=[established(minor=2)],
    )
    add(
        "refuse",
        "REFUSE in place of WELCOME",
        "HS-5",
        [preface(), refuse("NO_COMMON_CODEC", own=(1, 0), others=(2, 1, 0), required=(1,))],
        events=[ended("NO_COMMON_CODEC")],
    )
    add(
        "refuse-unused",
        "the unused byte of REFUSE is ignored",
        "CONV-2 HS-7",
        [preface(), refuse("POLICY", unused=0xFF)],
        events=[ended("POLICY")],
    )
    add(
        "refuse-longer",
        "a REFUSE longer than its fields",
        "HS-7",
        [preface(), refuse("VERSION", tail=b"of a later edition")],
        events=[ended("VERSION")],
    )
    add(
        "refuse-text",
        "text that is not UTF-8 is no error",
        "CONV-4",
        [preface(), refuse("INTERNAL", text=b"\xff\xc0\x1b[31m")],
        events=[ended("INTERNAL")],
    )
    add(
        "refuse-code",
        "a code that no edition knows is reported as a number",
        "HS-5",
        [preface(), refuse(0x7FFFFFFF)],
        events=[ended("0x7fffffff")],
    )
    add(
        "refuse-other-major",
        "REFUSE after a preface of another major version",
        "HS-7 PRE-3",
        [preface(major=4, lowest=1, highest=2), refuse("VERSION", major=4, lowest=1, highest=2)],
        events=[ended("VERSION")],
    )
    add(
        "refuse-other-minor",
        "REFUSE after a preface without a common minor",
        "HS-7 PRE-3",
        [preface(lowest=1, highest=2), refuse("VERSION", lowest=1, highest=2)],
        events=[ended("VERSION")],
    )
    add(
        "link-lost",
        "the end of the connection before WELCOME",
        "END-5",
        [preface(), do("endOfInput")],
        events=[ended("LINK_LOST", "network")],
    )


def initiator_rejects():
    def reject(name, title, codes, clause, steps, answer="any", **more):
        room.add(f"initiator-{name}", title, clause, "initiator", steps, error=(codes, clause, answer), **more)

    for name, first in (
        ("http", b"HTTP/1.1 400 Bad Request\r\n"),
        ("ssh", b"SSH-2.0-OpenSSH_9.2\r\n"),
        ("zeros", bytes(8)),
    ):
        reject(
            f"stranger-{name}",
            "bytes that differ from the magic end the connection",
            "PROTOCOL",
            "PRE-2",
            [stray(first, "not DWCP")],
        )
    for name, fields in (("major", {"major": 4}), ("minors", {"lowest": 1, "highest": 1})):
        reject(
            f"version-{name}",
            "no common version, and WELCOME all the same",
            "VERSION",
            "PRE-3",
            [preface(**fields), welcome(acceptor_echo=preface_bytes(**fields), minor=fields.get("lowest", 0))],
        )
    reject(
        "version-lost",
        "no common version, and the connection ends",
        "VERSION",
        "PRE-3",
        [preface(major=4), do("endOfInput")],
    )
    reject(
        "echo-own",
        "WELCOME echoes another preface of the initiator",
        "PROTOCOL",
        "PRE-6",
        [preface(), welcome(initiator_echo=preface_bytes(highest=1))],
        answer="CLOSE",
    )
    reject(
        "echo-other",
        "WELCOME echoes another preface of the acceptor",
        "PROTOCOL",
        "PRE-6",
        [preface(), welcome(acceptor_echo=preface_bytes(highest=1))],
        answer="CLOSE",
    )
    reject(
        "changed-preface",
        "the acceptor's preface was changed on the way",
        "PROTOCOL",
        "PRE-6",
        [preface(highest=1), welcome()],
        answer="CLOSE",
    )
    reject(
        "minor",
        "a minor is chosen that the initiator would not have",
        "VERSION",
        "PRE-4",
        [preface(), welcome(minor=1)],
        answer="CLOSE",
    )
    reject(
        "link-kind",
        "the acceptor's preface repeats another link kind",
        "PROTOCOL",
        "PRE-5",
        [preface(kind=1), welcome(acceptor_echo=preface_bytes(kind=1))],
        answer="CLOSE",
    )
    for bit in range(1, 8):
        reject(
            f"flag-{1 << bit:02x}",
            "a reserved flag of WELCOME",
            "PROTOCOL",
            "CONV-2",
            [preface(), welcome(flags=1 | 1 << bit)],
            answer="CLOSE",
        )
    for field in (1, 0x8000):
        reject(
            f"reserved-{field:04x}",
            "the reserved field of WELCOME",
            "PROTOCOL",
            "CONV-2",
            [preface(), welcome(reserved=field)],
            answer="CLOSE",
        )
    reject(
        "integrity",
        "integrity off where the initiator requires it",
        "POLICY",
        "HS-3",
        [preface(), welcome(flags=0)],
        answer="CLOSE",
    )
    for kind, piece in (
        ("ping", number("PING", 1)),
        ("data", data(2, payload=b"x")),
        ("close", close("INTERNAL", b"no")),
        ("ignorable", frame(0xB0)),
        ("hello", hello()),
    ):
        reject(
            f"first-{kind}",
            "the first frame of the acceptor is WELCOME or REFUSE",
            "PROTOCOL",
            "HS-1",
            [preface(), piece],
            answer="CLOSE",
        )
    reject(
        "second-welcome",
        "a second WELCOME",
        "PROTOCOL",
        "HS-1",
        [preface(), welcome(), welcome()],
        answer="CLOSE",
        events=[established()],
    )
    reject(
        "hello-late",
        "HELLO in the wrong direction",
        "PROTOCOL",
        "HS-1",
        [preface(), welcome(), hello()],
        answer="CLOSE",
        events=[established()],
    )
    reject(
        "refuse-late",
        "REFUSE after WELCOME",
        "PROTOCOL",
        "HS-1",
        [preface(), welcome(), refuse("POLICY")],
        answer="CLOSE",
        events=[established()],
    )
    reject(
        "welcome-unchecked",
        "WELCOME without a payload check",
        "PROTOCOL",
        "HDR-4",
        [preface(), frame("WELCOME", welcome().data[16:-4], flags=0)],
        answer="CLOSE",
    )
    reject(
        "refuse-unchecked",
        "REFUSE without a payload check",
        "PROTOCOL",
        "HDR-4",
        [preface(), refuse("POLICY", flags=0)],
        config={"integrity": False},
    )
    reject(
        "welcome-damaged",
        "WELCOME with a wrong payload check",
        "PAYLOAD_CHECK",
        "HDR-3",
        [preface(), frame("WELCOME", welcome().data[16:-4], check=0x12345678)],
        answer="CLOSE",
    )
    for length in (99, 8_193):
        reject(
            f"welcome-{length}",
            "WELCOME out of its bounds; found from the header alone",
            "FRAME_SIZE",
            "HDR-2",
            [preface(), header_only("WELCOME", length)],
            answer="CLOSE",
        )
    reject(
        "refuse-20", "REFUSE shorter than its fields", "FRAME_SIZE", "HDR-2", [preface(), header_only("REFUSE", 20)]
    )
    reject(
        "refuse-cut",
        "the text of REFUSE reaches past its end",
        "PROTOCOL",
        "HS-7",
        [preface(), frame("REFUSE", refuse_body("POLICY", text=b"")[:-2] + b"\0\1")],
    )
    reject("timeout", "no preface until the handshake timeout", "HANDSHAKE_TIMEOUT", "HS-6", [wait(10_000)])
    reject(
        "timeout-preface",
        "no WELCOME until the handshake timeout",
        "HANDSHAKE_TIMEOUT",
        "HS-6",
        [preface(), wait(10_000)],
    )


initiator_accepts()
initiator_rejects()
