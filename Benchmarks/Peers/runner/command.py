"""The command line, and the rounds."""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from . import network, report, setup
from .measure import Failed, run_once
from .peers import PEERS, WORKLOADS

EPILOG = """\
examples:
  run                                          the whole scoreboard, a little over an hour
  run --rounds 3 --latency-rounds 3 --seconds 1
  run --peer dwcp nghttp2-16m --workload bulk-1 echo-bulk-1
  run --congestion reno --markdown table.md --json table.json
  run --list

exit codes: 0 measured, whatever the figures; 1 nothing could be measured, or a figure failed; 64 wrong usage
"""


class Parser(argparse.ArgumentParser):
    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(64, f"run: {message}; see 'run --help'\n")


def parse(arguments):
    parser = Parser(
        prog="run", description="The same workloads for DWCP and its peers, interleaved, on this machine.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=positive, default=9, help="rounds of bulk, exchange and memory (default 9)")
    parser.add_argument("--latency-rounds", type=positive, default=9, help="rounds of echo (default 9)")
    parser.add_argument("--seconds", type=float, default=2, help="length of one measurement (default 2)")
    parser.add_argument("--workload", action="extend", nargs="+", metavar="W",
                        choices=[workload.name for workload in WORKLOADS], help="only these workloads; see --list")
    parser.add_argument("--peer", action="extend", nargs="+", metavar="P", choices=[peer.name for peer in PEERS],
                        help="only these peers; see --list")
    parser.add_argument("--congestion", metavar="NAME",
                        help="run in a network namespace with this congestion control, for instance reno")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round's figures there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table there")
    parser.add_argument("--list", action="store_true", help="name the peers and the workloads, and end")
    options = parser.parse_args(arguments)
    if not 0.05 <= options.seconds <= 600:
        parser.error("--seconds takes a number from 0.05 to 600")
    return options


def positive(text):
    number = int(text)
    if not 1 <= number <= 1000:
        raise argparse.ArgumentTypeError("takes a number from 1 to 1000")
    return number


class Outcome:
    """What came of the rounds of one workload of one peer."""

    def __init__(self):
        self.runs = []
        self.errors = []


class Results:
    def __init__(self, unavailable):
        self.unavailable = unavailable  # build -> why
        self.outcomes = {}

    def outcome(self, peer_name, workload_name):
        return self.outcomes.get((peer_name, workload_name))


class Progress:
    """One line that is written over, on a terminal only."""

    def __init__(self, step_count):
        self.step_count = step_count
        self.done = 0
        self.begin = time.monotonic()
        self.is_wanted = sys.stderr.isatty()

    def step(self, what):
        if self.is_wanted:
            left = "?"
            if self.done:
                seconds = (time.monotonic() - self.begin) / self.done * (self.step_count - self.done)
                left = f"{int(seconds) // 60}:{int(seconds) % 60:02}"
            print(f"\r\x1b[K{self.done}/{self.step_count}, {left} left: {what}", end="", file=sys.stderr, flush=True)
        self.done += 1

    def end(self):
        if self.is_wanted:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


# The heap does not vary as time does.
MAXIMUM_IDLE_ROUNDS = 3


def round_count(workload, options):
    if workload.kind == "idle":
        return min(options.rounds, MAXIMUM_IDLE_ROUNDS)
    return options.latency_rounds if workload.kind == "echo" else options.rounds


def schedule(peers, workloads, options):
    """Every peer once for each workload of a round, another one first in each, so that a slow spell meets them all."""
    rounds = max(round_count(workload, options) for workload in workloads)
    for number in range(rounds):
        first = number % len(peers)
        for workload in workloads:
            if number < round_count(workload, options):
                yield from ((workload, peer) for peer in peers[first:] + peers[:first])


def measure(programs, results, peers, workloads, options, scratch):
    steps = [
        (workload, peer) for workload, peer in schedule(peers, workloads, options)
        if peer.build_for(workload) in programs and not peer.reason_without(workload)]
    progress = Progress(len(steps))
    for workload, peer in steps:
        progress.step(f"{peer.name}, {workload.name}")
        outcome = results.outcomes.setdefault((peer.name, workload.name), Outcome())
        try:
            outcome.runs.append(run_once(programs[peer.build_for(workload)], peer, workload, options.seconds, scratch))
        except Failed as error:
            outcome.errors.append(str(error))
    progress.end()


def main(arguments=None):
    options = parse(arguments)
    if options.list:
        for item in (*PEERS, *WORKLOADS):
            print(f"{item.name:25} {item.title}")
        return 0
    workloads = [workload for workload in WORKLOADS if not options.workload or workload.name in options.workload]
    peers = [
        peer for peer in PEERS
        if (not options.peer or peer.name in options.peer) and any(map(peer.takes_part, workloads))]
    if not peers:
        print("run: none of these peers takes part in these workloads; see 'run --list'", file=sys.stderr)
        return 64
    programs, unavailable = setup.prepare(Counter(
        peer.build_for(workload) for peer in peers for workload in workloads if peer.takes_part(workload)))
    versions = setup.versions()
    if options.congestion:
        try:
            network.enter_namespace(options.congestion)
        except network.NoNamespace as error:
            print(f"run: {error}", file=sys.stderr)
            return 1
    surroundings = report.machine(network.congestion(), bool(options.congestion))
    is_networked = not all(workload.is_memory for workload in workloads)
    if is_networked and surroundings["congestion control"].startswith("bbr"):
        setup.say("bbr is in force, which slows large writes on loopback; --congestion reno measures without it")
    results = Results(unavailable)
    with tempfile.TemporaryDirectory(prefix="peers-") as scratch:
        measure(programs, results, peers, workloads, options, Path(scratch))
    settings = {"seconds of one measurement": options.seconds}
    text = report.markdown(results, peers, workloads, surroundings, versions, settings)
    # The files first: whoever reads the table may have gone.
    if options.markdown:
        options.markdown.write_text(text)
    if options.json:
        options.json.write_text(report.document(results, peers, workloads, surroundings, versions, settings))
    print(report.plain(text))
    has_failed = any(outcome.errors for outcome in results.outcomes.values())
    return 1 if has_failed or not results.outcomes else 0
