"""DuckDB, in this process."""
import random
import time

import duckdb
import numpy
import pandas

import sql
from fleet import STEP_S
from peer import Figure
from tools import bytes_in


class DuckDb(sql.InProcessPeer):
    name = "DuckDB"
    durability = "a commit is synced"
    configuration = "defaults: all cores, 80 % of memory; in the asking process: no wire"

    def start(self):
        self.connection = duckdb.connect(str(self.folder / "fleet.duckdb"))
        self.version = duckdb.__version__

    def stop(self):
        self.connection.close()

    def ask(self, text, parameters=()):
        return self.connection.execute(text, parameters or None).fetchall()

    def load(self):
        tables = [(table, pandas.DataFrame(rows)) for table, rows in self.rows()]
        self.connection.execute(sql.TABLES)
        begin = time.perf_counter()
        for table, frame in tables:
            self.connection.execute(f"INSERT INTO {table} SELECT * FROM frame")
        # Scans do not use them; looking up by id does.
        for table in ("vehicle", "cell"):
            self.connection.execute(f"CREATE UNIQUE INDEX {table}_id ON {table} (id)")
        self.connection.execute("CHECKPOINT")
        return Figure(self.fleet.size.twins / (time.perf_counter() - begin), "/s",
                      self.ask("SELECT COUNT(*) FROM cell")[0][0], "from data frames, then two indexes")

    def _number(self):
        return random.randrange(self.fleet.size.cells)

    def read_one(self):
        _, micros = self.timed(lambda: self.ask("SELECT * FROM cell WHERE number = ?", (self._number(),)))
        return Figure(micros, "µs", note="no wire")

    def update_one_client(self):
        _, micros = self.timed(lambda: self.ask("UPDATE cell SET sent = sent + 1 WHERE number = ?", (self._number(),)))
        return Figure(1e6 / micros, "/s")

    def update_batches(self):
        batches = [random.sample(range(self.fleet.size.cells), 1000) for _ in range(20)]
        begin = time.perf_counter()
        for cells in batches:
            self.ask("UPDATE cell SET sent = sent + 1 WHERE number IN (SELECT UNNEST(?))", (cells,))
        return Figure(20_000 / (time.perf_counter() - begin), "/s")

    def ingest(self):
        before, seconds = bytes_in(self.folder), 0.0
        for first in range(0, self.fleet.size.frames, 10):
            frames = range(first, min(first + 10, self.fleet.size.frames))
            parts = [self.fleet.samples(frame) for frame in frames]
            rows = pandas.DataFrame({
                "cell": numpy.concatenate([cells for cells, _ in parts]),
                "time": numpy.repeat([sql.BEGIN_S + STEP_S * frame for frame in frames], len(parts[0][0])),
                **{name: numpy.concatenate([values[:, i] for _, values in parts])
                   for i, name in enumerate(("voltage", "temperature", "soc"))}})
            begin = time.perf_counter()
            self.connection.execute("INSERT INTO sample SELECT * FROM rows")
            seconds += time.perf_counter() - begin
        self.connection.execute("CHECKPOINT")
        self.stored = bytes_in(self.folder) - before
        return Figure(self.fleet.size.values / seconds, "/s", self.ask("SELECT COUNT(*) FROM sample")[0][0],
                      "a commit for ten frames of all vehicles, from data frames; no index")
