"""SQLite, in this process."""
import random
import sqlite3
import time

import sql
from peer import Figure, latency
from tools import bytes_in


class Sqlite(sql.InProcessPeer):
    name = "SQLite"
    durability = "WAL, synchronous = FULL"
    configuration = "cache_size 1 GB, mmap_size 8 GB, in the asking process: no wire"

    def start(self):
        self.connection = sqlite3.connect(self.folder / "fleet.db", isolation_level=None, cached_statements=1000)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-1048576", "mmap_size=8589934592",
                       "temp_store=MEMORY"):
            self.connection.execute(f"PRAGMA {pragma}")
        self.version = sqlite3.sqlite_version

    def stop(self):
        self.connection.close()

    def ask(self, text, parameters=()):
        return self.connection.execute(text, parameters).fetchall()

    def load(self):
        tables = list(self.rows())
        self.connection.executescript(sql.TABLES)
        begin = time.perf_counter()
        self.connection.execute("BEGIN")
        for table, rows in tables:
            self.connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
        self.connection.execute("COMMIT")
        self.connection.executescript(sql.INDEXES + "; ANALYZE")
        return Figure(self.fleet.size.twins / (time.perf_counter() - begin), "/s",
                      self.ask("SELECT COUNT(*) FROM cell")[0][0], "one transaction, then indexes")

    def _number(self):
        return random.randrange(self.fleet.size.cells)

    def read_one(self):
        _, micros = self.timed(lambda: self.ask("SELECT * FROM cell WHERE number = ?", (self._number(),)),
                               times_max=100_000)
        return Figure(micros, "µs", note="no wire")

    def update_one_client(self):
        spans = []
        for _ in range(self.times(2_000)):
            begin = time.perf_counter()
            self.connection.execute("UPDATE cell SET sent = sent + 1 WHERE number = ?", (self._number(),))
            spans.append(time.perf_counter() - begin)
        return Figure(1e6 / latency(spans)[0], "/s")

    def update_batches(self):
        batches = [[(self._number(),) for _ in range(1000)] for _ in range(50)]
        begin = time.perf_counter()
        for cells in batches:
            self.connection.execute("BEGIN")
            self.connection.executemany("UPDATE cell SET sent = sent + 1 WHERE number = ?", cells)
            self.connection.execute("COMMIT")
        return Figure(50_000 / (time.perf_counter() - begin), "/s")

    def ingest(self):
        self.connection.execute(sql.SAMPLE_INDEX)
        before, seconds = bytes_in(self.folder), 0.0
        for first in range(0, self.fleet.size.frames, 10):
            frames = range(first, min(first + 10, self.fleet.size.frames))
            rows = [row for frame in frames for row in self.samples(frame)]
            begin = time.perf_counter()
            self.connection.execute("BEGIN")
            self.connection.executemany("INSERT INTO sample VALUES (?, ?, ?, ?, ?)", rows)
            self.connection.execute("COMMIT")
            seconds += time.perf_counter() - begin
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.stored = bytes_in(self.folder) - before
        return Figure(self.fleet.size.values / seconds, "/s", self.ask("SELECT COUNT(*) FROM sample")[0][0],
                      "a transaction for ten frames of all vehicles; index on (cell, time)")
