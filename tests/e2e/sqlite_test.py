#!/usr/bin/env python3
"""The same questions to Twingraph and to SQLite on the same rows: aggregates, groups, order, NULL."""
import json
import math
import os
import pathlib
import random
import re
import sqlite3
import subprocess
import tempfile
import unittest

BIN = pathlib.Path(os.environ["TWIN_BIN_DIR"])
SEED = int(os.environ.get("TWIN_SEED", "1"))
MODEL = {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:t:Row;1", "@type": "Interface", "contents": [
    {"@type": "Property", "name": name, "schema": schema}
    for name, schema in (("n", "integer"), ("m", "integer"), ("x", "double"), ("s", "string"))]}

CONDITIONS = ["n > 2", "n >= m", "x < 1.5", "n IS NULL", "s IS NOT NULL", "s = 'a'", "s LIKE 'a%'", "n + m > x",
              "n IN (1, 2, 3)", "n NOT IN (1, 2)", "n BETWEEN 1 AND 3", "NOT (n > 2)", "n <> m", "x / m > 0.5",
              "CASE WHEN n > 2 THEN m ELSE n END = 2", "COALESCE(n, m, 0) = 1", "ABS(n - m) < 2"]
KEYS = ["s", "n", "n > m", "COALESCE(s, 'none')"]
AGGREGATES = ["COUNT(*)", "COUNT(n)", "COUNT(DISTINCT n)", "SUM(n)", "SUM(x)", "AVG(x)", "MIN(n)", "MAX(x)", "MIN(s)",
              "MAX(s)", "SUM(n * m)", "AVG(n)"]


def rows_of(random_):
    def maybe(value):
        return None if random_.random() < 0.25 else value
    return [(maybe(random_.randrange(5)), maybe(random_.randrange(4)), maybe(random_.randrange(8) / 2),
             maybe(random_.choice(["", "a", "ab", "b", "B"]))) for _ in range(150)]


def questions(random_):
    """(columns, condition, keys, ordered) of SELECT statements."""
    for _ in range(120):
        where = random_.choice([None, *CONDITIONS])
        if where and random_.random() < 0.5:
            where = f"({where}) {random_.choice(['AND', 'OR'])} ({random_.choice(CONDITIONS)})"
        keys = random_.sample(KEYS, random_.randrange(3))
        columns = [*keys, *random_.sample(AGGREGATES, 3)]
        yield columns, where, keys


def normal(value):
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return round(value, 9) if math.isfinite(value) else str(value)
    return value


class SqliteTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.server = subprocess.Popen(
            [BIN / "twind", "--data-dir", f"{cls.folder.name}/data", "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = cls.server.stdout.readline()
        cls.address = re.search(r"127\.0\.0\.1:\d+", line).group(0)
        cls.rows = rows_of(random.Random(SEED))
        graph = pathlib.Path(cls.folder.name, "graph.ndjson")
        with graph.open("w") as file:
            for section, items in (("Header", [{"fileVersion": "1.0.0"}]), ("Models", [MODEL]), ("Twins", [
                    {"$dtId": f"t{i:03}", "$metadata": {"$model": "dtmi:t:Row;1"},
                     **{k: v for k, v in zip("nmxs", row) if v is not None}} for i, row in enumerate(cls.rows)])):
                file.write(json.dumps({"Section": section}) + "\n")
                file.writelines(json.dumps(item) + "\n" for item in items)
        subprocess.run([BIN / "twinctl", "--address", cls.address, "import", graph], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.database = sqlite3.connect(":memory:")
        cls.database.execute("PRAGMA case_sensitive_like = ON")
        cls.database.execute("CREATE TABLE t (id TEXT, n INTEGER, m INTEGER, x REAL, s TEXT)")
        cls.database.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)",
                                 [(f"t{i:03}", *row) for i, row in enumerate(cls.rows)])

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.wait()
        cls.server.stdout.close()
        cls.folder.cleanup()

    def ask(self, text):
        done = subprocess.run([BIN / "twinctl", "--address", self.address, "query", "-o", "ndjson", text],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, f"{text}\n{done.stderr}")
        return [tuple(normal(v) for v in json.loads(line).values()) for line in done.stdout.splitlines()]

    def tell(self, text):
        return [tuple(normal(v) for v in row) for row in self.database.execute(text)]

    @staticmethod
    def tql(expression):
        """SQL's expression in TQL: lists in brackets, properties of T."""
        expression = re.sub(r"IN \(([^)]*)\)", r"IN [\1]", expression)
        return re.sub(r"(?<![\w'.])([nmxs])(?![\w'(])", r"T.\1", expression)

    def compare(self, select, where, tail, ordered):
        condition = f" WHERE {where}" if where else ""
        sql = f"SELECT {', '.join(f'{c} AS c{i}' for i, c in enumerate(select))} FROM t{condition}{tail}"
        tql = (f"SELECT {', '.join(f'{self.tql(c)} AS c{i}' for i, c in enumerate(select))} FROM DIGITALTWINS T"
               f"{self.tql(condition)}{self.tql(tail)}")
        sql = sql.replace("x / m", "CAST(x AS REAL) / m")
        expected, got = self.tell(sql), self.ask(tql)
        if not ordered:
            def key(row):
                return [(v is not None, str(type(v)), v) for v in row]
            expected, got = sorted(expected, key=key), sorted(got, key=key)
        self.assertEqual(got, expected, f"TWIN_SEED={SEED}\n{tql}\n{sql}")

    def test_groups_and_aggregates(self):
        for select, where, keys in questions(random.Random(SEED)):
            with self.subTest(select=select, where=where):
                self.compare(select, where, f" GROUP BY {', '.join(keys)}" if keys else "", ordered=False)

    def test_order(self):
        for keys in ("n, x, s, id", "n DESC, s, id", "x, m DESC, id", "s DESC, id DESC", "n + m, id"):
            for limit in ("", " LIMIT 7", " LIMIT 5 OFFSET 3"):
                with self.subTest(keys=keys, limit=limit):
                    # SQLite puts NULLs first unless told otherwise.
                    order = ", ".join(f"{k} NULLS LAST" for k in keys.split(", "))
                    sql = f"SELECT id, n, x FROM t ORDER BY {order}{limit}"
                    terms = ", ".join("T.$dtId" + k[2:] if k.startswith("id") else self.tql(k) for k in keys.split(", "))
                    tql = f"SELECT T.$dtId AS id, T.n AS n, T.x AS x FROM DIGITALTWINS T ORDER BY {terms}{limit}"
                    self.assertEqual(self.ask(tql), self.tell(sql), tql)


if __name__ == "__main__":
    unittest.main()
