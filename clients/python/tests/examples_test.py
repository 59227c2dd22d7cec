#!/usr/bin/env python3
"""The examples run as they are, and print what they should."""
import os
import pathlib
import subprocess
import sys
import unittest

import grpc
import twingraph
from twingraph.v1 import predictor_pb2 as pb, predictor_pb2_grpc as rpc

import server

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"


class ExamplesTest(unittest.TestCase):
    def setUp(self):
        self.server = server.Server()
        self.addCleanup(self.server.close)
        self.environment = {**os.environ, "TWINCTL_ADDRESS": self.server.address}

    def test_first_steps_then_watch(self):
        done = subprocess.run([sys.executable, EXAMPLES / "first_steps.py"], env=self.environment, capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"demo +0\.03")
        self.assertRegex(done.stdout, r"demo-c3 +60 +3\.73 +3\.789")
        with subprocess.Popen([sys.executable, EXAMPLES / "watch.py"], env=self.environment,
                              stdout=subprocess.PIPE, text=True) as watch:
            self.assertEqual(watch.stdout.readline(), "watching\n")
            with twingraph.connect(self.server.address) as graph:
                graph.telemetry.publish("demo-c1", {"temperature": 44.0})
                graph.telemetry.publish("demo-c2", {"temperature": 46.5})
            self.assertEqual(watch.stdout.readline(), "demo-c2 46.5\n")
            watch.kill()

    def test_own_predictor(self):
        with subprocess.Popen([sys.executable, EXAMPLES / "own_predictor.py", "127.0.0.1:0"], stdout=subprocess.PIPE,
                              text=True) as process:
            port = int(process.stdout.readline().split()[-1])
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                self.assertEqual(rpc.PredictorStub(channel).Describe(pb.DescribeRequest(), timeout=60).name, "throughput")
            process.kill()


if __name__ == "__main__":
    unittest.main()
