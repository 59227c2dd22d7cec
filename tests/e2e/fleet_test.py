#!/usr/bin/env python3
"""A fleet that lives: twinsim fleet against twind, its metrics, and twinctl top."""
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).parents[2]
BIN = pathlib.Path(os.environ["TWIN_BIN_DIR"])
BEGIN = "2026-03-02T00:00:00Z"  # before the clock of any machine that runs this


class Server:
    """twind on free ports, with a data directory."""

    def __init__(self, folder, *options):
        self.folder = folder
        self.log = open(folder / "twind.log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [BIN / "twind", "--data-dir", folder / "data", "--listen", "127.0.0.1:0", *options],
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.address = re.search(r"is ready on (\S+)", self.process.stdout.readline()).group(1)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait()
        self.process.stdout.close()
        self.log.close()
        return code

    def metrics_url(self):
        self.log.flush()
        text = (self.folder / "twind.log").read_text(encoding="utf-8")
        return f"http://127.0.0.1:{re.search('event=.metrics. port=([0-9]+)', text).group(1)}/metrics"


class TestCase(unittest.TestCase):
    """With a server, and ways to ask it."""

    def setUp(self):
        self.maxDiff = 2000
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.servers = 0
        self.server = self.start()

    def start(self, *options):
        self.servers += 1
        path = pathlib.Path(self.folder.name) / str(self.servers)
        path.mkdir()
        server = Server(path, *options)
        self.addCleanup(server.stop)
        return server

    def run_program(self, program, *arguments, server=None, code=0):
        environment = {**os.environ, "TWINCTL_ADDRESS": (server or self.server).address, "HOME": self.folder.name,
                       "XDG_CONFIG_HOME": self.folder.name}
        done = subprocess.run([BIN / program, *map(str, arguments)], capture_output=True, text=True, env=environment,
                              check=False, timeout=120)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def drive(self, *arguments, **more):
        return self.run_program("twinsim", "fleet", "--models", ROOT / "models/battery", "--speed", "max", *arguments,
                                **more)

    def query(self, text, server=None):
        done = self.run_program("twinctl", "query", text, "-o", "ndjson", server=server)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def figures(self, done):
        """The numbers of the simulator's last line, by their words."""
        return {word: int(count) for count, word in re.findall(r"(\d+) (frames late|frames|values|rejects|changes)\b(?!/)", done.stdout)}


class FleetTest(TestCase):
    """Vehicles and what they send."""

    def test_drives_the_fleet_that_it_makes(self):
        done = self.drive("--vehicles", 4, "--from", BEGIN, "--for", "2d")
        self.assertIn("making 4 vehicles", done.stderr)
        figures = self.figures(done)
        self.assertEqual(figures["rejects"], 0)
        self.assertGreater(figures["frames"], 4 * 1000)
        # What the server has is what was sent: a frame is a sample of the pack.
        rows = self.query("SELECT v.$dtId AS id, v.telematicsProtocol AS protocol, COUNT(h.current) AS n, "
                          "MIN(h.current) AS low, MAX(h.current) AS high "
                          "FROM DIGITALTWINS MATCH (v:Vehicle)-[:hasPack]->(p:BatteryPack) "
                          f"HISTORY h OF p.(current) FROM '{BEGIN}' TO '2026-03-09T00:00:00Z' "
                          "GROUP BY v.$dtId, v.telematicsProtocol ORDER BY v.$dtId")
        self.assertEqual(len(rows), 4)
        # Some times are sent twice: the first frame of a state takes the place of the last of the former.
        self.assertLessEqual(sum(row["n"] for row in rows), figures["frames"])
        self.assertGreater(sum(row["n"] for row in rows), 0.97 * figures["frames"])
        for row in rows:
            self.assertLess(row["low"], -20, f"driving discharges, {row['protocol']}")
            self.assertGreater(row["high"], 10, "charging")
        states = self.query("SELECT DISTINCT v.state AS state FROM DIGITALTWINS MATCH (v:Vehicle)")
        self.assertLessEqual({row["state"] for row in states}, {"off", "driving", "charging"})
        # Cells sum up to the pack, within their steps.
        sums = self.query("SELECT p.$dtId AS id, p.voltage AS pack, SUM(c.voltage) AS cells, COUNT(c.voltage) AS n "
                          "FROM DIGITALTWINS MATCH (p:BatteryPack)-[:hasModule|hasCell*1..2]->(c:BatteryCell) "
                          "GROUP BY p.$dtId, p.voltage")
        for row in sums:
            self.assertAlmostEqual(row["pack"], row["cells"], delta=0.0006 * row["n"] + 0.06)

    def test_the_same_seed_sends_the_same(self):
        other = self.start()
        question = ("SELECT c.$dtId AS id, COUNT(h.voltage) AS n, SUM(h.voltage) AS s FROM DIGITALTWINS MATCH "
                    "(p:BatteryPack)-[:hasModule|hasCell*1..2]->(c:BatteryCell) "
                    f"HISTORY h OF c.(voltage) FROM '{BEGIN}' TO '2026-03-09T00:00:00Z' GROUP BY c.$dtId ORDER BY c.$dtId")
        for server in (self.server, other):
            self.drive("--vehicles", 2, "--from", BEGIN, "--for", "1d", "--seed", 7, server=server)
        self.assertEqual(self.query(question), self.query(question, server=other))

    def test_a_second_run_goes_on(self):
        state = ("SELECT v.$dtId AS id, v.odometer AS odometer, p.fullEquivalentCycles AS cycles, p.soc AS soc "
                 "FROM DIGITALTWINS MATCH (v:Vehicle)-[:hasPack]->(p:BatteryPack) ORDER BY v.$dtId")
        self.drive("--vehicles", 3, "--from", BEGIN, "--for", "1d")
        before = self.query(state)
        # The server is another one, with the same data; the fleet has grown.
        self.assertEqual(self.server.stop(), 0)
        self.server = Server(self.server.folder, "--log-level", "warn")
        self.addCleanup(self.server.stop)
        done = self.drive("--vehicles", 4, "--from", BEGIN, "--for", "1d")
        self.assertIn("making 1 vehicles", done.stderr)
        self.assertRegex(done.stderr, "going on from 2026-03-0[23]T")
        after = self.query(state)
        self.assertEqual(len(after), 4)
        for old, new in zip(before, after):
            self.assertGreaterEqual(new["odometer"], old["odometer"])
            self.assertLess(new["odometer"], old["odometer"] + 600)
            self.assertGreaterEqual(new["cycles"], old["cycles"])
        self.assertGreater(sum(new["odometer"] - old["odometer"] for old, new in zip(before, after)), 30)

    def test_faults_show_on_the_server(self):
        self.drive("--vehicles", 2, "--from", BEGIN, "--for", "3d", "--fault", "thermal@veh-000001/7+30h")
        alarm = self.query("SELECT MAX(h.highestAlarmLevel) AS level FROM DIGITALTWINS MATCH (b:Bms) "
                           f"HISTORY h OF b.(highestAlarmLevel) FROM '{BEGIN}' TO '2026-03-09T00:00:00Z' "
                           "WHERE b.$dtId = 'veh-000001-bms'")
        self.assertEqual(alarm[0]["level"], 3)
        done = self.drive("--vehicles", 2, "--fault", "drift@veh-000009", "--from", BEGIN, code=1)
        self.assertIn("there is no vehicle 'veh-000009'", done.stderr)
        done = self.drive("--vehicles", 2, "--fault", "drift@veh-000001", "--fault", "loose@veh-000001", "--from", BEGIN,
                          code=1)
        self.assertIn("more than one fault", done.stderr)

    def test_goes_on_until_it_is_stopped(self):
        environment = {**os.environ, "TWINCTL_ADDRESS": self.server.address}
        with subprocess.Popen([BIN / "twinsim", "fleet", "--vehicles", "2", "--since", "2d", "--speed", "7200x",
                               "--models", str(ROOT / "models/battery")],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as simulator:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                status = json.loads(self.run_program("twinctl", "status", "-o", "json").stdout)
                if status["history"]["samples"] > 0:
                    break
                time.sleep(0.1)
            simulator.send_signal(signal.SIGTERM)
            out, err = simulator.communicate(timeout=60)
        self.assertEqual(simulator.returncode, 130, err)
        self.assertRegex(out, "^drove 2 vehicles to ")

    def test_no_server_is_said(self):
        self.assertEqual(self.server.stop(), 0)
        done = self.drive("--vehicles", 2, code=3)
        self.assertIn("no server can be reached", done.stderr)


class MetricsTest(TestCase):
    """What Prometheus and people see of a server."""

    def page(self, server):
        with urllib.request.urlopen(server.metrics_url(), timeout=30) as response:
            self.assertEqual(response.status, 200)
            return response.read().decode()

    def value(self, page, name):
        return float(re.search(rf"^{re.escape(name)} (\S+)$", page, re.M).group(1))

    def test_metrics_are_there_when_asked_for(self):
        server = self.start("--metrics-listen", "127.0.0.1:0")
        before = self.page(server)
        self.assertEqual(self.value(before, "twind_twins"), 0)
        self.assertNotIn("battery_soc_percent", before)
        self.assertNotIn("battery_rul_cycles", before)  # nobody has estimated any
        done = self.drive("--vehicles", 3, "--from", BEGIN, "--for", "1d", server=server)
        pack = self.query("SELECT p.$dtId AS id FROM DIGITALTWINS MATCH (p:BatteryPack) LIMIT 1", server=server)[0]["id"]
        self.run_program("twinctl", "twins", "patch", pack, "--set", "rulCycles.value=200", "--set", "rulCycles.lo=50",
                         "--set", "rulCycles.hi=400", "--set", "rulCycles.level=0.9", server=server)
        self.run_program("twinctl", "twins", "get", "no-such", server=server, code=1)
        time.sleep(10.5)  # the fleet's figures are asked for anew after 10 s
        page = self.page(server)
        self.assertGreater(self.value(page, "twind_twins"), 300)
        self.assertGreaterEqual(self.value(page, "twind_ingest_rows_total"), self.figures(done)["frames"])
        self.assertGreaterEqual(self.value(page, "twind_ingest_values_total"), self.figures(done)["values"])
        batches = self.value(page, "twind_ingest_batches_total")
        self.assertEqual(self.value(page, "twind_ingest_batch_seconds_count"), batches)
        self.assertEqual(self.value(page, 'twind_ingest_batch_seconds_bucket{le="+Inf"}'), batches)
        self.assertGreaterEqual(
            self.value(page, 'twind_rpc_seconds_count{method="twingraph.v1.QueryService/Query"}'), 1)
        self.assertGreaterEqual(
            sum(float(count) for count in re.findall(r'^twind_rpc_failed_total\{[^}]*\} (\S+)$', page, re.M)), 1)
        low, high = (self.value(page, f'battery_soc_percent{{stat="{stat}"}}') for stat in ("min", "max"))
        self.assertLessEqual(low, high)
        self.assertEqual(self.value(page, 'battery_soc_percent{stat="count"}'), 3)
        self.assertGreater(self.value(page, 'battery_bms_soh_percent{stat="avg"}'), 50)
        self.assertEqual(sum(float(n) for n in re.findall(r'^battery_vehicles\{[^}]*\} (\S+)$', page, re.M)), 3)
        self.assertEqual(self.value(page, 'battery_rul_cycles{stat="avg"}'), 200)
        # 0.05 below 50, 0.5 below 200: a third of the way.
        self.assertAlmostEqual(self.value(page, 'battery_failure_probability{stat="avg"}'), 0.2)
        self.assertEqual(self.value(page, 'battery_failure_probability{stat="count"}'), 1)
        self.assertEqual(server.stop(), 0)

    def test_metrics_are_refused_where_others_reach_them(self):
        done = subprocess.run([BIN / "twind", "--data-dir", pathlib.Path(self.folder.name) / "x", "--listen", "127.0.0.1:0",
                               "--metrics-listen", "0.0.0.0:0"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--metrics-listen 0.0.0.0:0 is not a loopback address", done.stderr)

    def test_a_metrics_address_that_is_taken_is_said(self):
        server = self.start("--metrics-listen", "127.0.0.1:0")
        taken = server.metrics_url().split("/")[2]
        done = subprocess.run([BIN / "twind", "--data-dir", pathlib.Path(self.folder.name) / "x", "--listen", "127.0.0.1:0",
                               "--metrics-listen", taken], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot listen on --metrics-listen " + taken, done.stderr)

    def test_the_dashboard_asks_for_metrics_that_there_are(self):
        text = (ROOT / "docs/grafana/twingraph.json").read_text(encoding="utf-8")
        json.loads(text)
        known = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
        for name in set(re.findall(r"(?:twind|battery)_[a-z_]+", text)):
            self.assertIn(f"`{name.removesuffix('_bucket')}", known, name)

    def test_top_looks_once_where_there_is_no_terminal(self):
        self.drive("--vehicles", 2, "--from", BEGIN, "--for", "6h")
        table = self.run_program("twinctl", "top").stdout
        for word in ("values/s", "subscriber", "free", "CALL", "AdminService/Status"):
            self.assertIn(word, table)
        document = json.loads(self.run_program("twinctl", "top", "--once", "--interval", "0.2", "-o", "json").stdout)
        self.assertGreaterEqual(document["seconds"], 0.19)
        self.assertEqual([call["method"] for call in document["calls"] if call["perSecond"] > 0],
                         ["AdminService/Status"])

    def test_top_redraws_a_terminal_until_ctrl_c(self):
        main, other = pty.openpty()
        environment = {**os.environ, "TWINCTL_ADDRESS": self.server.address, "TERM": "xterm", "COLUMNS": "100"}
        with subprocess.Popen([BIN / "twinctl", "top", "--interval", "0.2"], stdin=other, stdout=other, stderr=other,
                              env=environment, close_fds=True, preexec_fn=os.setsid) as top:
            os.close(other)
            shown = b""
            while shown.count(b"\x1b[H") < 3:
                shown += os.read(main, 65536)
            top.send_signal(signal.SIGINT)
            try:
                while piece := os.read(main, 65536):
                    shown += piece
            except OSError:  # the other end is closed
                pass
            self.assertEqual(top.wait(timeout=20), 0)
        os.close(main)
        self.assertTrue(shown.startswith(b"\x1b[?1049h"))
        self.assertIn(b"values/s", shown)
        self.assertTrue(shown.rstrip().endswith(b"\x1b[?1049l"), shown[-60:])


if __name__ == "__main__":
    unittest.main()
