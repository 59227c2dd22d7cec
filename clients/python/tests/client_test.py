#!/usr/bin/env python3
"""The client against a server: everything that docs/python.md promises of it."""
import datetime
import pathlib
import tempfile
import threading
import unittest

import numpy as np
import pandas as pd
import twingraph
from twingraph import Relationship, Twin, connection, history, ingest
from twingraph.events import event_filter
from twingraph.predictors.description import Description, Feature, Output
from twingraph.telemetry import Column
from twingraph.v1 import telemetry_service_pb2, types_pb2
from twingraph.values import to_value

import server

PACK, MODULE, CELL = (f"dtmi:twingraph:battery:{name};1" for name in ("BatteryPack", "BatteryModule", "BatteryCell"))
BEGIN = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) - datetime.timedelta(hours=1)


def times(count):
    return [BEGIN + datetime.timedelta(seconds=i) for i in range(count)]


class ClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = server.Server()
        cls.addClassCleanup(cls.server.close)
        cls.graph = twingraph.connect(cls.server.address)
        cls.addClassCleanup(lambda: cls.graph.close())
        cls.graph.models.create(server.ROOT / "models/battery")

    def make_pack(self, name, cells=3):
        """A pack with one module; returns the ids of its cells."""
        ids = [f"{name}-c{i}" for i in range(cells)]
        self.graph.twins.write(
            [Twin(name, PACK), Twin(f"{name}-m", MODULE), *(Twin(cell, CELL) for cell in ids),
             Relationship(name, "hasModule", f"{name}-m", "m"),
             *(Relationship(f"{name}-m", "hasCell", cell, cell) for cell in ids)])
        return ids

    def test_models(self):
        found = {model.id for model in self.graph.models.list()}
        self.assertIn(PACK, found)
        self.assertEqual(self.graph.models.text(PACK)["@id"], PACK)
        with self.assertRaises(twingraph.AlreadyExists):
            self.graph.models.create(server.ROOT / "models/battery/BatteryPack.json")
        with self.assertRaises(twingraph.NotFound):
            self.graph.models.get("dtmi:no:Such;1")

    def test_twins(self):
        twins = self.graph.twins
        self.make_pack("t")
        etag = twins.patch("t", {"bmsSoh": 98.5})
        self.assertEqual(twins.get("t").contents, {"bmsSoh": 98.5})
        with self.assertRaises(twingraph.Aborted):
            twins.patch("t", {"bmsSoh": 1.0}, if_match='W/"1"')
        twins.patch("t", [{"op": "replace", "path": "/bmsSoh", "value": 97}], if_match=etag)
        self.assertEqual(twins.get("t").contents, {"bmsSoh": 97.0})
        twins.patch("t", {"bmsSoh": None})
        self.assertEqual(twins.get("t").contents, {})
        self.assertEqual([r.target_id for r in twins.relationships("t", "hasModule")], ["t-m"])
        self.assertEqual([r.source_id for r in twins.relationships("t-c0", incoming=True)], ["t-m"])
        self.assertEqual(set(twins.get_many(["t", "t-m", "gone"])), {"t", "t-m"})
        with self.assertRaisesRegex(twingraph.InvalidArgument, "nope"):
            twins.put(Twin("t", PACK, {"nope": 1}))
        with self.assertRaises(twingraph.FailedPrecondition):
            twins.delete("t")
        twins.delete("t", tree=True)
        with self.assertRaises(twingraph.NotFound):
            twins.get("t-c0")

    def test_a_module_is_replaced_in_one_step(self):
        twins, later = self.graph.twins, BEGIN + datetime.timedelta(minutes=30)
        for twin in (Twin("r", PACK), Twin("r-1", MODULE), Twin("r-2", MODULE)):
            twins.put(twin, time=BEGIN)
        twins.relate("r", "hasModule", "r-1", contents={"position": 3}, time=BEGIN)
        twins.replace_module("r", "r-1", "r-2", mounted_at=later, time=later)
        found = list(twins.relationships("r", "hasModule"))
        self.assertEqual([(r.target_id, r.contents["position"], r.contents["mountedAt"]) for r in found],
                         [("r-2", 3, later)])
        text = "SELECT m.$dtId AS m FROM DIGITALTWINS {} MATCH (p:BatteryPack)-[:hasModule]->(m) WHERE p.$dtId = 'r'"
        for minutes, module in ((29, "r-1"), (31, "r-2")):
            at = (BEGIN + datetime.timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
            self.assertEqual([row["m"] for row in self.graph.rows(text.format(f"AS OF '{at}'"))], [module])
        with self.assertRaises(twingraph.NotFound):
            twins.replace_module("r", "r-1", "r-2")
        twins.unrelate("r", found[0].id, time=later + datetime.timedelta(minutes=5))
        twins.delete("r-2", time=later + datetime.timedelta(minutes=6))
        with self.assertRaises(twingraph.NotFound):
            twins.get("r-2")

    def test_query(self):
        cells = self.make_pack("q")
        self.graph.telemetry.publish(cells[0], {"voltage": 3.71}, time=BEGIN)
        text = ("SELECT c.$dtId AS cell, c.voltage, NOW() AS now, c AS twin FROM DIGITALTWINS "
                "MATCH (p:BatteryPack)-[:hasModule|hasCell*2]->(c:BatteryCell) WHERE p.$dtId = @pack ORDER BY cell")
        frame = self.graph.query(text, {"pack": "q"}, now=BEGIN)
        self.assertEqual(frame.cell.tolist(), cells)
        np.testing.assert_array_equal(frame.iloc[:, 1], [3.71, np.nan, np.nan])
        self.assertEqual(frame.now[0], pd.Timestamp(BEGIN))
        self.assertEqual(frame.twin[0]["$dtId"], cells[0])
        self.assertEqual(frame.attrs["units"], {frame.columns[1]: "volt"})
        self.assertEqual([frame.attrs[name] for name in ("unrecorded", "rolled_up", "rolled_up_left_out")], [0, 0, 0])
        self.assertEqual([row["cell"] for row in self.graph.rows(text, {"pack": "q"})], cells)
        self.assertEqual(len(self.graph.query(text, {"pack": "none"})), 0)
        with self.assertRaises(twingraph.InvalidArgument) as raised:
            self.graph.query("SELECT x FROM DIGITALTWINS MATCH (p:BatteryPack)")
        self.assertEqual((raised.exception.reason, raised.exception.metadata["column"]), ("INVALID_QUERY", "8"))
        self.assertTrue(self.graph.explain(text, {"pack": "q"}))

    def test_ingest_and_history(self):
        cells = self.make_pack("i")
        self.graph.telemetry.layout("i", [Column(cell, "voltage") for cell in cells])
        self.assertIn("i", list(self.graph.telemetry.layouts()))
        values = np.array([[3.7 + 0.001 * row + 0.1 * column for column in range(3)] for row in range(50)])
        with self.graph.telemetry.stream("i-source") as stream:
            stream.frames("i", times(50), values)
            stream.samples([cells[0], "gone"], [BEGIN], {"temperature": [21.5, 22.0]})
        self.assertEqual((stream.rows, stream.rejects_total), (51, 1))
        self.assertIn("gone", stream.rejects[0].message)
        frame = self.graph.history.frame(cells, ["voltage"], start=BEGIN, end=times(11)[-1])
        self.assertEqual(len(frame), 30)
        np.testing.assert_allclose(frame[frame.twin == cells[1]].voltage, values[:10, 1], atol=1e-12)
        file = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "h.csv.gz"
        self.assertEqual(self.graph.history.export(file, cells[:1], ["voltage"]), 50)
        self.assertEqual(pd.read_csv(file).voltage.iloc[-1], 3.749)
        fine = [pd.Timestamp(times(1)[0]) + pd.Timedelta(nanos, "ns") for nanos in (1, 2)]
        self.graph.history.write(pd.DataFrame({"twin": cells[1], "time": fine, "temperature": [20.0, 21.0]}))
        self.graph.history.export(file, cells[1:2], ["temperature"])
        again = pd.read_csv(file)
        self.assertEqual(pd.to_datetime(again.time).tolist(), fine)
        with self.assertRaisesRegex(ValueError, "must end with"):
            self.graph.history.export("x.xls", cells)
        frame = pd.DataFrame({"twin": cells[2], "time": times(3), "temperature": [20.0, None, 22.0]})
        self.graph.history.write(frame)
        np.testing.assert_array_equal(self.graph.history.frame(cells[2:], ["temperature"]).temperature, [20.0, 22.0])
        # What is empty is no sample: it says nothing of what stands there.
        more = pd.DataFrame({"twin": cells[2], "time": times(4), "temperature": [30.0, None, None, 33.0],
                             "voltage": [None, 3.9, None, 4.0]}, index=[9, 9, 8, 7])
        self.assertEqual(self.graph.history.write(more), 3)
        frame = self.graph.history.frame(cells[2:], ["temperature"])
        np.testing.assert_array_equal(frame.temperature, [30.0, 22.0, 33.0])
        twice = pd.DataFrame({"twin": cells[2], "time": [times(1)[0]] * 3, "temperature": [1.0, 2.0, 3.0],
                              "voltage": [None, 3.9, None]})
        self.graph.history.write(twice)
        frame = self.graph.history.frame(cells[2:], ["temperature"], end=times(2)[1])
        np.testing.assert_array_equal(frame.temperature, [3.0])
        with self.assertRaisesRegex(ValueError, "1 of 3 rows were refused: row 1: .*gone"):
            self.graph.history.write(pd.DataFrame({"twin": [cells[2], "gone", cells[2]], "time": times(3),
                                                   "temperature": [1.0, None, 2.0], "voltage": [None, 1.0, None]}))
        with self.assertRaisesRegex(ValueError, "1 of 1 rows"):
            self.graph.history.write(pd.DataFrame({"twin": ["gone"], "time": times(1), "temperature": [1.0]}))
        ahead = [BEGIN + datetime.timedelta(days=1)]  # it would be the latest value until then
        with self.assertRaisesRegex(ValueError, "1 of 1 rows.*clock_skew_ms_max"):
            self.graph.history.write(pd.DataFrame({"twin": [cells[2]], "time": ahead, "temperature": [1.0]}))
        one = self.graph.history.frame(cells[2], "temperature", end=times(2)[1])  # names without lists
        np.testing.assert_array_equal(one.temperature, [1.0])

    def test_frames_that_cannot_be_written(self):
        twins, at = ["a", "b"], times(2)
        for message, columns in (("no column 'time'; it has twin, voltage", {"twin": twins, "voltage": [1.0, 2.0]}),
                                 ("row 1: time is missing", {"twin": twins, "time": [at[0], pd.NaT], "voltage": 1.0}),
                                 ("row 0: twin is missing", {"twin": [None, "b"], "time": at, "voltage": 1.0})):
            with self.assertRaisesRegex(ValueError, message):
                self.graph.history.write(pd.DataFrame(columns))
        with self.assertRaisesRegex(TypeError, "is no time"):
            self.graph.history.write(pd.DataFrame({"twin": twins, "time": ["now", "then"], "voltage": 1.0}))
        with self.assertRaisesRegex(TypeError, "object is no value"):
            self.graph.history.write(pd.DataFrame({"twin": twins, "time": at, "voltage": [object(), object()]}))

    def test_long_texts_go_in_several_messages(self):
        """70 MB out and in: more than a message may have, and than a record of the journal."""
        long = "dtmi:test:Long;1"
        self.graph.models.create({"@context": "dtmi:dtdl:context;3", "@id": long, "@type": "Interface", "contents": [
            {"@type": "Property", "name": "note", "schema": "string"}, {"@type": "Telemetry", "name": "log", "schema": "string"}]})
        count, text = 1_200, "x" * 60_000
        self.assertEqual(self.graph.twins.write(Twin(f"long-{i}", long, {"note": text}) for i in range(count)), count)
        frame = pd.DataFrame({"twin": "long-0", "time": times(count), "log": text})
        self.assertEqual(self.graph.history.write(frame), count)
        with self.graph.telemetry.stream("long") as stream:
            stream.samples("long-1", times(count), {"log": [text] * count})
        self.assertEqual((stream.rows, stream.rejects_total), (count, 0))
        found = self.graph.history.frame(["long-0", "long-1"], "log")
        self.assertEqual((len(found), set(found.log)), (2 * count, {text}))

    def test_events_through_a_restart(self):
        cells = self.make_pack("e")
        with self.graph.events.watch(types=["TWIN_STATE", "TELEMETRY"], twins=cells, starting_state=True) as watch:
            state = [next(watch) for _ in cells]
            self.assertEqual({event.type for event in state}, {"TWIN_STATE"})
            self.graph.telemetry.publish(cells[0], {"voltage": 4.1}, time=BEGIN)
            first = next(watch)
            self.assertEqual((first.subject, [(c.path, c.old, c.new) for c in first.changes]),
                             (cells[0], [("voltage", None, 4.1)]))
            self.server.stop()
            self.server.start()
            for number, voltage in enumerate([3.9, 4.2], 1):
                self.graph.telemetry.publish(cells[1], {"voltage": voltage}, time=times(9)[number])
            self.assertEqual([next(watch).changes[0].new for _ in range(2)], [3.9, 4.2])
        self.assertRaises(StopIteration, next, watch)
        with self.graph.events.watch(types=["TELEMETRY"], twins=cells, resume_token=first.resume_token) as again:
            self.assertEqual(next(again).changes[0].new, 3.9)

    def test_events_by_condition(self):
        cells = self.make_pack("w")
        with self.graph.events.watch("new.voltage > 4", twins=cells) as watch:
            for number, voltage in enumerate([4.1, 3.9, 4.2]):
                self.graph.telemetry.publish(cells[0], {"voltage": voltage}, time=times(9)[number])
            self.assertEqual([next(watch).changes[0].new for _ in range(2)], [4.1, 4.2])
        with self.assertRaisesRegex(twingraph.InvalidArgument, "1:"), self.graph.events.watch("new.") as watch:
            next(watch)

    def test_calls_through_a_restart_that_takes_a_while(self):
        cells = self.make_pack("w")
        self.server.stop()
        starting = threading.Timer(2.5, self.server.start)
        starting.start()
        self.graph.twins.patch(cells[0], {"serialNumber": "after"})
        starting.join()
        self.server.stop()
        starting = threading.Timer(1.5, self.server.start)
        starting.start()
        rows = list(self.graph.rows(f"SELECT T.serialNumber FROM DIGITALTWINS T WHERE T.$dtId = '{cells[0]}'"))
        starting.join()
        self.assertEqual([tuple(row.values()) for row in rows], [("after",)])

    def test_a_stream_through_a_restart(self):
        cells = self.make_pack("r")
        stream = self.graph.telemetry.stream("r-source")
        stream.samples(cells[:1], times(1), {"temperature": [20.0]})
        stream.flush()
        self.server.stop()
        self.server.start()
        stream.samples(cells[:1], times(2)[1:], {"temperature": [21.0]})
        stream.flush()
        stream.close()
        self.assertEqual(self.graph.history.frame(cells[:1], ["temperature"]).temperature.tolist(), [20.0, 21.0])


class ValuesTest(unittest.TestCase):
    """What is read is what was stored."""

    def test_whole_numbers_beside_missing_ones(self):
        column = telemetry_service_pb2.SampleColumn(path="n", ints=[2**53 + 1, 0, 2**63 - 1], missing=[1])
        frame = pd.DataFrame({"n": history._values(column, 3)})
        self.assertEqual(frame.n.dropna().tolist(), [2**53 + 1, 2**63 - 1])
        self.assertEqual(pd.concat([frame, pd.DataFrame({"m": [1.0]})]).n.dropna().tolist(), [2**53 + 1, 2**63 - 1])

    def test_times_and_booleans(self):
        def values(*items):
            return history._values(telemetry_service_pb2.SampleColumn(path="v", values=items), len(items))
        self.assertEqual(values(types_pb2.Value(time_unix_nano=7), types_pb2.Value())[0].value, 7)
        self.assertEqual(values(types_pb2.Value(bool_value=True), types_pb2.Value()).dtype, "boolean")
        self.assertEqual(values(types_pb2.Value(string_value="a"), types_pb2.Value()), ["a", None])

    def test_arrays_of_one(self):
        self.assertEqual(len(to_value(np.array([1])).array_value.values), 1)
        self.assertEqual(to_value(np.int64(1)), types_pb2.Value(int_value=1))

    def test_a_timedelta_is_a_duration(self):
        for seconds, text in ((600, "PT600S"), (0.25, "PT0.25S"), (86400.000001, "PT86400.000001S"), (0, "PT0S")):
            value = to_value(datetime.timedelta(seconds=seconds))
            self.assertEqual(value, types_pb2.Value(string_value=text))
        with self.assertRaisesRegex(ValueError, "negative"):
            to_value(datetime.timedelta(seconds=-1))

    def test_dates_and_times_of_day(self):
        for value, text in ((datetime.date(2026, 3, 1), "2026-03-01"), (datetime.time(8, 30), "08:30:00Z"),
                            (datetime.time(8, 30, tzinfo=datetime.timezone.utc), "08:30:00+00:00")):
            self.assertEqual(to_value(value), types_pb2.Value(string_value=text))

    def test_integers_beyond_64_bits(self):
        self.assertEqual(to_value(-2**63), types_pb2.Value(int_value=-2**63))
        for number in (2**63, -2**63 - 1):
            with self.assertRaisesRegex(ValueError, "64 bits"):
                to_value(number)

    def test_times_of_numpy(self):
        time = types_pb2.Value(time_unix_nano=1_767_225_600_000_000_001)
        self.assertEqual(to_value(np.datetime64("2026-01-01T00:00:00.000000001")), time)
        self.assertEqual(to_value(np.array(["2026-01-01T00:00:00.000000001"], "M8[ns]")).array_value.values[0], time)
        self.assertEqual(to_value(np.timedelta64(10, "m")), types_pb2.Value(string_value="PT600S"))
        for nanosecond in (np.timedelta64(1, "ns"), pd.Timedelta(1, "ns")):
            self.assertEqual(to_value(nanosecond), types_pb2.Value(string_value="PT0.000000001S"))
        with self.assertRaisesRegex(ValueError, "no length of time"):
            to_value(np.timedelta64("NaT"))

    def test_files_as_twinctl_reads_them(self):
        file = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "h.csv"
        history._write_csv(pd.DataFrame({
            "twin": ["a", "b,c"], "time": pd.to_datetime([1, 2], utc=True), "volts": [1.5, None],
            "count": pd.array([1, None], dtype="Int64"), "on": pd.array([True, None], dtype="boolean"),
            "text": ['x"y', ""], "list": [[1, None], "json:1"], "at": pd.to_datetime([5, None], utc=True)}), file)
        self.assertEqual(file.read_text(), (
            "twin,time,volts,count,on,text,list,at\n"
            'a,1970-01-01T00:00:00.000000001Z,1.5,1,true,"x""y","json:[1, null]",1970-01-01T00:00:00.000000005Z\n'
            '"b,c",1970-01-01T00:00:00.000000002Z,,,,"","json:""json:1""",\n'))

    def test_frames_have_a_row_for_each_time(self):
        rows = [[1.0, 2.0], [3.0, None], [5.0, 6.0]]
        for values in (rows, np.array(rows, float), pd.DataFrame(rows)):
            self.assertEqual(str(ingest._by_column(values, 3)), "[1.0, 3.0, 5.0, 2.0, nan, 6.0]")
        for values in (np.array(rows, float).T, rows[:2], [[1.0], [2.0, 3.0], [4.0]], np.zeros(3)):
            with self.assertRaisesRegex(ValueError, "a row for each time"):
                ingest._by_column(values, 3)

    def test_a_limit_of_zero(self):
        description = Description("p", "1", PACK, [Feature("age", min=0)], [Output("soh", path="soh")])
        self.assertEqual(description.as_json()["features"][0]["min"], 0)


class ArgumentsTest(unittest.TestCase):
    """Numbers that cannot be are refused by name, before anything is sent."""

    def setUp(self):
        self.graph = twingraph.connect("127.0.0.1:9")
        self.addCleanup(self.graph.close)

    def test_numbers_that_cannot_be(self):
        nan = float("nan")
        events, predictors = self.graph.events, self.graph.predictors
        for name, call in (
                ("interval_ms", lambda value: events.watch(interval_ms=value)),
                ("patience_s", lambda value: events.watch(patience_s=value)),
                ("interval_ms", lambda value: self.graph.watch_query("SELECT 1 AS x", interval_ms=value)),
                ("credit", lambda value: self.graph.subscriptions.consume("s", credit=value)),
                ("in_flight_max", lambda value: self.graph.telemetry.stream("p", in_flight_max=value)),
                ("limit", lambda value: predictors.runs(limit=value)),
                ("limit", lambda value: predictors.forecasts("t", limit=value)),
                *((argument, lambda value, argument=argument: predictors.register("p", builtin="b", **{argument: value}))
                  for argument in ("interval_s", "change_delay_s", "batch_rows", "batches_in_flight", "deadline_s"))):
            for value in (-1, nan, float("inf"), "1", None):
                with self.subTest(name=name, value=value), self.assertRaisesRegex(ValueError, f"^{name}: it is"):
                    call(value)
        for time in (nan, pd.NaT):
            with self.subTest(time=time), self.assertRaisesRegex(ValueError, "is no time"):
                events.watch(since=time)

    def test_events_that_there_are_not(self):
        for types in (["TWIN_UPDATED", "TWIN_CHANGED"], ["EVENT_TYPE_UNSPECIFIED"], [""]):
            with self.subTest(types=types), self.assertRaisesRegex(ValueError, f"there is no '{types[-1]}'; there are TWIN_CREATED, .*RELATIONSHIP_"):
                self.graph.events.watch(types=types)
            with self.assertRaisesRegex(ValueError, "^types: "):
                self.graph.subscriptions.create("s", types=types)

    def test_types_of_events_have_two_spellings(self):
        by_name = event_filter("", ["TWIN_UPDATED", "telemetry"], (), (), "", (), ())
        self.assertEqual(by_name, event_filter("", ["twin.updated", "TELEMETRY"], (), (), "", (), ()))

    def test_an_empty_token_is_none(self):
        subscriptions = self.graph.subscriptions
        for call in (self.graph.events.watch, lambda **place: subscriptions.create("s", **place),
                     lambda **place: subscriptions.seek("s", **place)):
            with self.assertRaisesRegex(ValueError, "resume_token is empty"):
                call(resume_token="")

    def test_a_standing_call_waits_for_a_second_at_most(self):
        waits = [connection.wait_before(attempt, connection.STANDING_WAIT_S_MAX) for attempt in range(50)]
        self.assertLessEqual(max(waits), 1)
        self.assertLess(waits[0], waits[-1])


class NobodyTest(unittest.TestCase):
    def test_unavailable(self):
        with twingraph.connect("127.0.0.1:1", timeout=0.5) as graph, self.assertRaises(twingraph.Unavailable):
            graph.status()


if __name__ == "__main__":
    unittest.main()
