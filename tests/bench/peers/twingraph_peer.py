"""Twingraph itself, as its users run it: twind on a port, asked through gRPC."""
import json
import re
import time

from fleet import BEGIN, CELLS, STEP_S, vehicle_id
from peer import BUCKET_FRAMES, EVENT_RATE, LOW_VOLTAGE, WARM, Figure, Peer, rounded
from tools import free_port, wait_until

BELOW = "MATCH (v:Vehicle)-[:hasPack]->(p)-[:hasModule]->(m)-[:hasCell]->(c)"


def iso(frame):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(BEGIN.timestamp() + STEP_S * frame))


class Twingraph(Peer):
    name = "Twingraph"
    durability = "fdatasync before each acknowledgement"
    configuration = "defaults"

    def start(self):
        self.address = f"127.0.0.1:{free_port()}"
        self._run()
        self.version = self.tools.run([self.tools.bin_dir / "twind", "--version"]).split()[-1]

    def _run(self):
        log = self.folder / "log"
        log.write_text("")
        self.process = self.tools.spawn(
            [self.tools.bin_dir / "twind", "--data-dir", self.folder / "data", "--listen", self.address, "--log-level",
             "warn"], log)
        wait_until(lambda: "is ready" in log.read_text(), self.process, "twind")

    def stop(self):
        self.tools.end(self.process)

    def _drive(self, work, **options):
        return json.loads(self.tools.run([self.tools.bin_dir / "peers_driver", self.address, work,
                                          *(f"{name}={value}" for name, value in options.items())]))

    def _twinctl(self, *arguments):
        return self.tools.run([self.tools.bin_dir / "twinctl", "--address", self.address, *arguments])

    def load(self):
        file = self.folder / "import.ndjson"
        self.fleet.write_import(file)
        begin = time.perf_counter()
        self._twinctl("import", file)
        seconds = time.perf_counter() - begin
        file.unlink()
        count = self._query("SELECT COUNT() AS n FROM DIGITALTWINS MATCH (c:Cell)", 1)
        return Figure(self.fleet.size.twins / seconds, "/s", count.answer[0][0],
                      "twinctl import of a file, models and relationships with it")

    def _query(self, text, times=100, unit="ms"):
        figures = self._drive("query", text=text, count=times)
        rows = [tuple(json.loads(line).values()) for line in figures["rows"].splitlines()]
        return Figure(figures["p50_us"] / (1000 if unit == "ms" else 1), unit, rounded(rows),
                      f"p99 {figures['p99_us'] / 1000:.2f} ms")

    def _updates(self, count, window, batch):
        return self._drive("update", vehicles=self.fleet.size.vehicles, count=count, window=window, batch=batch)

    def read_one(self):
        figures = self._drive("read", vehicles=self.fleet.size.vehicles, count=self.times(20_000), clients=1)
        return Figure(figures["p50_us"], "µs", note=f"p99 {figures['p99_us']:.0f} µs")

    def read_16_clients(self):
        figures = self._drive("read", vehicles=self.fleet.size.vehicles, count=self.times(80_000), clients=16)
        return Figure(figures["per_second"], "/s")

    def update_one_client(self):
        return Figure(self._updates(self.times(3_000), 1, 1)["per_second"], "/s")

    def update_64_in_flight(self):
        return Figure(self._updates(self.times(100_000), 64, 1)["per_second"], "/s", note="one stream")

    def update_batches(self):
        return Figure(self._updates(1_000 * self.times(1_000), 4, 1_000)["per_second"], "/s",
                      note="one stream, four batches in flight")

    def cells_of_one_vehicle(self):
        vehicle = vehicle_id(self.fleet.size.history_vehicles // 2)
        return self._query(f"SELECT c.seriesIndex AS i, c.voltage AS v FROM DIGITALTWINS {BELOW} "
                           f"WHERE v.$dtId = '{vehicle}' AND c.voltage > {LOW_VOLTAGE}", 2_000, "µs")

    _FEW = f"WHERE c.voltage < {LOW_VOLTAGE} AND c.temperature > {WARM}"

    def count_cells(self):
        return self._query(f"SELECT COUNT() AS n FROM DIGITALTWINS MATCH (c:Cell) {self._FEW}")

    def list_cells(self):
        return self._query("SELECT c.$dtId AS id, c.voltage AS v, c.temperature AS t "
                           f"FROM DIGITALTWINS MATCH (c:Cell) {self._FEW}")

    def spread_of_packs(self):
        return self._query("SELECT MAX(c.voltage) - MIN(c.voltage) AS spread FROM DIGITALTWINS "
                           "MATCH (p:Pack)-[:hasModule]->()-[:hasCell]->(c) "
                           "GROUP BY p.$dtId ORDER BY spread DESC LIMIT 10")

    def ingest(self):
        size, file = self.fleet.size, self.folder / "frames"
        self.fleet.write_frames(file)
        figures = self._drive("ingest", file=file, vehicles=size.history_vehicles, frames=size.frames, together=10)
        file.unlink()
        self._twinctl("compact", "--history")
        self.history = json.loads(self._twinctl("status", "-o", "json"))["history"]
        rows = self._query(f"SELECT COUNT(h.voltage) AS n FROM DIGITALTWINS MATCH (c:Cell) HISTORY h OF c.(voltage) "
                           f"FROM '{iso(0)}' TO '{iso(size.frames)}'", 1)
        return Figure(figures["per_second"], "/s", rows.answer[0][0], "ten frames of a vehicle a message")

    def bytes_per_value(self):
        """Of the rows that are in files; fewer than 256 of a vehicle wait in memory and the journal."""
        if self.history["rows"] == 0:
            return None
        return Figure(self.history["fileBytes"] / (self.history["rows"] * 3 * CELLS), "bytes",
                      note="days re-packed, as after 30 days")

    def minutes_of_one_vehicle(self):
        vehicle = vehicle_id(self.fleet.size.history_vehicles // 2)
        figure = self._query(
            "SELECT m.position AS module, TIME_BUCKET(1m, h.time) AS minute, AVG(h.temperature) AS mean, "
            f"MAX(h.temperature) AS highest FROM DIGITALTWINS {BELOW} "
            f"HISTORY h OF c.(temperature) FROM '{iso(0)}' TO '{iso(BUCKET_FRAMES)}' "
            f"WHERE v.$dtId = '{vehicle}' GROUP BY m.position, minute")
        midnight = int(BEGIN.timestamp())
        figure.answer = [(module, midnight + self._seconds(minute), *values)
                         for module, minute, *values in figure.answer]
        return figure

    @staticmethod
    def _seconds(minute):
        """Since BEGIN's midnight, of an ISO 8601 time of that day."""
        hours, minutes, seconds = map(int, re.search(r"T(\d\d):(\d\d):(\d\d)", minute).groups())
        return hours * 3600 + minutes * 60 + seconds

    def warmest_cells(self):
        return self._query(
            "SELECT AVG(h.temperature) AS mean FROM DIGITALTWINS MATCH (c:Cell) "
            f"HISTORY h OF c.(temperature) FROM '{iso(0)}' TO '{iso(self.fleet.size.frames)}' "
            "GROUP BY c.$dtId ORDER BY mean DESC LIMIT 20", 20)

    def notify(self):
        figures = self._drive("events", vehicles=self.fleet.size.vehicles, rate=EVENT_RATE, count=self.times(2_000))
        return Figure(figures["p50_us"], "µs", note=f"durable, resumable; p99 {figures['p99_us']:.0f} µs")

    def restart(self):
        self.stop()
        begin = time.perf_counter()
        self._run()
        self._query(f"SELECT v.$dtId AS id FROM DIGITALTWINS MATCH (v:Vehicle) WHERE v.$dtId = '{vehicle_id(0)}'", 1)
        return Figure(time.perf_counter() - begin, "s", note="with the start of a client")
