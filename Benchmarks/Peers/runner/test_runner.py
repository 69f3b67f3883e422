"""python3 -m unittest discover -s Benchmarks/Peers/runner -t Benchmarks/Peers"""

import random
import tempfile
import unittest
from pathlib import Path

from . import report
from .command import Outcome, Results
from .measure import Failed, run_once
from .peers import PEERS, WORKLOADS
from .statistics import Spread, interval_ranks


class StatisticsTest(unittest.TestCase):
    def test_interval_covers_the_median_of_a_skewed_distribution(self):
        generator = random.Random(1)
        trials, hits = 4_000, 0
        for _ in range(trials):
            spread = Spread([generator.expovariate(1) for _ in range(15)])
            hits += spread.low <= 0.693147 <= spread.high
        self.assertGreaterEqual(hits / trials, 0.985)

    def test_too_few_rounds_have_a_range_and_no_interval(self):
        self.assertIsNone(interval_ranks(7))
        self.assertEqual(interval_ranks(8), (0, 7))
        self.assertTrue(Spread([3, 1, 2]).is_range)


def named(items, name):
    return next(item for item in items if item.name == name)


class FailureTest(unittest.TestCase):
    def run_program(self, script, workload=WORKLOADS[0]):
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "peer"
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
            return run_once(program, PEERS[0], workload, 0.1, Path(folder))

    def test_server_that_does_not_start_fails_with_its_last_words(self):
        with self.assertRaisesRegex(Failed, "out of luck"):
            self.run_program("echo out of luck >&2; exit 1")

    def test_client_that_fails_fails_with_its_last_words(self):
        with self.assertRaisesRegex(Failed, "bytes differ"):
            self.run_program('[ "$1" = serve ] && echo ready && exec sleep 60; echo bytes differ >&2; exit 1')

    def test_server_that_crashes_fails_the_measurement(self):
        with self.assertRaisesRegex(Failed, "the server ended with 3"):
            self.run_program('[ "$1" = serve ] && echo ready && exit 3; sleep 0.2; echo "{}"')

    def test_program_in_memory_gets_no_port_and_starts_no_server(self):
        memory = named(WORKLOADS, "memory-frames-64-streams")
        script = '[ "$*" = "memory-frames --seconds 0.1 --streams 64 --per-flush 64" ] || exit 1; echo "{\\"a\\": 1}"'
        self.assertEqual(self.run_program(script, memory), {"a": 1})
        with self.assertRaisesRegex(Failed, "bytes differ"):
            self.run_program("echo bytes differ >&2; exit 1", memory)

    def test_peer_has_no_row_where_it_takes_no_part(self):
        peers = [named(PEERS, name) for name in ("tcp", "dwcp", "nghttp2-16m-bare")]
        workloads = [named(WORKLOADS, "bulk-1"), named(WORKLOADS, "memory-streams-1")]
        text = report.markdown(Results({}), peers, workloads, {}, {}, {})
        network, memory = text.split("**In memory, both ends")
        self.assertIn("| tcp | not run |", network)
        self.assertNotIn("| nghttp2-16m-bare | not run", network)
        self.assertNotIn("| tcp | not run", memory)
        self.assertIn("| dwcp | not run |", memory)
        self.assertIn("| nghttp2-16m-bare | not run |", memory)

    def test_table_shows_no_number_for_what_failed_or_is_unavailable(self):
        peers, workloads = PEERS[:1], [named(WORKLOADS, "bulk-1"), named(WORKLOADS, "idle")]
        results = Results({})
        outcome = results.outcomes.setdefault((peers[0].name, workloads[0].name), Outcome())
        outcome.errors.append("its bytes differ")
        table = report.Table(results, peers, workloads)
        self.assertTrue(all(text.startswith(("failed [", "unavailable [")) for text in table.rows[0]), table.rows)
        self.assertIn("its bytes differ", table.notes)


if __name__ == "__main__":
    unittest.main()
