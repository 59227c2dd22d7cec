#!/usr/bin/env python3
"""Predictor services: what a caller of predictor.proto gets from the base class, and from a trained model."""
import contextlib
import io
import pathlib
import subprocess
import sys
import tempfile
import unittest

import grpc
import numpy as np
import pandas as pd
from google.protobuf import json_format

from twingraph import train
from twingraph.predictors import Description, Estimates, Feature, Output, Predictor, Status, load, schema_hash, serve
from twingraph.predictors.predictor import Batch, answer
from twingraph.v1 import predictor_pb2 as pb, predictor_pb2_grpc as rpc

NAN = float("nan")


class Warmth(Predictor):
    """Answers as its test says."""

    description = Description(
        name="warmth", version="7", target_model="dtmi:twingraph:battery:BatteryPack;1", method="test",
        features=[Feature("temp", "degreeCelsius", required=True, min=-40, max=90), Feature("maker", type="STRING"),
                  Feature("volts", "volt", type="SEQUENCE")],
        outputs=[Output("soh", "soh", "percent")], batch_rows_max=100,
        more={"validity": {"chemistries": ["LFP"], "temperature_min": 0.0}})
    how = staticmethod(lambda batch: Estimates(batch["temp"], batch["temp"] - 1, batch["temp"] + 1))

    def predict(self, batch):
        return self.how(batch)


def request(of, temps, **more):
    rows = len(temps)
    nulls = np.packbits(np.isnan(temps), bitorder="little").tobytes()
    fields = dict(request_id="r1", predictor=of.description.name,
                  feature_schema_hash=schema_hash(of.description.features),
                  twin_ids=[f"t{i}" for i in range(rows)],
                  columns=[pb.FeatureColumn(doubles=np.nan_to_num(temps), nulls=nulls),
                           pb.FeatureColumn(strings=["x"] * rows),
                           pb.FeatureColumn(doubles=range(2 * rows), offsets=range(0, 2 * rows + 1, 2))])
    return pb.PredictRequest(**{**fields, **more})


class ServiceTest(unittest.TestCase):
    def setUp(self):
        self.predictor = Warmth()
        server = serve([self.predictor], "127.0.0.1:0")
        self.addCleanup(lambda: server.stop(0).wait())
        channel = grpc.insecure_channel(f"127.0.0.1:{server.port}")
        self.addCleanup(channel.close)
        self.stub = rpc.PredictorStub(channel)

    def predict(self, temps, **more):
        return self.stub.Predict(request(self.predictor, temps, **more), timeout=60)

    def refused(self, code, *arguments, **more):
        with self.assertRaises(grpc.RpcError) as raised:
            self.predict(*arguments, **more)
        self.assertEqual(raised.exception.code(), code, raised.exception.details())
        return raised.exception.details()

    def test_schema_hash_as_the_contract_has_it(self):
        self.assertEqual(schema_hash([Feature("soc", "percent")]), "fb489f6a6eae601c")

    def test_describe(self):
        for name in ("", "warmth"):
            found = self.stub.Describe(pb.DescribeRequest(predictor=name))
            self.assertEqual((found.name, found.version, found.batch_rows_max), ("warmth", "7", 100))
            self.assertEqual([f.type for f in found.features], [0, 1, 2])
            self.assertEqual(found.feature_schema_hash, schema_hash(self.predictor.description.features))
            self.assertEqual(list(found.validity.chemistries), ["LFP"])
            self.assertTrue(found.features[0].HasField("min") and not found.features[2].HasField("min"))
        with self.assertRaises(grpc.RpcError) as raised:
            self.stub.Describe(pb.DescribeRequest(predictor="other"))
        self.assertEqual(raised.exception.code(), grpc.StatusCode.NOT_FOUND)

    def test_rows_that_cannot_be_asked_about(self):
        seen = []
        self.predictor.how = lambda batch: (seen.append((list(batch.twin_ids), [list(v) for v in batch["volts"]])),
                                            Warmth.how(batch))[1]
        response = self.predict([20.0, NAN, 95.0, 30.0])
        output = response.outputs[0]
        self.assertEqual(list(output.statuses), [Status.OK, Status.INSUFFICIENT_DATA, Status.OUT_OF_DOMAIN, Status.OK])
        np.testing.assert_array_equal(output.values, [20.0, NAN, NAN, 30.0])
        self.assertEqual((response.request_id, response.model_version), ("r1", "7"))
        self.assertEqual(seen, [(["t0", "t3"], [[0, 1], [6, 7]])])

    def test_garbage_is_marked_or_fails(self):
        self.predictor.how = lambda batch: Estimates([NAN, 5, 5, 5], [1, 9, 1, 1], [2, 10, float("inf"), 9])
        output = self.predict([1.0, 2.0, 3.0, 4.0]).outputs[0]
        self.assertEqual(list(output.statuses), [Status.ERROR, Status.ERROR, Status.ERROR, Status.OK])
        np.testing.assert_array_equal(output.values, [NAN, NAN, NAN, 5])
        self.predictor.how = lambda batch: Estimates([1], [1], [1])
        with self.assertLogs("twingraph.predictors"):
            self.assertIn("for 2 rows", self.refused(grpc.StatusCode.INTERNAL, [1.0, 2.0]))
            self.predictor.how = lambda batch: {"other": Estimates([1], [1], [1])}
            self.assertIn("no output soh", self.refused(grpc.StatusCode.INTERNAL, [1.0]))
            self.predictor.how = lambda batch: 1 / 0
            self.assertIn("ZeroDivisionError", self.refused(grpc.StatusCode.INTERNAL, [1.0]))
            self.predictor.how = lambda batch: sys.exit(3)
            self.assertIn("SystemExit", self.refused(grpc.StatusCode.INTERNAL, [1.0]))

    def test_other_requests_than_agreed(self):
        self.refused(grpc.StatusCode.FAILED_PRECONDITION, [1.0], feature_schema_hash="0" * 16)
        self.refused(grpc.StatusCode.NOT_FOUND, [1.0], predictor="other")
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, [1.0], columns=[])
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, [1.0] * 101)
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, [1.0], twin_ids=["a", "b"])

    def test_no_rows(self):
        self.assertEqual(len(self.predict([]).outputs[0].values), 0)

    def test_the_address_is_taken(self):
        with serve_here() as server, self.assertRaises(OSError):
            serve([self.predictor], f"127.0.0.1:{server.port}")


@contextlib.contextmanager
def serve_here():
    server = serve([Warmth()], "127.0.0.1:0")
    try:
        yield server
    finally:
        server.stop(0).wait()


class ModelTest(unittest.TestCase):
    """A trained model: the same numbers in the process and from the service of the command."""

    def test_train_serve_ask(self):
        random = np.random.RandomState(2)
        frame = pd.DataFrame({"cell_id": np.repeat([f"c{i}" for i in range(6)], 30), "soc": random.uniform(0, 100, 180)})
        frame["label"] = 80 + 0.1 * frame.soc + random.normal(0, 0.3, 180)
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            frame.to_csv(folder / "data.csv", index=False)
            with contextlib.redirect_stdout(io.StringIO()):
                code = train.main([str(folder / "data.csv"), "--target", "label", "--features", "soc:percent!", "--trees",
                                   "20", "--folds", "3", "--limits", "0", "110", "--out", str(folder / "soh-test")])
            self.assertEqual(code, 0)
            predictor = load(folder / "soh-test")
            soc = np.array([5.0, 50.0, NAN, 500.0, 77.7])
            here = answer(predictor, Batch(list("abcde"), {"soc": soc}))["soh"]
            with subprocess.Popen([sys.executable, "-m", "twingraph.predictors", "serve", folder / "soh-test", "--listen",
                                   "127.0.0.1:0"], stdout=subprocess.PIPE, text=True, cwd=folder) as process:
                address = process.stdout.readline().split()[-1]
                with grpc.insecure_channel(address) as channel:
                    stub = rpc.PredictorStub(channel)
                    described = stub.Describe(pb.DescribeRequest())
                    response = stub.Predict(pb.PredictRequest(
                        predictor="soh-test", feature_schema_hash=described.feature_schema_hash, twin_ids=list("abcde"),
                        columns=[pb.FeatureColumn(doubles=np.nan_to_num(soc), nulls=bytes([0b100]))]), timeout=60)
                process.terminate()
                self.assertEqual(process.wait(), 0)
            there = response.outputs[0]
            self.assertEqual(list(there.statuses), [0, 0, Status.INSUFFICIENT_DATA, Status.OUT_OF_DOMAIN, 0])
            for mine, its in ((here.value, there.values), (here.lo, there.lo), (here.hi, there.hi)):
                np.testing.assert_array_equal(mine, its)
            # The card's description is the message as it is.
            self.assertEqual(json_format.ParseDict(predictor.card["predictor"], pb.PredictorDescription()).held_out_metrics.cells, 6)


if __name__ == "__main__":
    unittest.main()
