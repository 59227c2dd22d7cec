#!/usr/bin/env python3
"""./bench --peers compares: on a small fleet, with the system that every Python has, both give the same answers.
The benchmark of a large fleet runs with a small one."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).parents[2]
PEERS = ROOT / "tests/bench/peers"
PYTHON = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else "python3"  # Debian's, which has numpy
sys.path.insert(0, str(PEERS))
import peer  # noqa: E402
import peers  # noqa: E402


class PeersTest(unittest.TestCase):
    def test_the_same_answers_from_both(self):
        with tempfile.TemporaryDirectory() as folder:
            root, figures = pathlib.Path(folder, "root"), pathlib.Path(folder, "figures.json")
            done = subprocess.run(
                [PYTHON, "-B", PEERS / "peers.py", "--only", "twingraph", "sqlite", "--vehicles", "4",
                 "--history-vehicles", "2", "--frames", "70", "--effort", "0.01", "--root", root, "--json", figures,
                 "--bin-dir", os.environ["TWIN_BIN_DIR"]], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertTrue(done.stdout.endswith("2 systems measured, 0 failures\n"), done.stdout)
            measured = json.loads(figures.read_text())
            self.assertEqual(set(measured["twingraph"]), set(peers.WORKS) - {"bytes_per_value"})
            self.assertLess({"load", "ingest", "warmest_cells"}, set(measured["sqlite"]))
            self.assertEqual(list(root.iterdir()), [])  # it cleans up after itself

    def test_a_large_fleet_in_small(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "figures.json")
            done = subprocess.run(
                [PYTHON, "-B", ROOT / "tests/bench/large_fleet.py", "--vehicles", "20", "--minutes", "0.1",
                 "--seconds-per-frame", "1", "--burst-seconds", "1", "--bin-dir", os.environ["TWIN_BIN_DIR"],
                 "--json", file], capture_output=True, text=True, check=False, env={**os.environ, "TMPDIR": folder})
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            figures = json.loads(file.read_text())
            self.assertEqual(figures["twins"], 20 * 139)
            self.assertEqual(len(figures["events_of_each"]), 10)
            self.assertGreaterEqual(min(figures["events_of_each"]), 5)
            self.assertEqual(list(pathlib.Path(folder).iterdir()), [file])

    def test_another_answer_fails(self):
        def asked(answer):
            return None, {"count_cells": peer.Figure(1.0, "ms", answer)}
        self.assertEqual(list(peers.differences({"a": asked([(1, 0.5)]), "b": asked([(1, 0.5 + 1e-9)])})), [])
        self.assertEqual(len(list(peers.differences({"a": asked([(1, 0.5)]), "b": asked([(2, 0.5)])}))), 1)
        self.assertEqual(len(list(peers.differences({"a": asked([(1, 0.5)]), "b": asked([])}))), 1)

    def test_ratios(self):
        self.assertEqual(peers.ratio(peer.Figure(6.0, "ms"), peer.Figure(2.0, "ms")), "× 3")
        self.assertEqual(peers.ratio(peer.Figure(50.0, "/s"), peer.Figure(100.0, "/s")), "× 2")


if __name__ == "__main__":
    unittest.main()
