"""PostgreSQL 15: COPY, prepared statements, pgbench, LISTEN and NOTIFY."""
import io
import os
import random
import select
import signal
import threading
import time

import psycopg2
import psycopg2.extras

import sql
from fleet import CELLS
from peer import EVENT_RATE, Figure, latency
from tools import answers, bytes_in, free_port, wait_until


class PostgreSql(sql.SqlPeer):
    name = "PostgreSQL"
    durability = "fsync, synchronous_commit = on"
    configuration = ("shared_buffers a quarter of memory, effective_cache_size three quarters, work_mem 64 MB, "
                     "max_wal_size 8 GB, random_page_cost 1.1, two parallel workers; ANALYZE after loading")
    mark = "%s"

    def start(self):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
        self.data, self.port = self.folder / "data", free_port()
        self.data.mkdir(mode=0o700)
        self.tools.give_away(self.data)
        self.tools.run([self.tools.program("initdb"), "-D", self.data, "-U", "bench", "-A", "trust", "-E", "UTF8",
                        "--locale=C", "--no-instructions"], cwd="/", **self.tools.user)
        settings = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
                    "shared_buffers": f"{memory // 4}MB", "effective_cache_size": f"{memory * 3 // 4}MB",
                    "work_mem": "64MB", "maintenance_work_mem": "512MB", "max_wal_size": "8GB", "random_page_cost": 1.1,
                    "max_connections": 200, "max_parallel_workers_per_gather": 2}
        self.command = [self.tools.program("postgres"), "-D", self.data,
                        *(word for name, value in settings.items() for word in ("-c", f"{name}={value}"))]
        self.process = None
        self._run()
        self.version = self.ask("SHOW server_version")[0][0].split()[0]

    def _run(self):
        self.process = self.tools.spawn(self.command, self.folder / "log", cwd="/", **self.tools.user)
        wait_until(self._takes_queries, self.process, "PostgreSQL")

    def _connect(self):
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user="bench", dbname="postgres")
        connection.autocommit = True
        return connection

    def _takes_queries(self):
        if not answers(self.port):
            return False
        try:
            self.connection = self._connect()
        except psycopg2.OperationalError:
            return False
        return True

    def stop(self):
        self.tools.end(self.process, signal.SIGINT)

    def ask(self, text, parameters=()):
        with self.connection.cursor() as cursor:
            # A % of the text is no mark where there are no parameters.
            cursor.execute(text.replace(" % ", " %% ") if parameters else text, parameters or None)
            return cursor.fetchall()

    def _copy(self, table, rows):
        text = io.StringIO("".join("\t".join(map(str, row)) + "\n" for row in rows))
        with self.connection.cursor() as cursor:
            cursor.copy_expert(f"COPY {table} FROM STDIN", text)

    def load(self):
        tables = list(self.rows())
        with self.connection.cursor() as cursor:
            cursor.execute(sql.TABLES)
            begin = time.perf_counter()
            for table, rows in tables:
                self._copy(table, rows)
            cursor.execute(sql.INDEXES)
            cursor.execute("ANALYZE")
        return Figure(self.fleet.size.twins / (time.perf_counter() - begin), "/s",
                      self.ask("SELECT COUNT(*) FROM cell")[0][0], "COPY, then indexes")

    def _pgbench(self, script, clients, transactions, log=False):
        """(transactions a second, seconds that each took if there is a log)."""
        path, log_path = self.folder / "script.sql", self.folder / "pgbench_log"
        path.write_text(script)
        printed = self.tools.run(
            [self.tools.program("pgbench"), "-h", "127.0.0.1", "-p", self.port, "-U", "bench", "-n", "-M", "prepared",
             "-c", clients, "-j", min(clients, 2), "-t", max(1, self.times(transactions) // clients), "-f", path,
             *(["-l", f"--log-prefix={log_path}"] if log else []), "postgres"])
        rate = float(printed.split("tps = ")[1].split()[0])
        spans = [int(line.split()[2]) / 1e6 for file in self.folder.glob("pgbench_log.*")
                 for line in file.read_text().splitlines()]
        for file in self.folder.glob("pgbench_log.*"):
            file.unlink()
        return rate, spans

    def _by_random_cell(self, statement):
        return f"\\set n random(0, {self.fleet.size.cells - 1})\n{statement};\n"

    def read_one(self):
        script = self._by_random_cell("SELECT * FROM cell WHERE number = :n")
        median, _ = latency(self._pgbench(script, 1, 20_000, log=True)[1])
        return Figure(median, "µs", note="pgbench, prepared, by number")

    def read_16_clients(self):
        return Figure(self._pgbench(self._by_random_cell("SELECT * FROM cell WHERE number = :n"), 16, 80_000)[0], "/s")

    _UPDATE = "UPDATE cell SET sent = sent + 1 WHERE number = :n"

    def update_one_client(self):
        return Figure(self._pgbench(self._by_random_cell(self._UPDATE), 1, 3_000)[0], "/s", note="pgbench, prepared")

    def update_64_in_flight(self):
        return Figure(self._pgbench(self._by_random_cell(self._UPDATE), 64, 60_000)[0], "/s", note="64 connections")

    def update_batches(self):
        batches = [random.sample(range(self.fleet.size.cells), 1000) for _ in range(50)]
        begin = time.perf_counter()
        with self.connection.cursor() as cursor:
            for cells in batches:
                cursor.execute("UPDATE cell SET sent = sent + 1 WHERE number = ANY(%s)", (cells,))
        return Figure(50_000 / (time.perf_counter() - begin), "/s", note="UPDATE … = ANY(1,000 keys)")

    def ingest(self):
        seconds = 0.0
        before = bytes_in(self.data / "base")
        with self.connection.cursor() as cursor:
            cursor.execute(sql.SAMPLE_INDEX)
            for first in range(0, self.fleet.size.frames, 10):
                text = io.StringIO("".join("\t".join(map(str, row)) + "\n"
                                           for frame in range(first, min(first + 10, self.fleet.size.frames))
                                           for row in self.samples(frame)))
                begin = time.perf_counter()
                cursor.copy_expert("COPY sample FROM STDIN", text)
                seconds += time.perf_counter() - begin
            cursor.execute("VACUUM ANALYZE sample")
            cursor.execute("CHECKPOINT")
        self.stored = bytes_in(self.data / "base") - before
        return Figure(self.fleet.size.values / seconds, "/s", self.ask("SELECT COUNT(*) FROM sample")[0][0],
                      "COPY of ten frames of all vehicles; index on (cell, time)")

    def bytes_per_value(self):
        return Figure(self.stored / self.fleet.size.values, "bytes")

    def notify(self):
        count, spans, listening = self.times(2_000), [], threading.Event()

        def listen():
            connection = self._connect()
            with connection.cursor() as cursor:
                cursor.execute("LISTEN changes")
            listening.set()
            while len(spans) < count:
                select.select([connection], [], [], 10)
                connection.poll()
                now = time.perf_counter()
                spans.extend(now - float(notice.payload) for notice in connection.notifies)
                connection.notifies.clear()
            connection.close()

        thread = threading.Thread(target=listen)
        thread.start()
        listening.wait()
        begin = time.perf_counter()
        with self.connection.cursor() as cursor:
            for i in range(count):
                time.sleep(max(0.0, begin + i / EVENT_RATE - time.perf_counter()))
                cursor.execute("BEGIN; UPDATE cell SET sent = %s WHERE number = %s; "
                               "SELECT pg_notify('changes', %s); COMMIT", (i, i % CELLS, repr(time.perf_counter())))
        thread.join()
        median, late = latency(spans)
        return Figure(median, "µs", note=f"UPDATE and NOTIFY in one transaction, Python's threads; p99 {late:.0f} µs")

    def restart(self):
        self.connection.close()
        self.stop()
        begin = time.perf_counter()
        self._run()
        self.ask("SELECT id FROM cell WHERE number = 0")
        return Figure(time.perf_counter() - begin, "s")
