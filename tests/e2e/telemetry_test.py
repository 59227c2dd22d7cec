#!/usr/bin/env python3
"""Telemetry and history with the installed programs: recorded cars replayed, and read back value for value."""
import csv
import datetime
import gzip
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import time
import unittest

from server_case import BIN, ROOT, ServerCase

DATA = os.environ.get("TWINGRAPH_DATA")
SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))
UTC = datetime.timezone.utc
INVALID = {"v": {5000, 65534, 65535}, "t": {214, 215, 254, 255}}
# Recorded when a vehicle is made, and not in the file.
MADE = {"seriesIndex", "temperatureSource", "probeIndex"}
# Column of a recording: twin, path, factor.
SINGLE = {"speed_kmh": ("{}", "speed", 1), "odometer_km": ("{}", "odometer", 1),
          "pack_voltage_v": ("{}-pack", "voltage", 1), "pack_current_a": ("{}-pack", "current", -1),
          "soc_pct": ("{}-pack", "soc", 1), "cell_v_max": ("{}-pack", "cellVoltageMax", 1),
          "cell_v_min": ("{}-pack", "cellVoltageMin", 1), "temp_max_c": ("{}-pack", "tempMax", 1),
          "temp_min_c": ("{}-pack", "tempMin", 1), "bms_warning_level": ("{}-bms", "highestAlarmLevel", 1)}


def parts(vehicle, count, modules, kind):
    """Ids of the cells or probes, in the order of the file, as replay divides them."""
    ids = []
    for module in range(modules):
        here = count // modules + (module < count % modules)
        for number in range(1, here + 1):
            tail = f"c{number:02}" if kind == "c" else f"p{number}"
            ids.append(f"{vehicle}-m{module + 1:02}-{tail}")
    return ids


def number(text, factor, codes=()):
    """The value of a field as the map has it; None: missing."""
    if text == "" or float(text) in codes:
        return None
    return factor * float(text)


def expected_series(vehicle, header, rows, modules=12):
    """{twin: {path: {time: value}}} of a recording; the last row of a time stands."""
    cells = sum(bool(re.fullmatch(r"v\d+_mv", name)) for name in header)
    probes = sum(bool(re.fullmatch(r"t\d+_c", name)) for name in header)
    modules = min(modules, cells)
    cell_ids, probe_ids = parts(vehicle, cells, modules, "c"), parts(vehicle, probes, modules, "p")
    last = {}
    for row in rows:
        last[row[0]] = row
    series = {}
    for stamp, row in last.items():
        local = datetime.datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI)
        when = local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for name, text in zip(header[1:], row[1:]):
            match = re.fullmatch(r"([vt])(\d+)_(?:mv|c)", name)
            if match:
                kind, index = match.group(1), int(match.group(2)) - 1
                twin = (cell_ids if kind == "v" else probe_ids)[index]
                path = "voltage" if kind == "v" else "temperature"
                value = number(text, 1, INVALID[kind])
                if value is not None and kind == "v":
                    value = float(f"{text}e-3")
            elif name in SINGLE:
                pattern, path, factor = SINGLE[name]
                twin, value = pattern.format(vehicle), number(text, factor)
            else:
                continue
            if value is not None:
                series.setdefault(twin, {}).setdefault(path, {})[when] = value
    return series


class TelemetryTest(ServerCase):
    def replay(self, file, vehicle, *arguments, **more):
        return self.run_program("twinsim", "replay", file, "--as", vehicle, "--models", ROOT / "models/battery",
                                *arguments, **more)

    def exported(self, twins):
        """{twin: {path: {time: value}}} of history."""
        series = {}
        rows = csv.reader(self.twinctl("history", "export", *twins).splitlines())
        header = next(rows)
        self.assertEqual(header[:2], ["twin", "time"])
        for row in rows:
            for path, text in zip(header[2:], row[2:]):
                if text and path not in MADE:
                    series.setdefault(row[0], {}).setdefault(path, {})[row[1]] = float(text)
        return series

    def check(self, vehicle, header, rows):
        """History and state are the recording's, value for value."""
        expected = expected_series(vehicle, header, rows)
        twins = sorted(expected)
        # Each cell has the temperature of its probe as well: those are looked at by themselves.
        found = self.exported(twins)
        shared = {twin: paths.pop("temperature") for twin, paths in found.items()
                  if "-c" in twin and "temperature" in paths}
        for twin in twins:
            for path, samples in expected[twin].items():
                self.assertEqual(found[twin].get(path), samples, f"{twin} {path}")
            self.assertEqual(sorted(found[twin]), sorted(expected[twin]), twin)
        for twin in twins:
            state = json.loads(self.twinctl("twins", "get", twin, "--telemetry", "-o", "json"))
            for path, samples in expected[twin].items():
                self.assertEqual(state.get(path), samples[max(samples)], f"{twin} {path}")
        return shared, expected

    HEADER = ["time_local", "speed_kmh", "pack_voltage_v", "pack_current_a", "soc_pct", "bms_warning_level",
              "charge_status", "v1_mv", "v2_mv", "v3_mv", "v4_mv", "v5_mv", "t1_c", "t2_c"]

    def make_rows(self, count=300, seed=1):
        chance = random.Random(seed)
        start = datetime.datetime(2021, 5, 5, 9, 10)
        rows = []
        for i in range(count):
            # Every tenth time comes again, with other values.
            stamp = (start + datetime.timedelta(seconds=10 * (i - i % 10 // 9))).strftime("%Y-%m-%d %H:%M:%S")
            row = [stamp, f"{chance.uniform(0, 120):.1f}", f"{chance.uniform(340, 400):.1f}",
                   f"{chance.uniform(-235, 130):.2f}", f"{chance.uniform(0, 100):.1f}", str(chance.randint(0, 3)), "3"]
            row += [chance.choice([str(chance.randint(3000, 4200))] * 9 + ["", "5000", "65535"]) for _ in range(5)]
            row += [chance.choice([f"{chance.uniform(-20, 60):.1f}"] * 9 + ["", "254", "255"]) for _ in range(2)]
            rows.append(row)
        return rows

    def write(self, rows, name="car.csv"):
        path = self.path / name
        opened = gzip.open(path, "wt") if name.endswith(".gz") else open(path, "w", encoding="utf-8")
        with opened as file:
            csv.writer(file, lineterminator="\n").writerows([self.HEADER, *rows])
        return path

    def test_a_recording_reads_back_value_for_value(self):
        rows = self.make_rows()
        done = self.replay(self.write(rows, "car.csv.gz"), "veh-000042", "--frames-per-message", 17)
        self.assertIn("divided into 5 modules", done.stderr)
        # It is too old to be kept, and is so for a day all the same.
        self.assertIn("270 rows: some rows are of days before", done.stderr)
        self.assertIn("samples are kept for 365 days", done.stderr)
        self.assertRegex(done.stdout, r"^replayed 270 rows, \d+ values in .*, 0 rejects; left out, as their time comes again: 30 rows")
        shared, expected = self.check("veh-000042", self.HEADER, rows)
        # The car was there when its recording began.
        begin = min(time for time in expected["veh-000042-m01-c01"]["voltage"])
        then = self.query(f"SELECT COUNT() AS cells FROM DIGITALTWINS AS OF '{begin}' MATCH (c:BatteryCell)")
        self.assertEqual(then[0]["cells"], sum("-c" in twin for twin in expected))
        # Modules 1 and 2 have a probe each, their cells its temperature.
        self.assertEqual(shared["veh-000042-m01-c01"], expected["veh-000042-m01-p1"]["temperature"])
        self.assertEqual(shared["veh-000042-m02-c01"], expected["veh-000042-m02-p1"]["temperature"])
        self.restart(signal.SIGTERM)
        self.check("veh-000042", self.HEADER, rows)

    def test_order_and_repetition_change_nothing(self):
        rows = self.make_rows(seed=2)
        last = list({row[0]: row for row in rows}.values())
        shuffled = last[:]
        random.Random(3).shuffle(shuffled)
        self.replay(self.write(shuffled), "veh-000001", "--frames-per-message", 10)
        self.check("veh-000001", self.HEADER, rows)
        self.replay(self.write(rows), "veh-000001")
        self.check("veh-000001", self.HEADER, rows)
        # With a name of its own a source is known again.
        self.replay(self.path / "car.csv", "veh-000001", "--producer", "recorder", "--frames-per-message", 100)
        again = self.replay(self.path / "car.csv", "veh-000001", "--producer", "recorder", "--speed", "1e9x")
        self.assertRegex(again.stdout, r"^replayed 0 rows, 0 values .*there already: 270 rows")
        self.check("veh-000001", self.HEADER, rows)

    def test_a_replay_tells_what_is_wrong(self):
        rows = self.make_rows(5)
        self.replay(self.write(rows), "veh-1", "--no-create", code=1)
        rows[3][7] = "high"
        self.assertIn("car.csv:5: 'high' is no number", self.replay(self.write(rows), "veh-1", code=1).stderr)
        self.assertIn("cannot read", self.replay(self.path / "no.csv", "veh-1", code=1).stderr)
        self.environment["TWINCTL_ADDRESS"] = "127.0.0.1:1"
        self.replay(self.write(self.make_rows(5)), "veh-1", code=3)

    def test_live_replay_ends_now(self):
        before = time.time()
        done = self.replay(self.write(self.make_rows(20)), "veh-1", "--live", "--speed", "1000x")
        self.assertNotIn("kept", done.stderr)
        times = [line.split(",")[1] for line in
                 self.twinctl("history", "export", "veh-1-pack", "--path", "voltage").splitlines()[1:]]
        seconds, _, fraction = times[-1].rstrip("Z").partition(".")
        last = datetime.datetime.fromisoformat(seconds + "+00:00").timestamp() + float(f"0.{fraction or 0}")
        self.assertGreaterEqual(last, before - 1)
        self.assertLessEqual(last, time.time() + 1)

    def test_history_goes_out_and_in(self):
        rows = self.make_rows(50)
        self.replay(self.write(rows), "veh-1")
        for form in ("csv", "ndjson"):
            file, again = self.path / f"pack.{form}", self.path / f"again.{form}"
            self.twinctl("history", "export", "veh-1-pack", "veh-1-bms", "-o", form, "--file", file)
            self.assertIn("would import 90 rows", self.twinctl("history", "import", file, "--dry-run"))
            self.assertIn("imported 90 rows", self.twinctl("history", "import", file))
            self.twinctl("history", "export", "veh-1-pack", "veh-1-bms", "-o", form, "--file", again)
            self.assertEqual(again.read_text(), file.read_text())
        # Into other twins, compressed, and through stdin.
        text = (self.path / "pack.csv").read_text().replace("veh-1-", "veh-2-")
        self.replay(self.write(rows[:1]), "veh-2")
        with gzip.open(self.path / "other.csv.gz", "wt") as file:
            file.write(text)
        self.twinctl("history", "import", self.path / "other.csv.gz")
        self.assertEqual(self.twinctl("history", "export", "veh-2-pack", "veh-2-bms"), text)
        self.twinctl("history", "import", "-", input=text)
        # A window: from is in it, to is not.
        window = self.twinctl("history", "export", "veh-1-pack", "--path", "voltage", "--from", "2021-05-05T01:10:10Z",
                              "--to", "2021-05-05T01:10:30Z").splitlines()
        self.assertEqual([line.split(",")[1] for line in window[1:]], ["2021-05-05T01:10:10Z", "2021-05-05T01:10:20Z"])

    def test_wrong_lines_are_named(self):
        self.replay(self.write(self.make_rows(1)), "veh-1")
        file = self.path / "wrong.csv"
        file.write_text("twin,time,voltage\nveh-1-pack,2021-05-05T00:00:00Z,1.5\n\nno,2021-05-05T00:00:00Z,2.5\n")
        done = self.run_program("twinctl", "history", "import", file, code=1)
        self.assertRegex(done.stderr, r"wrong\.csv:4: .*'no'")
        self.assertEqual(done.stdout, "imported 1 row\n")
        file.write_text("twin,time,voltage\nveh-1-pack,yesterday,1.5\n")
        self.assertIn("wrong.csv:2: 'yesterday' is no time",
                      self.run_program("twinctl", "history", "import", file, code=1).stderr)
        self.assertIn("has no 'volts'",
                      self.run_program("twinctl", "history", "export", "veh-1-pack", "--path", "volts", code=1).stderr)

    def test_values_are_sent_and_watched(self):
        self.replay(self.write(self.make_rows(1)), "veh-1")
        tail = subprocess.Popen([BIN / "twinctl", "telemetry", "tail", "veh-1-pack", "--path", "voltage", "--interval",
                                 "20ms", "--from", "2021-05-05T01:10:01Z", "-o", "ndjson"], env=self.environment,
                                stdout=subprocess.PIPE, text=True)
        for number_sent in (1, 2):
            self.twinctl("telemetry", "send", "veh-1-pack", json.dumps({"voltage": 350.5 + number_sent}), "--time",
                         f"2021-05-05T02:00:0{number_sent}Z")
            self.assertEqual(json.loads(tail.stdout.readline()),
                             {"twin": "veh-1-pack", "time": f"2021-05-05T02:00:0{number_sent}Z",
                              "voltage": 350.5 + number_sent})
        tail.send_signal(signal.SIGINT)
        self.assertEqual(tail.wait(), 130)
        tail.stdout.close()
        counted = self.twinctl("telemetry", "tail", "veh-1-pack", "--from", "2021-05-05T02:00:00Z", "--count", 1)
        self.assertEqual(counted, "2021-05-05T02:00:01Z  voltage=351.5\n")
        wrong = self.run_program("twinctl", "telemetry", "send", "veh-1-pack", '{"voltage": "high"}', code=1)
        self.assertIn("voltage", wrong.stderr)
        layouts = json.loads(self.twinctl("telemetry", "layouts", "-o", "json"))
        self.assertEqual(len(layouts), 1)
        resolved = self.twinctl("telemetry", "layouts", layouts[0]["id"], "--resolved", "-o", "csv").splitlines()
        self.assertEqual(len(resolved), 1 + layouts[0]["columnCount"])
        self.assertTrue(any("veh-1-m05-c01 voltage" in line for line in resolved))

    def test_load_measures(self):
        for encoding in ("int16", "double", "rows"):
            done = self.run_program("twinsim", "load", "--vehicles", 2, "--cells", 24, "--messages", 6, "--encoding",
                                    encoding, "--models", ROOT / "models/battery")
            self.assertIn("6 messages, 60 frames, 1440 values", done.stdout)
            self.assertIn("0 rejects", done.stdout)
        exported = self.twinctl("history", "export", "load-000001-m01-c01", "--path", "voltage").splitlines()
        self.assertEqual(len(exported), 1 + 30)

    def test_load_at_a_rate_is_of_the_present(self):
        load = ["load", "--vehicles", 4, "--cells", 24, "--probes", 5, "--frames-per-message", 1, "--rate", 40,
                "--messages", 12, "--models", ROOT / "models/battery"]
        for _ in range(2):  # the vehicles are made once
            done = self.run_program("twinsim", *load)
            self.assertIn("12 messages, 12 frames, 348 values", done.stdout)
            self.assertIn("0 rejects", done.stdout)
        self.assertEqual(json.loads(self.twinctl("status", "-o", "json"))["history"]["layouts"], 4)
        of_minute = self.twinctl("query", "SELECT COUNT(h.voltage) FROM DIGITALTWINS MATCH (c:BatteryCell) "
                                 "HISTORY h OF c.(voltage) LAST 1h", "-o", "csv")
        self.assertEqual(of_minute.splitlines()[1], str(2 * 12 * 24))
        refused = self.run_program("twinsim", *load[:6], 6, *load[7:], code=1)
        self.assertIn("has 24 cells and 5 probes, not 24 and 6", refused.stderr)

    def status_of_history(self):
        return json.loads(self.twinctl("status", "-o", "json"))["history"]

    def test_repacked_days_read_the_same(self):
        rows = self.make_rows(700)
        self.replay(self.write(rows), "veh-1")
        self.twinctl("checkpoint")
        self.assertGreater(self.status_of_history()["files"], 0)
        done = json.loads(self.twinctl("compact", "--history", "-o", "json"))
        self.assertGreaterEqual(done["packedDays"], 0)
        history = self.status_of_history()
        self.assertGreater(history["packedFiles"], 0)
        self.assertEqual(history["packedFiles"], history["files"])
        self.assertEqual(history["packing"], "")
        self.assertGreater(history["rollupRows"], 0)
        self.check("veh-1", self.HEADER, rows)
        by_hour = ("SELECT TIME_BUCKET(1h, h.time) AS hour, COUNT(h.voltage), MIN(h.voltage), AVG(h.voltage) FROM DIGITALTWINS "
                   "MATCH (p:BatteryPack) HISTORY h OF p.(voltage) SINCE '2021-01-01T00:00:00Z' GROUP BY hour ORDER BY hour")
        self.assertIn("summed up by block statistics, roll-up 1h, 1m", self.twinctl("query", by_hour, "--explain"))
        profiled = self.run_program("twinctl", "query", by_hour, "--profile", "-o", "json")
        self.assertRegex(profiled.stderr, r"[1-9]\d* rows of roll-ups \(0 of samples that are kept no longer\)")
        # What comes late after that is read with it.
        late = self.make_rows(40, seed=2)
        for row in late:  # a missing value replaces nothing
            row[7:12] = [text if text not in ("", "5000", "65535") else "3700" for text in row[7:12]]
            row[12:14] = [text if text not in ("", "254", "255") else "25.0" for text in row[12:14]]
        self.replay(self.write(late), "veh-1")
        last = {row[0]: row for row in [*rows, *late]}
        self.check("veh-1", self.HEADER, list(last.values()))
        self.restart(signal.SIGTERM)
        self.check("veh-1", self.HEADER, list(last.values()))
        self.assertEqual(self.stop(signal.SIGTERM), 0)
        report = self.run_program("twinctl", "check", self.path / "data").stdout
        self.assertRegex(report, r"history: \d+ files, [1-9]\d* of them re-packed, \d+ blocks, \d+ rows: good")
        self.start()

    @unittest.skipUnless(DATA, "TWINGRAPH_DATA names no folder with the recorded cars")
    def test_the_recorded_cars_read_back_value_for_value(self):
        values = 0
        for car in ("car1", "car2"):
            with self.subTest(car):
                file = pathlib.Path(DATA) / "battery/field_ev_cells" / f"{car}.csv.gz"
                if not file.exists():
                    self.skipTest(f"{file} is not there")
                self.replay(file, car)
                with gzip.open(file, "rt") as opened:
                    header, *rows = csv.reader(opened)
                self.check(car, header, rows)
                # The same after its days were re-packed.
                self.twinctl("compact", "--history")
                _, expected = self.check(car, header, rows)
                values += sum(len(samples) for paths in expected.values() for samples in paths.values())
        history = self.status_of_history()
        self.assertGreater(history["packedRows"], 0)
        # 0.29 of cells and probes; what is measured once a pack takes a byte or more.
        print(f"recorded cars: {history['packedBytes'] / values:.3f} bytes a value")
        self.assertLess(history["packedBytes"] / values, 0.35)


if __name__ == "__main__":
    unittest.main()
