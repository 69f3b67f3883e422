"""How one vector is put together; README.md and schema.json describe the result."""

from .wire import *


class Side:
    """One role under test, and the other end that the vector plays."""

    def __init__(self, role):
        self.role = role

    def peer(self, ordinal):
        """The id of a stream that the other end opens."""
        return 2 * ordinal - 1 if self.role == "acceptor" else 2 * ordinal

    def own(self, ordinal):
        return 2 * ordinal if self.role == "acceptor" else 2 * ordinal - 1

    def greeting(self, entries, integrity):
        if self.role == "acceptor":
            return [preface(), hello(entries)]
        return [preface(), welcome(entries, flags=int(integrity))]


ACCEPTOR, INITIATOR = Side("acceptor"), Side("initiator")
BOTH = (ACCEPTOR, INITIATOR)


def established(codecs=(0,), integrity=True, minor=0):
    return {"event": "established", "integrity": integrity, "minor": minor, "sendCodecs": list(codecs)}


def opened(stream, metadata=(), **fields):
    pairs = [{"key": key, "value": value} for key, value in metadata]
    return {"event": "streamOpened", "stream": stream, "metadata": pairs} | fields


def stopped(stream, name="CANCELLED"):
    return {"event": "stopped", "stream": stream, "code": name}


def ended(name="NO_ERROR", by="peer"):
    return {"event": "ended", "code": name, "by": by}


def do(command, **fields):
    return {"do": command} | fields


def wait(milliseconds):
    return do("wait", milliseconds=milliseconds)


def sent(kind, stream=0, start=b""):
    return {"type": kind, "stream": stream, "bodyStart": start.hex()}


def content(*parts, state="open", code_name=None):
    """`parts` are bytes (behind the last mark), or ("message", bytes), or (kind, byte, times) for runs."""
    listed = []
    for part in parts:
        kind, value, *times = part if isinstance(part, tuple) else ("bytes", part)
        listed.append({"kind": kind, "hex": value.hex()} | ({"times": times[0]} if times else {}))
    return {"content": listed, "state": state} | ({"code": code_name} if code_name else {})


def streams(**by_id):
    """`s1=content(...)` and so on."""
    return [{"stream": int(name[1:])} | value for name, value in by_id.items()]


def stream(identifier, *parts, **options):
    return {"stream": identifier} | content(*parts, **options)


def step(part):
    if isinstance(part, dict):
        return part
    return {"receive": part.data.hex(), "what": part.what} | ({"times": part.times} if part.times > 1 else {})


class Room:
    def __init__(self, name, about):
        self.name, self.about, self.vectors = name, about, []

    def add(
        self, name, title, clauses, role, steps, config=None, events=(), streams=(), sends=(), objects=(), error=None, note=None
    ):
        expect = {"outcome": "reject" if error else "accept", "events": list(events)}
        if streams:
            expect["streams"] = list(streams)
        if sends:
            expect["sends"] = list(sends)
        if objects:
            expect["objects"] = list(objects)
        if error:
            codes, rules, answer = (*error, "any")[:3]
            expect["error"] = {"codes": codes.split(), "clauses": rules.split(), "answer": answer}
        vector = {"id": f"{self.name}/{name}", "title": title, "clauses": clauses.split(), "role": role}
        if note:
            vector["note"] = note
        if config:
            vector["configuration"] = config
        self.vectors.append(vector | {"steps": [step(part) for part in steps], "expect": expect})

    def open_session(
        self, name, title, clauses, make, sides=BOTH, peer=(), config=None, integrity=True, codecs=(0,), **fixed
    ):
        """A vector behind a complete handshake, for each role. `make(side)` gives steps, and expectations."""
        for side in sides:
            steps, expected = make(side)
            expected = fixed | expected
            events = [established(codecs, integrity)] + list(expected.pop("events", ()))
            own = dict(config or {})
            if not integrity:
                own["integrity"] = False
            self.add(
                f"{name}-{side.role}",
                title,
                clauses,
                side.role,
                side.greeting(peer, integrity) + steps,
                config=own,
                events=events,
                **expected,
            )

    def rejects(self, name, title, codes, clause, make, **options):
        """A rule broken behind a complete handshake: the answer is CLOSE. `make(side)` gives steps."""

        def both(side):
            made = make(side)
            steps, expected = made if isinstance(made, tuple) and not isinstance(made, Piece) else (made, {})
            return (steps if isinstance(steps, list) else [steps]), expected | {"error": (codes, clause, "CLOSE")}

        self.open_session(name, title, clause, both, **options)
