"""Kuzu, a graph database in this process, asked in Cypher."""
import random
import time

import kuzu
import pandas

from fleet import CELLS, CELLS_PER_MODULE, MODULES, module_id, pack_id, vehicle_id
from peer import LOW_VOLTAGE, WARM, Figure, Peer, rounded

BELOW = "(v:Vehicle)-[:hasPack]->(p:Pack)-[:hasModule]->(m:Module)-[:hasCell]->(c:Cell)"


class Kuzu(Peer):
    name = "Kuzu"
    durability = "WAL, a commit is synced"
    configuration = "defaults: all cores, 80 % of memory; in the asking process: no wire"

    def start(self):
        self.database = kuzu.Database(str(self.folder / "fleet.kuzu"))
        self.connection = kuzu.Connection(self.database)
        self.version = kuzu.__version__

    def stop(self):
        self.connection.close()
        self.database.close()

    def ask(self, text, parameters=None):
        result = self.connection.execute(text, parameters or {})
        rows = []
        while result.has_next():
            rows.append(result.get_next())
        return rows

    def load(self):
        vehicles, size = range(self.fleet.size.vehicles), self.fleet.size
        nodes = [
            ("Vehicle(id STRING PRIMARY KEY)", [(vehicle_id(v),) for v in vehicles]),
            ("Pack(id STRING PRIMARY KEY)", [(pack_id(v),) for v in vehicles]),
            ("Module(id STRING PRIMARY KEY, position INT64)",
             [(module_id(v, m), m + 1) for v in vehicles for m in range(MODULES)]),
            ("Cell(number INT64 PRIMARY KEY, id STRING, seriesIndex INT64, "
             "voltage DOUBLE, temperature DOUBLE, soc DOUBLE, sent INT64)",
             [(number, id_, index, *values, 0) for number, id_, _, _, index, *values in self.fleet.cells()])]
        edges = [
            ("hasPack(FROM Vehicle TO Pack)", [(vehicle_id(v), pack_id(v)) for v in vehicles]),
            ("hasModule(FROM Pack TO Module)",
             [(pack_id(v), module_id(v, m)) for v in vehicles for m in range(MODULES)]),
            ("hasCell(FROM Module TO Cell)",
             [(module_id(n // CELLS, n % CELLS // CELLS_PER_MODULE), n) for n in range(size.cells)])]
        tables = [(kind, declaration, pandas.DataFrame(rows))
                  for kind, group in (("NODE", nodes), ("REL", edges)) for declaration, rows in group]
        begin = time.perf_counter()
        for kind, declaration, frame in tables:
            self.ask(f"CREATE {kind} TABLE {declaration}")
            self.ask(f"COPY {declaration.partition('(')[0]} FROM $frame", {"frame": frame})
        return Figure(self.fleet.size.twins / (time.perf_counter() - begin), "/s",
                      self.ask("MATCH (c:Cell) RETURN COUNT(*)")[0][0], "COPY from data frames")

    def _figure(self, text, parameters=None, unit="ms"):
        answer, micros = self.timed(lambda: self.ask(text, parameters))
        return Figure(micros / (1000 if unit == "ms" else 1), unit, rounded(answer))

    def _number(self):
        return random.randrange(self.fleet.size.cells)

    def read_one(self):
        _, micros = self.timed(lambda: self.ask("MATCH (c:Cell) WHERE c.number = $n RETURN c.*", {"n": self._number()}))
        return Figure(micros, "µs", note="no wire")

    def update_one_client(self):
        update = "MATCH (c:Cell) WHERE c.number = $n SET c.sent = c.sent + 1"
        _, micros = self.timed(lambda: self.ask(update, {"n": self._number()}))
        return Figure(1e6 / micros, "/s")

    def cells_of_one_vehicle(self):
        return self._figure(f"MATCH {BELOW} WHERE v.id = $id AND c.voltage > $low RETURN c.seriesIndex, c.voltage",
                            {"id": vehicle_id(self.fleet.size.history_vehicles // 2), "low": LOW_VOLTAGE}, unit="µs")

    def _few(self, returned):
        return self._figure(f"MATCH (c:Cell) WHERE c.voltage < $low AND c.temperature > $warm RETURN {returned}",
                            {"low": LOW_VOLTAGE, "warm": WARM})

    def count_cells(self):
        return self._few("COUNT(*)")

    def list_cells(self):
        return self._few("c.id, c.voltage, c.temperature")

    def spread_of_packs(self):
        return self._figure("MATCH (p:Pack)-[:hasModule]->(:Module)-[:hasCell]->(c:Cell) "
                            "WITH p.id AS pack, MAX(c.voltage) - MIN(c.voltage) AS spread "
                            "RETURN spread ORDER BY spread DESC LIMIT 10")

    def restart(self):
        self.stop()
        begin = time.perf_counter()
        self.start()
        self.ask("MATCH (c:Cell) WHERE c.number = 0 RETURN c.id")
        return Figure(time.perf_counter() - begin, "s")
