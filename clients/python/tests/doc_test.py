#!/usr/bin/env python3
"""docs/python.md: its blocks run one after the other, as one program, against a server of their own."""
import contextlib
import datetime
import pathlib
import re
import socket
import tempfile
import threading
import unittest

import twingraph
from twingraph import Relationship, Twin

import server

ROOT = pathlib.Path(__file__).parents[3]
PREFIX = "dtmi:twingraph:battery:"


class Enough(Exception):
    """Ends a loop that has no end."""


def enough(*_):
    raise Enough


def blocks():
    """(line, text) of each block that is to run."""
    text = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    for match in re.finditer(r"(?:^<!-- not run: ([^\n]*) -->\n)?^```python\n(.*?)^```", text, re.M | re.DOTALL):
        if match.group(1) is None:
            yield text.count("\n", 0, match.start(2)) + 1, match.group(2)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class DocTest(unittest.TestCase):
    def setUp(self):
        self.server = server.Server()
        self.addCleanup(self.server.close)
        self.graph = self.enterContext(twingraph.connect(self.server.address))
        now = datetime.datetime.now(datetime.timezone.utc)
        times = [now - datetime.timedelta(seconds=seconds) for seconds in (20, 10)]
        self.names = {"graph": self.graph, "when": times[0], "times": times, "begin": times[0], "end": now,
                      "volts": [[3.7, 3.71], [3.71, 3.72]], "celsius": [20.0, 21.0], "draw": enough, "save": enough,
                      "handle": lambda event: None, "print": lambda *_: None}
        self.replaced = {  # what belongs to the reader's machine
            "127.0.0.1:7480": self.server.address, "127.0.0.1:7490": f"127.0.0.1:{free_port()}",
            '"models/battery"': repr(str(ROOT / "models/battery")), ".parquet": ".csv",
            "\nserve(": "\nservice = serve(", ".wait_for_termination()": "",
            "for event in consumer:": "for event in [next(consumer)]:"}

    def fill(self):
        """What the blocks after the first ones speak of."""
        self.graph.twins.write([
            Twin("fleet-1", PREFIX + "Fleet;1"), Twin("car-1", PREFIX + "Vehicle;1"),
            *(Twin(f"cell-{number}", PREFIX + "BatteryCell;1") for number in (1, 2)),
            Twin("pack-1", PREFIX + "BatteryPack;1", {"soh": {"value": 70.0}}),
            Relationship("fleet-1", "contains", "car-1", "r1"), Relationship("car-1", "hasPack", "pack-1", "r2")])
        # As ./run does.
        self.graph.predictors.register("soh-coulomb", builtin="coulomb-counting")

    def go_on_changing(self, stop):
        with twingraph.connect(self.server.address) as graph:
            health = 70.0
            while not stop.wait(0.05):
                health = 160.0 - health
                graph.twins.patch("pack-1", {"soh": {"value": health}})
                graph.telemetry.publish("cell-2", {"temperature": 120.0 - health})

    def run_block(self, line, text):
        for written, meant in self.replaced.items():
            text = text.replace(written, meant)
        code = compile("\n" * (line - 1) + text, "docs/python.md", "exec")
        self.names["graph"] = self.graph  # a block may have closed its own
        with contextlib.suppress(Enough):
            exec(code, self.names)  # pylint: disable=exec-used

    def test_the_blocks_are_a_program(self):
        stop = threading.Event()
        changes = threading.Thread(target=self.go_on_changing, args=(stop,))
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(contextlib.chdir(folder))
        ran = 0
        try:
            for line, text in blocks():
                if "telemetry.publish" in text:
                    self.fill()
                    changes.start()
                with self.subTest(f"docs/python.md:{line}"):
                    self.run_block(line, text)
                    ran += 1
        finally:
            stop.set()
            if changes.ident is not None:
                changes.join()
        self.assertGreaterEqual(ran, 9)
        if service := self.names.get("service"):
            service.stop(0)


if __name__ == "__main__":
    unittest.main()
