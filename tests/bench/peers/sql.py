"""What PostgreSQL, SQLite and DuckDB are told in the same words. Times are seconds since 1970: all three compare and
group them fastest so."""
import time

from fleet import BEGIN, CELLS, MODULES, STEP_S, cell_id, module_id, pack_id, vehicle_id
from peer import BUCKET_FRAMES, LOW_VOLTAGE, WARM, Figure, Peer, rounded

BEGIN_S = int(BEGIN.timestamp())
TABLES = """
CREATE TABLE vehicle (number INTEGER PRIMARY KEY, id TEXT NOT NULL);
CREATE TABLE pack (number INTEGER PRIMARY KEY, id TEXT NOT NULL, vehicle INTEGER NOT NULL);
CREATE TABLE module (number INTEGER PRIMARY KEY, id TEXT NOT NULL, pack INTEGER NOT NULL, position INTEGER NOT NULL);
CREATE TABLE cell (number INTEGER PRIMARY KEY, id TEXT NOT NULL, module INTEGER NOT NULL, series_index INTEGER NOT NULL,
                   voltage DOUBLE PRECISION, temperature DOUBLE PRECISION, soc DOUBLE PRECISION, sent BIGINT);
CREATE TABLE sample (cell INTEGER NOT NULL, time BIGINT NOT NULL, voltage DOUBLE PRECISION,
                     temperature DOUBLE PRECISION, soc DOUBLE PRECISION)"""
INDEXES = """
CREATE UNIQUE INDEX vehicle_id ON vehicle (id);
CREATE INDEX pack_vehicle ON pack (vehicle);
CREATE INDEX module_pack ON module (pack);
CREATE UNIQUE INDEX cell_id ON cell (id);
CREATE INDEX cell_module ON cell (module)"""
SAMPLE_INDEX = "CREATE INDEX sample_cell_time ON sample (cell, time)"
BELOW = """vehicle v JOIN pack p ON p.vehicle = v.number JOIN module m ON m.pack = p.number
           JOIN cell c ON c.module = m.number"""


class SqlPeer(Peer):
    """Asked through ask(), which gives all rows."""
    mark = "?"  # of a parameter

    def ask(self, text, parameters=()):
        raise NotImplementedError

    def rows(self):
        """(table, rows) of the graph."""
        vehicles = range(self.fleet.size.vehicles)
        yield "vehicle", [(v, vehicle_id(v)) for v in vehicles]
        yield "pack", [(v, pack_id(v), v) for v in vehicles]
        yield "module", [(v * MODULES + m, module_id(v, m), v, m + 1) for v in vehicles for m in range(MODULES)]
        yield "cell", [(number, id_, module, index, *values, 0)
                       for number, id_, _, module, index, *values in self.fleet.cells()]

    def samples(self, frame):
        """Rows of one time."""
        cells, values = self.fleet.samples(frame)
        seconds = BEGIN_S + STEP_S * frame
        return [(cell, seconds, *row) for cell, row in zip(cells.tolist(), values.tolist())]

    def _figure(self, text, parameters=(), unit="ms", shape=rounded):
        answer, micros = self.timed(lambda: self.ask(text.replace("?", self.mark), parameters))
        return Figure(micros / (1000 if unit == "ms" else 1), unit, shape(answer))

    def cells_of_one_vehicle(self):
        return self._figure(f"SELECT c.series_index, c.voltage FROM {BELOW} WHERE v.id = ? AND c.voltage > ?",
                            (vehicle_id(self.fleet.size.history_vehicles // 2), LOW_VOLTAGE), unit="µs")

    def count_cells(self):
        return self._figure("SELECT COUNT(*) FROM cell WHERE voltage < ? AND temperature > ?", (LOW_VOLTAGE, WARM))

    def list_cells(self):
        return self._figure("SELECT id, voltage, temperature FROM cell WHERE voltage < ? AND temperature > ?",
                            (LOW_VOLTAGE, WARM))

    def spread_of_packs(self):
        return self._figure(f"SELECT MAX(c.voltage) - MIN(c.voltage) AS spread FROM {BELOW} GROUP BY p.number "
                            "ORDER BY spread DESC LIMIT 10")

    def minutes_of_one_vehicle(self):
        vehicle = vehicle_id(self.fleet.size.history_vehicles // 2)
        return self._figure(f"""SELECT m.position, s.time - s.time % 60, AVG(s.temperature), MAX(s.temperature)
            FROM {BELOW} JOIN sample s ON s.cell = c.number WHERE v.id = ? AND s.time >= ? AND s.time < ?
            GROUP BY 1, 2""", (vehicle, BEGIN_S, BEGIN_S + BUCKET_FRAMES * STEP_S))

    def warmest_cells(self):
        return self._figure("SELECT AVG(temperature) AS mean FROM sample GROUP BY cell ORDER BY mean DESC LIMIT 20")

    def read_key(self, number):
        return cell_id(number // CELLS, number % CELLS)


class InProcessPeer(SqlPeer):
    """A library in this process that keeps its files in `folder`; `stored`: bytes of all samples."""

    def bytes_per_value(self):
        return Figure(self.stored / self.fleet.size.values, "bytes")

    def restart(self):
        self.stop()
        begin = time.perf_counter()
        self.start()
        self.ask("SELECT id FROM cell WHERE number = 0")
        return Figure(time.perf_counter() - begin, "s", note="opens lazily")
