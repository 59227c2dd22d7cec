#!/usr/bin/env python3
"""Predictors with the installed programs: registered, run, seen on twins by query and by watch, kept through restarts."""
import datetime
import hashlib
import json
import subprocess
import time
import unittest

from server_case import BIN, ROOT, ServerCase

PACK = "dtmi:twingraph:battery:BatteryPack;1"
ESTIMATES = ("SELECT p.$dtId AS id, p.soh.value AS value, p.soh.lo AS lo, p.soh.hi AS hi, p.soh.status AS status, "
             "p.soh.source AS source FROM DIGITALTWINS MATCH (p:BatteryPack)")
# One tree: below 90 Ah of rated capacity 80 %, else 95 %.
BOOSTER = {
    "learner": {
        "attributes": {}, "feature_names": [], "feature_types": [],
        "gradient_booster": {"model": {
            "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": "1", "size_leaf_vector": "0"}, "tree_info": [0],
            "trees": [{
                "base_weights": [0.0, 80.0, 95.0], "categories": [], "categories_nodes": [], "categories_segments": [],
                "categories_sizes": [], "default_left": [1, 0, 0], "id": 0, "left_children": [1, -1, -1],
                "loss_changes": [1.0, 0.0, 0.0], "parents": [2147483647, 0, 0], "right_children": [2, -1, -1],
                "split_conditions": [90.0, 80.0, 95.0], "split_indices": [0, 0, 0], "split_type": [0, 0, 0],
                "sum_hessian": [2.0, 1.0, 1.0], "tree_param": {"num_deleted": "0", "num_feature": "1", "num_nodes": "3",
                                                         "size_leaf_vector": "0"}}]}, "name": "gbtree"},
        "learner_model_param": {"base_score": "0E0", "boost_from_average": "1", "num_class": "0", "num_feature": "1",
                                "num_target": "1"},
        "objective": {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}}},
    "version": [1, 7, 4]}
CARD = {
    "card_version": 1,
    "predictor": {"name": "soh-tree", "version": "1", "method": "gradientBoosting", "target_model": PACK,
                  "features": [{"name": "rated", "unit": "ampereHour", "required": True}],
                  "outputs": [{"name": "soh", "path": "soh", "unit": "percent", "level": 0.9}]},
    "model": {"kind": "xgboost", "file": "model.json", "sha256": hashlib.sha256(json.dumps(BOOSTER).encode()).hexdigest()},
    "outputs": [{"name": "soh", "transform": "identity", "interval": {"level": 0.9, "absolute": 1, "relative": 0, "floor": 1}}]}


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


def now_text():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class PredictorsTest(ServerCase):
    def setUp(self):
        super().setUp()
        self.twinctl("models", "create", ROOT / "models/battery")

    def watch(self, *arguments):
        process = subprocess.Popen([BIN / "twinctl", "watch", *map(str, arguments), "-o", "ndjson"], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True, env=self.environment)
        self.addCleanup(lambda: (process.kill(), process.wait(), process.stdout.close()))
        return process.stdout

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
        begin = now_text()
        events = self.watch("--path", "soh", "--from", begin)
        self.twinctl("predictors", "register", "soh-coulomb", "--builtin", "coulomb-counting")
        seen = set()
        while seen != {"good", "old", "parked"}:
            event = json.loads(events.readline())
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
        self.restart()
        self.assertEqual(self.estimates(), found)
        shown = self.json("predictors", "show", "soh-coulomb")
        self.assertEqual((shown["health"], shown["lastRun"]["id"]), ("unknown", "soh-coulomb/1"))
        run = self.json("predictors", "run", "soh-coulomb", "old")
        self.assertEqual((run["id"], run["rows"], run["ok"]), ("soh-coulomb/2", 1, 1))
        self.assertEqual([row["id"] for row in self.json("predictors", "runs")], ["soh-coulomb/2", "soh-coulomb/1"])
        made = self.json("predictors", "forecasts", "old", "--path", "soh")
        self.assertEqual(len(made), 2)
        self.assertAlmostEqual(made[0]["value"], 80, delta=1.5)

    def test_kill_between_batches_writes_each_twin_once(self):
        self.kill_in_a_run(packs=800, batch_rows=10)

    def test_kill_within_a_batch_writes_each_twin_once(self):
        self.kill_in_a_run(packs=9000, batch_rows=10_000)

    def kill_in_a_run(self, packs, batch_rows):
        model = self.path / "model"
        model.mkdir()
        (model / "card.json").write_text(json.dumps(CARD), encoding="utf-8")
        (model / "model.json").write_text(json.dumps(BOOSTER), encoding="utf-8")
        packs = [f"pack-{i:04}" for i in range(packs)]
        lines = [{"Section": "Header"}, {"fileVersion": "1.0.0"}, {"Section": "Twins"}]
        lines += [{"$dtId": pack, "$metadata": {"$model": PACK}, "ratedCapacity": 80 + i % 20} for i, pack in enumerate(packs)]
        file = self.path / "packs.ndjson"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        self.twinctl("import", file)

        for attempt in range(1, 11):
            name = f"soh-tree-{attempt}"
            begin = now_text()
            events = self.watch("--path", "soh", "--from", begin)
            self.twinctl("predictors", "register", name, "--builtin", "xgboost", "--option", f"model={model}", "--batch-rows", batch_rows,
                         "--query", "SELECT p.$dtId AS twin, p.ratedCapacity AS rated FROM DIGITALTWINS MATCH (p:BatteryPack)")
            for _ in range(30):  # some batches are written, most are not
                self.assertTrue(events.readline())
            self.restart()
            while self.json("predictors", "show", name).get("lastRun", {}).get("state") != "done":
                time.sleep(0.05)
            runs = [(run["id"], run["trigger"]) for run in self.json("predictors", "runs", name)]
            if runs[-1][1] == "recovery":
                break
            self.twinctl("predictors", "delete", name)  # its run had ended before it could be killed
        self.assertEqual(runs, [(f"{name}/1", "recovery")])
        found = self.estimates()
        for i, pack in enumerate(packs):
            self.assertEqual((found[pack]["value"], found[pack]["status"]), (80 if i % 20 < 10 else 95, "OK"))
        # The last event is of another pack; all before it are of the run.
        self.twinctl("twins", "create", "last", "--model", PACK)
        self.twinctl("twins", "patch", "last", "--set", "soh.value=1")
        written = {}
        for line in self.watch("--path", "soh", "--from", begin):
            subject = json.loads(line)["subject"]
            if subject == "last":
                break
            written[subject] = written.get(subject, 0) + 1
        self.assertEqual({pack: count for pack, count in written.items() if count != 1}, {})
        self.assertEqual(sorted(written), packs)
        self.assertEqual(len(self.json("predictors", "forecasts", packs[0], "--path", "soh")), 1)

    def test_a_pack_swap_keeps_estimates_with_the_pack(self):
        self.add_packs()
        vehicle = "dtmi:twingraph:battery:Vehicle;1"
        for name, pack in (("veh-1", "good"), ("veh-2", "old")):
            self.twinctl("twins", "create", name, "--model", vehicle)
            self.twinctl("relationships", "create", name, "hasPack", pack, "--id", "pack")
        self.twinctl("predictors", "register", "soh", "--builtin", "coulomb-counting", "--on-demand", "--truth", "bmsSoh")
        self.twinctl("predictors", "run", "soh")
        of_vehicles = ("SELECT v.$dtId AS vehicle, p.$dtId AS pack, p.soh.value AS value FROM DIGITALTWINS "
                       "MATCH (v:Vehicle)-[:hasPack]->(p:BatteryPack) ORDER BY vehicle")
        before = self.json("query", of_vehicles)
        self.assertEqual([(row["vehicle"], row["pack"]) for row in before], [("veh-1", "good"), ("veh-2", "old")])
        time.sleep(0.01)
        for name in ("veh-1", "veh-2"):
            self.twinctl("relationships", "delete", name, "pack")
        for name, pack in (("veh-1", "old"), ("veh-2", "good")):
            self.twinctl("relationships", "create", name, "hasPack", pack, "--id", "pack")
        after = self.json("query", of_vehicles)
        self.assertEqual([(row["vehicle"], row["pack"], row["value"]) for row in after],
                         [("veh-1", "old", before[1]["value"]), ("veh-2", "good", before[0]["value"])])
        # The next run goes on with the pack's own history, forecasts and truths.
        self.twinctl("predictors", "run", "soh")
        for row, then in zip(self.json("query", of_vehicles), (before[1], before[0])):
            self.assertAlmostEqual(row["value"], then["value"], delta=0.5)
        self.assertEqual(len(self.json("predictors", "forecasts", "good", "--path", "soh")), 2)
        self.twinctl("twins", "patch", "good", "--set", "bmsSoh=98")
        while "coverage" not in self.json("predictors", "show", "soh"):
            time.sleep(0.05)
        self.assertEqual(self.json("predictors", "show", "soh")["coverage"]["inside"], 1)

    def test_remaining_life_of_a_simulated_fleet(self):
        lives = self.path / "lives.csv"
        subprocess.run([BIN / "twinsim", "lives", lives], check=True)
        subprocess.run([BIN / "twinsim", "fleet", "--vehicles", "40", "--since", "2h", "--for", "1h", "--speed", "max",
                        "--past-health", "--models", ROOT / "models/battery"], check=True, env=self.environment,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shown = self.json("predictors", "register", "rul", "--builtin", "trajectory-similarity", "--on-demand",
                          "--option", f"library={lives}", "--query-file", ROOT / "scripts/remaining-life.tql")
        self.assertIn("nothing of them was measured", shown["description"]["trainingData"])
        run = self.json("predictors", "run", "rul")
        self.assertEqual((run["state"], run["rows"], run["errors"]), ("done", 40, 0))
        self.assertGreater(run["ok"], 25)
        for row in self.json("query", "SELECT p.rulCycles.value AS value, p.rulCycles.lo AS lo, p.rulCycles.hi AS hi, "
                             "p.rulCycles.status AS status, p.fullEquivalentCycles AS cycles, p.expectedCycles AS expected "
                             "FROM DIGITALTWINS MATCH (p:BatteryPack) WHERE p.rulCycles.value IS NOT NULL"):
            self.assertLessEqual(row["lo"], row["value"])
            self.assertLessEqual(row["value"], row["hi"])
            # To 80 % after the cycles that it was designed for, or some more; it counts to 70 %.
            self.assertLess(row["cycles"] + row["value"], 3 * row["expected"])

    def test_a_predictor_is_paused_replaced_and_deleted(self):
        self.add_packs()
        register = ("predictors", "register", "soh", "--builtin", "coulomb-counting", "--on-demand")
        self.assertIn("would be registered", self.twinctl(*register, "--dry-run"))
        self.assertIn("would be registered", self.twinctl(*register[:-1], "--every", "1d", "--dry-run"))
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
