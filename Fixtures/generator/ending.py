"""Sections 11, 12 and 14: acknowledgement, liveness, the end of a session, budgets."""

from .vectors import *

room = Room("ending", "Acknowledgement, liveness, GOAWAY and CLOSE, budgets (SPEC sections 11, 12 and 14).")
HIGHEST = (1 << 48) - 1


def going(name, last):
    return {"event": "goingAway", "code": name, "lastStream": last}


def acknowledgement():
    add, reject = room.open_session, room.rejects
    write = lambda s: [do("open", stream=s.own(1)), do("write", stream=s.own(1), hex="78")]
    add(
        "ack",
        "a count may repeat and rise",
        "ACK-1",
        lambda s: (
            [number("ACK", 0)] + write(s) + [number("ACK", 1), number("ACK", 1), number("PING", 7)],
            {"sends": [sent("DATA", s.own(1)), sent("PONG", start=u64(7))]},
        ),
    )
    add(
        "ack-sent",
        "numbered frames are acknowledged within the announced delay",
        "ACK-1 ACK-2",
        lambda s: (
            [opening(s.peer(1)), data(s.peer(1), payload=b"x"), reset(s.peer(1), 1), number("PING", 1), wait(25)],
            {
                "events": [opened(s.peer(1))],
                "streams": [stream(s.peer(1), state="reset", code_name="CANCELLED")],
                "sends": [sent("ACK", start=u64(3))],
            },
        ),
    )
    add(
        "ack-soon",
        "64 numbered frames are acknowledged at once",
        "ACK-2",
        lambda s: ([repeated(frame(0xF0), 64)], {"sends": [sent("ACK", start=u64(64))]}),
        sides=(ACCEPTOR,),
    )
    reject("ack-above", "a count above what was sent", "PROTOCOL", "ACK-1", lambda s: number("ACK", 1_000_000))
    reject(
        "ack-falls",
        "a count that goes down",
        "PROTOCOL",
        "ACK-1",
        lambda s: write(s) + [number("ACK", 1), number("ACK", 0)],
    )


def liveness():
    add, reject = room.open_session, room.rejects
    reject("pong-unasked", "PONG without a PING", "PROTOCOL", "LIV-1", lambda s: number("PONG", 1))
    reject("idle", "nothing arrives for the idle timeout", "IDLE_TIMEOUT", "LIV-3", lambda s: wait(30_000))
    reject(
        "idle-smaller",
        "the smaller of the two idle timeouts holds",
        "IDLE_TIMEOUT",
        "LIV-3",
        lambda s: wait(1_000),
        peer={"IDLE_TIMEOUT": 1_000},
    )
    reject(
        "idle-peer",
        "one timeout that is not 0 is enough",
        "IDLE_TIMEOUT",
        "LIV-3",
        lambda s: wait(1_000),
        peer={"IDLE_TIMEOUT": 1_000},
        config={"idleTimeoutMilliseconds": 0},
    )
    add(
        "idle-probe",
        "after a third of the idle timeout an end sends PING",
        "LIV-3",
        lambda s: ([wait(10_000)], {"sends": [sent("PING")]}),
    )
    add(
        "idle-kept",
        "any byte keeps a session alive, half a frame too",
        "LIV-3",
        lambda s: (
            [
                wait(29_999),
                stray(number("PING", 7).data[:9], "half a PING"),
                wait(29_999),
                stray(number("PING", 7).data[9:], "the other half"),
            ],
            {"sends": [sent("PONG", start=u64(7))]},
        ),
    )
    add(
        "idle-none",
        "without timeouts a session may be silent",
        "LIV-3",
        lambda s: ([wait(86_400_000), number("PING", 7)], {"sends": [sent("PONG", start=u64(7))]}),
        config={"idleTimeoutMilliseconds": 0},
    )


def goaway_vectors():
    add, reject = room.open_session, room.rejects
    add(
        "goaway",
        "two phases: the highest id, then the last one that will be processed",
        "END-1 END-2",
        lambda s: (
            [goaway(HIGHEST, text=b"restarting"), goaway(7)],
            {"events": [going("SHUTDOWN", HIGHEST), going("SHUTDOWN", 7)]},
        ),
    )
    add(
        "goaway-repeated",
        "GOAWAY with the same id again changes nothing",
        "END-1",
        lambda s: ([goaway(4), goaway(4, "INTERNAL")], {"events": [going("SHUTDOWN", 4)]}),
    )
    add(
        "goaway-trailing",
        "bytes behind the text are ignored",
        "CONV-4",
        lambda s: ([goaway(0, text=b"bye", tail=b"more")], {"events": [going("SHUTDOWN", 0)]}),
    )
    reject(
        "goaway-higher",
        "an id above that of an earlier GOAWAY",
        "PROTOCOL",
        "END-1",
        lambda s: ([goaway(7), goaway(8)], {"events": [going("SHUTDOWN", 7)]}),
    )
    reject("goaway-too-high", "an id above 2^48 - 1", "PROTOCOL", "END-1", lambda s: goaway(HIGHEST + 1))
    reject(
        "goaway-cut",
        "a text that reaches past the end",
        "PROTOCOL",
        "CONV-4 END-1",
        lambda s: frame("GOAWAY", code("SHUTDOWN") + u64(1) + u16(9)),
    )
    add(
        "drain",
        "streams up to the last one are processed, those above it are refused",
        "END-2 END-3",
        lambda s: (
            [
                opening(s.peer(1)),
                do("drain"),
                wait(1_000),
                data(s.peer(2), payload=b"refused", flags=FIN),
                data(s.peer(1), payload=b"taken"),
            ],
            {
                "events": [opened(s.peer(1))],
                "streams": [stream(s.peer(1), b"taken")],
                "sends": [
                    sent("GOAWAY", start=code("SHUTDOWN") + u64(HIGHEST)),
                    sent("GOAWAY", start=code("SHUTDOWN") + u64(s.peer(1))),
                    sent("RESET", s.peer(2), code("REFUSED_STREAM") + u64(0)),
                ],
            },
        ),
    )
    add(
        "drain-idle",
        "a draining session without streams closes",
        "END-2 END-4",
        lambda s: (
            [do("drain"), wait(1_000)],
            {"events": [ended(by="self")], "sends": [sent("GOAWAY"), sent("CLOSE", start=code("NO_ERROR"))]},
        ),
    )


def close_vectors():
    add, reject = room.open_session, room.rejects
    add("close", "CLOSE ends the session", "END-4", lambda s: ([close(), number("PING", 1)], {"events": [ended()]}))
    add(
        "close-code",
        "the code of CLOSE is reported",
        "END-4",
        lambda s: ([close("PROTOCOL", b"DAT-2: a DATA frame carries nothing")], {"events": [ended("PROTOCOL")]}),
    )
    add(
        "close-application",
        "an application's own code",
        "END-4",
        lambda s: ([close(0x40000000)], {"events": [ended("0x40000000")]}),
    )
    add(
        "close-unknown",
        "an unknown code is reported as a number",
        "END-4",
        lambda s: ([close(0x1234)], {"events": [ended("0x1234")]}),
    )
    add(
        "close-trailing",
        "bytes behind the text are ignored",
        "CONV-4",
        lambda s: ([close("SHUTDOWN", b"bye", b"more")], {"events": [ended("SHUTDOWN")]}),
    )
    add(
        "close-text",
        "text that is not UTF-8 is no error",
        "CONV-4",
        lambda s: ([close("INTERNAL", b"\xff\x1b[31m\xc0")], {"events": [ended("INTERNAL")]}),
    )
    add(
        "close-unfinished",
        "all streams end with CLOSE, and nothing unfinished counts as complete",
        "END-4",
        lambda s: (
            [data(s.peer(1), payload=b"half a mess"), close()],
            {"events": [opened(s.peer(1)), ended()], "streams": [stream(s.peer(1), b"half a mess")]},
        ),
    )
    add(
        "close-own",
        "an application closes the session",
        "END-4",
        lambda s: (
            [do("close", code="0x40000002"), number("PING", 1)],
            {"events": [ended("0x40000002", "self")], "sends": [sent("CLOSE", start=u32(0x40000002))]},
        ),
    )
    add(
        "link-lost",
        "the end of the connection without CLOSE",
        "END-5",
        lambda s: (
            [data(s.peer(1), payload=b"half a mess"), do("endOfInput")],
            {
                "events": [opened(s.peer(1)), ended("LINK_LOST", "network")],
                "streams": [stream(s.peer(1), b"half a mess")],
            },
        ),
    )
    reject(
        "close-cut",
        "a text that reaches past the end",
        "PROTOCOL",
        "CONV-4 END-4",
        lambda s: frame("CLOSE", code("NO_ERROR") + u16(1)),
    )


def budgets():
    add, reject = room.open_session, room.rejects
    own = {
        "sides": (ACCEPTOR,),
        "note": "Budgets above those that SPEC section 14 lets a peer rely on are an implementation's own; these are the defaults there.",
    }
    relied = {"sides": (ACCEPTOR,)}
    add(
        "budget-pings",
        "20 PINGs at once are borne",
        "LIM-1",
        lambda s: ([repeated(number("PING", 7), 20)], {"sends": [sent("PONG", start=u64(7))]}),
        **relied,
    )
    add(
        "budget-idle",
        "100 frames at once without progress are borne",
        "LIM-1",
        lambda s: ([repeated(frame(0xB0), 100), number("PING", 7)], {"sends": [sent("PONG", start=u64(7))]}),
        **relied,
    )
    reject(
        "flood-pings",
        "a flood of PINGs",
        "EXCESSIVE_LOAD",
        "LIM-1",
        lambda s: [repeated(number("PING", 7), 101)],
        **own,
    )
    for name, piece in (
        ("unknown", lambda s: frame(0xB0)),
        ("credit", lambda s: number("CREDIT", 1)),
        ("streams", lambda s: number("STREAMS", 1)),
        ("ack", lambda s: number("ACK", 0)),
    ):
        reject(
            f"flood-{name}",
            "a flood of frames that change nothing",
            "EXCESSIVE_LOAD",
            "LIM-1",
            lambda s: [repeated(piece(s), 1_001)],
            **own,
        )
    reject(
        "flood-goaway",
        "a flood of GOAWAY",
        "EXCESSIVE_LOAD",
        "LIM-1",
        lambda s: ([repeated(goaway(7), 1_002)], {"events": [going("SHUTDOWN", 7)]}),
        **own,
    )
    reject(
        "flood-data",
        "a flood of repeated blocks",
        "EXCESSIVE_LOAD",
        "LIM-1",
        lambda s: (
            [repeated(data(s.peer(1), payload=b"x"), 1_002)],
            {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), b"x")]},
        ),
        **own,
    )
    reject(
        "flood-reset",
        "a flood of repeated RESETs",
        "EXCESSIVE_LOAD",
        "LIM-1",
        lambda s: (
            [opening(s.peer(1)), repeated(reset(s.peer(1), 0), 201)],
            {"events": [opened(s.peer(1))], "streams": [stream(s.peer(1), state="reset", code_name="CANCELLED")]},
        ),
        **own,
    )
    add(
        "budget-refill",
        "budgets refill with time",
        "LIM-1",
        lambda s: (
            [part for _ in range(3) for part in (repeated(number("PING", 7), 90), wait(9_000))],
            {"sends": [sent("PONG", start=u64(7))] * 3},
        ),
        **relied,
    )


acknowledgement()
liveness()
goaway_vectors()
close_vectors()
budgets()
