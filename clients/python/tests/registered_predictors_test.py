#!/usr/bin/env python3
"""Predictors that a server runs: a trained model in-process and as a service, and all of client.predictors."""
import concurrent.futures
import contextlib
import datetime
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import grpc
import numpy as np
import pandas as pd
import twingraph
from twingraph import Twin, train
from twingraph.predictors import Description, Estimates, Feature, Output, Predictor, Status, load, serve
from twingraph.predictors.description import schema_hash
from twingraph.predictors.predictor import Batch, answer
from twingraph.v1 import predictor_pb2 as wire, predictor_pb2_grpc as rpc, predictor_service_pb2 as pb

import server

PACK = "dtmi:twingraph:battery:BatteryPack;1"
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
FEATURES = """SELECT p.$dtId AS twin, p.accumulatedChargedThroughput AS throughput, p.fullEquivalentCycles AS cycles,
  AVG(h.tempAvg) AS warmth FROM DIGITALTWINS MATCH (p:BatteryPack) OPTIONAL HISTORY h OF p.(tempAvg) LAST 7d
  GROUP BY p.$dtId, p.accumulatedChargedThroughput, p.fullEquivalentCycles"""
ESTIMATES = ("SELECT p.$dtId AS twin, p.soh.value AS value, p.soh.lo AS lo, p.soh.hi AS hi, p.soh.status AS status, "
             "p.soh.modelVersion AS version, p.soh.asOf AS as_of, p.soh.source AS source "
             "FROM DIGITALTWINS MATCH (p:BatteryPack) ORDER BY twin")


def wear(random, rows):
    """Features of packs as they might be, and their health with noise."""
    frame = pd.DataFrame({"throughput": random.uniform(0, 90_000, rows), "cycles": random.uniform(0, 1_500, rows),
                          "warmth": random.uniform(5, 45, rows)})
    frame["soh"] = 100 - frame.throughput / 6_000 - 0.005 * frame.cycles - 0.05 * (frame.warmth - 25).clip(0)
    frame.loc[::9, "warmth"] = np.nan
    return frame


def train_model(folder):
    random = np.random.RandomState(4)
    data = folder / "cells.csv"
    cells = wear(random, 400).assign(cell_id=np.repeat([f"c{i}" for i in range(10)], 40))
    cells.assign(soh=cells.soh + random.normal(0, 0.5, 400)).to_csv(data, index=False)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = train.main([str(data), "--target", "soh", "--features", "throughput:ampereHour!", "cycles",
                           "warmth:degreeCelsius", "--trees", "40", "--folds", "3", "--limits", "0", "110",
                           "--query", FEATURES, "--out", str(folder / "soh-wear")])
    assert code == 0, out.getvalue()
    return folder / "soh-wear"


class ServedModel:
    """`python3 -m twingraph.predictors serve`."""

    def __init__(self, folder):
        self.process = subprocess.Popen([sys.executable, "-m", "twingraph.predictors", "serve", folder, "--listen",
                                         "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().split()[-1]

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class Halver(Predictor):
    """Health as half of the cycles, in a process of one's own."""

    description = Description(
        name="halver", version="3", target_model=PACK, features=[Feature("cycles", required=True, max=300)],
        outputs=[Output("soh", "soh", "percent")],
        default_query="SELECT p.$dtId AS twin, p.fullEquivalentCycles AS cycles FROM DIGITALTWINS MATCH (p:BatteryPack)")

    def predict(self, batch):
        return Estimates(batch["cycles"] / 2, batch["cycles"] / 2 - 1, batch["cycles"] / 2 + 1)


class ServerTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.server = server.Server()
        self.addCleanup(self.server.close)
        self.graph = twingraph.connect(self.server.address)
        self.addCleanup(lambda: self.graph.close())
        self.graph.models.create(server.ROOT / "models/battery")

    def twinctl(self, *arguments):
        done = subprocess.run([server.BIN / "twinctl", *arguments], capture_output=True, text=True, check=False,
                              env={**os.environ, "TWINCTL_ADDRESS": self.server.address, "HOME": str(self.folder),
                                   "XDG_CONFIG_HOME": str(self.folder)})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)


class SameNumbersTest(ServerTest):
    """One folder, three ways to compute: in the server, in a service, and here."""

    def add_packs(self, count=60):
        packs = wear(np.random.RandomState(9), count)
        packs.loc[7, "throughput"] = np.nan     # required
        packs.loc[[8, 21], "throughput"] = 1e6  # out of the domain
        packs.loc[9, "cycles"] = np.nan         # optional
        names = [f"pack-{i:02}" for i in range(count)]
        self.graph.twins.write([
            Twin(name, PACK, {path: value for path, value in (("accumulatedChargedThroughput", row.throughput),
                                                              ("fullEquivalentCycles", row.cycles)) if value == value})
            for name, row in zip(names, packs.itertuples())])
        warm = packs.warmth.notna()
        self.graph.history.write(pd.concat([
            pd.DataFrame({"twin": np.array(names)[warm], "time": NOW - datetime.timedelta(hours=hours),
                          "tempAvg": packs.warmth[warm].to_numpy() + off}) for hours, off in ((2, -1.3), (1, 1.1))]))
        return names

    def forecasts(self, names, predictor):
        return pd.concat([self.graph.predictors.forecasts(name, name=predictor).assign(twin=name) for name in names],
                         ignore_index=True)

    def test_a_row_has_the_same_estimate_everywhere(self):
        names, model = self.add_packs(), train_model(self.folder)
        service = ServedModel(model)
        self.addCleanup(service.close)
        register = ("predictors", "register", "--on-demand", "--batch-rows", "7", "-o", "json")
        self.twinctl(*register, "outside", "--address", service.address)
        self.twinctl(*register, "inside", "--builtin", "xgboost", "--option", f"model={model}", "--shadow")
        for name in ("outside", "inside"):
            run = self.twinctl("predictors", "run", name, "--now", NOW.isoformat(), "-o", "json")
            self.assertEqual((run["state"], run["rows"], run["batches"], run["ok"], run["outOfDomain"], run["insufficientData"]),
                             ("done", 60, 9, 57, 2, 1))

        # Estimates are forecasts; rows without one are not.
        outside, inside = (self.forecasts(names, name) for name in ("outside", "inside"))
        same = ["twin", "path", "as_of", "value", "lo", "hi", "level", "status", "method", "model_version"]
        pd.testing.assert_frame_equal(outside[same], inside[same], check_exact=True)
        self.assertEqual((len(outside), set(outside.status)), (57, {"OK"}))
        self.assertEqual((set(outside.shadow), set(inside.shadow)), ({False}, {True}))

        # As the package computes it from the rows of the same query.
        rows = self.graph.query(FEATURES, now=NOW).set_index("twin").loc[names]
        self.assertEqual(int(rows.warmth.isna().sum()), 7)
        here = answer(load(model), Batch(names, {name: rows[name].to_numpy(float) for name in rows}))["soh"]
        ok = here.status == Status.OK
        self.assertEqual(outside.twin.tolist(), np.array(names)[ok].tolist())
        for name, mine in (("value", here.value), ("lo", here.lo), ("hi", here.hi)):
            np.testing.assert_array_equal(outside[name], mine[ok], err_msg=name)
        self.assertGreater(np.ptp(here.value[ok]), 5)

        # The twins have the champion's, and the same again when the server computes them itself.
        twins = self.graph.query(ESTIMATES)
        np.testing.assert_array_equal(twins[["value", "lo", "hi"]][ok], outside[["value", "lo", "hi"]])
        self.assertEqual(twins.status.tolist(), [Status(status).name for status in here.status])
        self.assertEqual({(row.source, row.version, pd.Timestamp(row.as_of)) for row in twins[ok].itertuples()},
                         {("outside", "1", pd.Timestamp(NOW))})
        self.twinctl("predictors", "delete", "inside", "-o", "json")
        self.twinctl(*register, "outside", "--builtin", "xgboost", "--option", f"model={model}", "--replace")
        for name in names:
            self.graph.twins.patch(name, {"soh": None})
        self.twinctl("predictors", "run", "outside", "--now", NOW.isoformat(), "-o", "json")
        pd.testing.assert_frame_equal(self.graph.query(ESTIMATES), twins, check_exact=True)


class RegistryTest(ServerTest):
    """client.predictors."""

    def setUp(self):
        super().setUp()
        self.graph.twins.write([Twin(f"p{i}", PACK, {"fullEquivalentCycles": 180.0 + i} if i < 4 else {}) for i in range(5)])
        service = serve([Halver()], "127.0.0.1:0")
        self.addCleanup(lambda: service.stop(0).wait())
        self.address = f"127.0.0.1:{service.port}"
        self.predictors = self.graph.predictors

    def test_from_registration_to_deletion(self):
        checked = self.predictors.register("half", address=self.address, validate_only=True)
        self.assertEqual((checked.description.version, len(self.predictors.list())), ("3", 0))
        info = self.predictors.register("half", address=self.address, batch_rows=2, truth_path="bmsSoh")
        self.assertEqual((info.spec.batch_rows, info.description.features[0].max, info.paused), (2, 300.0, False))
        with self.assertRaises(twingraph.AlreadyExists):
            self.predictors.register("half", address=self.address)

        run = self.predictors.run("half")
        self.assertEqual((run.state, run.rows, run.batches, run.ok, run.insufficient_data),
                         (pb.PredictorRun.DONE, 5, 3, 4, 1))
        self.assertEqual(self.predictors.run("half", ["p1"], now=NOW).rows, 1)
        self.assertEqual([r.id for r in self.predictors.runs("half")], ["half/2", "half/1"])
        self.assertEqual(len(self.predictors.runs(limit=1)), 1)
        self.assertEqual(self.predictors.get("half").last_run.id, "half/2")

        made = self.predictors.forecasts("p1", path="soh")
        self.assertEqual(made[["value", "lo", "hi", "status", "shadow"]].values.tolist(), [[90.5, 89.5, 91.5, "OK", False]] * 2)
        self.assertEqual(made.as_of[0], pd.Timestamp(NOW))
        self.assertEqual(len(self.predictors.forecasts("p1", limit=1)), 1)
        self.assertTrue(self.predictors.forecasts("p1", path="rulDays").empty)

        self.assertTrue(self.predictors.pause("half").paused)
        self.assertFalse(self.predictors.resume("half").paused)
        self.predictors.delete("half", mark_stale=True)
        self.assertEqual([p.spec.name for p in self.predictors.list()], [])
        self.assertEqual(self.graph.twins.get("p1").contents["soh"]["status"], "STALE")
        for call in (self.predictors.get, self.predictors.run, self.predictors.pause, self.predictors.delete):
            self.assertRaises(twingraph.NotFound, call, "half")

    def test_it_runs_when_something_changes(self):
        self.predictors.register("half", address=self.address, change_paths=["fullEquivalentCycles"], change_delay_s=0.01)
        with self.graph.events.watch(paths=["soh"], twins=["p2"]) as watch:
            self.graph.twins.patch("p2", {"fullEquivalentCycles": 120.0})
            changes = {change.path: change.new for change in next(watch).changes}
        self.assertEqual((changes["soh.value"], changes["soh.source"]), (60.0, "half"))

    def test_a_run_that_is_due_at_the_start_leaves_calls_their_priority(self):
        self.predictors.register("half", address=self.address, interval_s=1)
        for _ in range(3):  # who needs gRPC's threads first makes them, and is not always the same
            self.server.stop()
            time.sleep(1)
            self.server.start()
            before = self.predictors.get("half").last_run.id
            while self.predictors.get("half").last_run.id == before:
                time.sleep(0.05)
            nice = {}
            for task in pathlib.Path(f"/proc/{self.server.process.pid}/task").iterdir():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
                    name, fields = (task / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
                    nice.setdefault(name, set()).add(int(fields.split()[16]))
            # Threads of the run's query are there for a moment, and are to have a lower one.
            served = {name: values for name, values in nice.items() if name not in ("twind", "features")}
            self.assertTrue(served)  # gRPC's threads have names
            usual = os.getpriority(os.PRIO_PROCESS, self.server.process.pid)
            self.assertEqual(served, {name: {usual} for name in served})

    def test_what_is_refused(self):
        for more in ({}, {"address": self.address, "builtin": "xgboost"}):
            self.assertRaises(ValueError, self.predictors.register, "x", **more)
        with self.assertRaisesRegex(twingraph.InvalidArgument, "cycles"):
            self.predictors.register("x", address=self.address,
                                     query="SELECT p.$dtId AS twin FROM DIGITALTWINS MATCH (p:BatteryPack)")
        with self.assertRaisesRegex(twingraph.NotFound, "card.json"):
            self.predictors.register("x", builtin="xgboost", options={"model": str(self.folder)})
        with self.assertRaises(twingraph.Unavailable):
            self.predictors.register("x", address="127.0.0.1:1", deadline_s=1)

    def test_a_service_that_went_away(self):
        service = serve([Halver()], "127.0.0.1:0")
        self.predictors.register("half", address=f"127.0.0.1:{service.port}", deadline_s=1)
        self.assertEqual(self.predictors.run("half").ok, 4)
        service.stop(0).wait()
        run = self.predictors.run("half")
        self.assertEqual(run.state, pb.PredictorRun.FAILED)
        self.assertIn("127.0.0.1", run.message)
        self.assertEqual(self.predictors.get("half").health, pb.PredictorInfo.FAILING)
        stale = self.graph.twins.get("p1").contents["soh"]
        self.assertEqual((stale["value"], stale["status"]), (90.5, "STALE"))


class Misbehaving(rpc.PredictorServicer):
    """Passes on what the halver answers, after `distort`: a changed answer, bytes that are none, or nothing for long."""

    def __init__(self, good):
        self.good = rpc.PredictorStub(good)
        self.distort = lambda answer: answer
        self.features = None  # others than it was registered with
        self.asked = 0
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("twingraph.v1.Predictor", {
            "Describe": grpc.unary_unary_rpc_method_handler(
                self.Describe, wire.DescribeRequest.FromString, wire.PredictorDescription.SerializeToString),
            "Predict": grpc.unary_unary_rpc_method_handler(
                self.Predict, wire.PredictRequest.FromString,
                lambda answer: answer if isinstance(answer, bytes) else answer.SerializeToString())}),))
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def Describe(self, request, context):
        described = self.good.Describe(request)
        if self.features is not None:
            described.features[0].name = self.features[0].name
            described.feature_schema_hash = schema_hash(self.features)
        return described

    def Predict(self, request, context):
        self.asked += 1
        return self.distort(self.good.Predict(request))


class MisbehavingServiceTest(ServerTest):
    """Whatever a service does, the server is well, and the twin keeps its last good value and is marked."""

    def setUp(self):
        super().setUp()
        self.graph.twins.write([Twin("p1", PACK, {"fullEquivalentCycles": 181.0})])
        good = serve([Halver()], "127.0.0.1:0")
        self.addCleanup(lambda: good.stop(0).wait())
        self.channel = self.enterContext(grpc.insecure_channel(f"127.0.0.1:{good.port}"))

    def misbehave(self, service):
        over = threading.Event()
        self.addCleanup(over.set)

        def without_a_value(answer):
            del answer.outputs[0].values[:]
            return answer

        def with_nan(answer):
            answer.outputs[0].values[0] = float("nan")
            return answer

        def outside_of_its_interval(answer):
            answer.outputs[0].values[0] = answer.outputs[0].hi[0] + 1
            return answer

        def for_another(answer):
            answer.request_id = "another"
            return answer

        def hang(answer):
            over.wait(60)
            return answer

        def die(answer):
            service.server.stop(None)
            over.wait(60)
            return answer

        failed, done = pb.PredictorRun.FAILED, pb.PredictorRun.DONE
        return {  # what it does, how often it is asked at least, how the run ends, and what the twin's estimate is
            "hangs": (hang, 3, failed, "STALE"),
            "dies": (die, 1, failed, "STALE"),
            "answers garbage": (lambda _: b"\xff\xff", 1, failed, "ERROR"),
            "counts wrongly": (without_a_value, 1, failed, "ERROR"),
            "answers another": (for_another, 1, failed, "ERROR"),
            "answers NaN": (with_nan, 1, done, "ERROR"),  # of a row: the others have theirs
            "answers what cannot be": (outside_of_its_interval, 1, done, "ERROR"),
            "has another schema": (None, 0, failed, "STALE")}

    def test_it_leaves_the_server_well_and_the_twin_marked(self):
        predictors = self.graph.predictors
        for how in self.misbehave(None):
            with self.subTest(how):
                service = Misbehaving(self.channel)
                self.addCleanup(service.server.stop, 0)
                distort, asked, state, status = self.misbehave(service)[how]
                predictors.register("half", address=service.address, deadline_s=1, replace=True)
                self.assertEqual(predictors.run("half").state, pb.PredictorRun.DONE)
                self.assertEqual(self.graph.twins.get("p1").contents["soh"]["status"], "OK")
                service.asked = 0
                if distort is None:
                    service.features = [Feature("age")]
                else:
                    service.distort = distort
                run = predictors.run("half")
                self.assertEqual(run.state, state, run.message)
                self.assertGreaterEqual(service.asked, asked)  # more often where an answer was late
                soh = self.graph.twins.get("p1").contents["soh"]
                self.assertEqual((soh["value"], soh["lo"], soh["hi"], soh["status"]), (90.5, 89.5, 91.5, status))


if __name__ == "__main__":
    unittest.main()
