#!/usr/bin/env python3
"""Predictors with the installed programs: registered, run, seen on twins by query and by watch, kept through restarts."""
import datetime
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).parents[2]
BIN = pathlib.Path(os.environ["TWIN_BIN_DIR"])
PACK = "dtmi:twingraph:battery:BatteryPack;1"
ESTIMATES = ("SELECT p.$dtId AS id, p.soh.value AS value, p.soh.lo AS lo, p.soh.hi AS hi, p.soh.status AS status, "
             "p.soh.source AS source FROM DIGITALTWINS MATCH (p:BatteryPack)")


def days_of_driving(pack, capacity, start, days, high=90, low=25):
    """Rows twin,time,current,soc: each day down in an hour and a half, a rest, up in two hours, a rest; a row a minute."""
    rows, minute = [], start
    share = (high - low) / 100
    for _ in range(days):
        for current, soc, then, minutes in ((0, high, high, 20), (-share * capacity / 1.5, high, low, 90),
                                            (0, low, low, 20), (share * capacity / 2, low, high, 120)):
            for i in range(minutes):
                rows.append(f"{pack},{minute.strftime('%Y-%m-%dT%H:%M:%SZ')},{current:.2f},"
                            f"{soc + (then - soc) * i / minutes:.1f}")
                minute += datetime.timedelta(minutes=1)
        rows.append(f"{pack},{minute.strftime('%Y-%m-%dT%H:%M:%SZ')},0,{high}")
        minute += datetime.timedelta(hours=16)
    return rows


class PredictorsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)
        self.start()
        self.addCleanup(lambda: (self.server.kill(), self.server.wait(), self.server.stdout.close()))
        self.twinctl("models", "create", ROOT / "models/battery")

    def start(self):
        self.server = subprocess.Popen(
            [BIN / "twind", "--data-dir", self.path / "data", "--listen", "127.0.0.1:0", "--log-level", "warn"],
            stdout=subprocess.PIPE, text=True)
        address = re.search(r"is ready on (\S+)", self.server.stdout.readline()).group(1)
        self.environment = {**os.environ, "TWINCTL_ADDRESS": address, "HOME": str(self.path),
                            "XDG_CONFIG_HOME": str(self.path / "config")}

    def twinctl(self, *arguments, code=0):
        done = subprocess.run([BIN / "twinctl", *map(str, arguments)], capture_output=True, text=True,
                              env=self.environment, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + (done.stderr if code else "")

    def json(self, *arguments):
        return json.loads(self.twinctl(*arguments, "-o", "json"))

    def estimates(self):
        return {row["id"]: row for row in self.json("query", ESTIMATES)}

    def add_packs(self):
        """Three packs: a good one, an old one, one that was hardly driven."""
        now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
        start = now - datetime.timedelta(days=9)
        rows = ["twin,time,current,soc"]
        for pack, capacity, days, low in (("good", 98, 8, 25), ("old", 80, 8, 25), ("parked", 98, 8, 70)):
            self.twinctl("twins", "create", pack, "--model", PACK, "--set", "ratedCapacity=100")
            rows += days_of_driving(pack, capacity, start, days, low=low)
        file = self.path / "history.csv"
        file.write_text("\n".join(rows) + "\n", encoding="utf-8")
        self.twinctl("history", "import", file)

    def test_one_command_gives_estimates_that_watch_sees(self):
        self.add_packs()
        begin = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        watch = subprocess.Popen([BIN / "twinctl", "watch", "--path", "soh", "--from", begin, "-o", "ndjson"],
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=self.environment)
        self.addCleanup(lambda: (watch.kill(), watch.wait(), watch.stdout.close()))
        self.twinctl("predictors", "register", "soh-coulomb", "--builtin", "coulomb-counting")
        seen = set()
        while seen != {"good", "old", "parked"}:
            event = json.loads(watch.stdout.readline())
            if "soh-coulomb" in json.dumps(event):
                seen.add(event["subject"])
        while self.json("predictors", "show", "soh-coulomb").get("lastRun", {}).get("state") != "done":
            time.sleep(0.05)
        found = self.estimates()
        for pack, health in (("good", 98), ("old", 80)):
            self.assertAlmostEqual(found[pack]["value"], health, delta=1.5)
            self.assertLess(found[pack]["lo"], health)
            self.assertGreater(found[pack]["hi"], health)
            self.assertEqual((found[pack]["status"], found[pack]["source"]), ("OK", "soh-coulomb"))
        self.assertEqual((found["parked"]["value"], found["parked"]["status"]), (None, "INSUFFICIENT_DATA"))

        # All of it is still there after kill -9, and the next run is another one.
        self.server.send_signal(signal.SIGKILL)
        self.server.wait()
        self.server.stdout.close()
        self.start()
        self.assertEqual(self.estimates(), found)
        shown = self.json("predictors", "show", "soh-coulomb")
        self.assertEqual((shown["health"], shown["lastRun"]["id"]), ("unknown", "soh-coulomb/1"))
        run = self.json("predictors", "run", "soh-coulomb", "old")
        self.assertEqual((run["id"], run["rows"], run["ok"]), ("soh-coulomb/2", 1, 1))
        self.assertEqual([row["id"] for row in self.json("predictors", "runs")], ["soh-coulomb/2", "soh-coulomb/1"])
        made = self.json("predictors", "forecasts", "old", "--path", "soh")
        self.assertEqual(len(made), 2)
        self.assertAlmostEqual(made[0]["value"], 80, delta=1.5)

    def test_a_predictor_is_paused_replaced_and_deleted(self):
        self.add_packs()
        register = ("predictors", "register", "soh", "--builtin", "coulomb-counting", "--on-demand")
        self.assertIn("would be registered", self.twinctl(*register, "--dry-run"))
        self.assertEqual(self.json("predictors", "list"), [])
        self.twinctl(*register)
        self.assertIn("there is a predictor 'soh' already", self.twinctl(*register, code=1))
        self.assertIn("has the champion 'soh'", self.twinctl("predictors", "register", "other", "--builtin",
                                                             "coulomb-counting", code=1))
        self.twinctl(*register, "--replace", "--option", "delta-soc-min=15")
        self.assertIn("it has delta-soc-min", self.twinctl(*register, "--replace", "--option", "x=1", code=1))
        self.assertIn("3 twins, 3 ok", self.twinctl("predictors", "run", "soh"))
        self.assertAlmostEqual(self.estimates()["parked"]["value"], 98, delta=4)
        self.twinctl("predictors", "pause", "soh")
        self.assertTrue(self.json("predictors", "show", "soh")["paused"])
        self.twinctl("predictors", "resume", "soh")
        self.twinctl("predictors", "delete", "soh", "--mark-stale")
        self.assertEqual({row["status"] for row in self.estimates().values()}, {"STALE"})
        self.assertIn("no predictor 'soh'", self.twinctl("predictors", "show", "soh", code=1))

    def test_what_is_wrong_is_said(self):
        for arguments, code, message in (
                (("register", "x"), 2, "one of --builtin and --address"),
                (("register", "x", "--builtin", "coulomb-counting", "--query", "SELECT p.$dtId AS twin FROM DIGITALTWINS "
                  "MATCH (p:BatteryPack)"), 1, "'ratedCapacity'"),
                (("register", "x", "--address", "127.0.0.1:1", "--deadline", "1s"), 1, "the predictor at 127.0.0.1:1"),
                (("register", "x", "--builtin", "xgboost", "--option", "model=/nowhere"), 1, "/nowhere/card.json"),
                (("run", "nobody"), 1, "no predictor 'nobody'"),
                (("register", "x", "--builtin", "coulomb-counting", "--every", "soon"), 2, "it is no time")):
            with self.subTest(arguments=arguments):
                self.assertIn(message, self.twinctl("predictors", *arguments, code=code))


if __name__ == "__main__":
    unittest.main()
