#!/usr/bin/env python3
"""Queries with the installed programs: rows, errors, Ctrl-C, the prompt on a terminal."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import time
import unittest

from server_case import BIN, ServerCase


MODELS = [{"@context": "dtmi:dtdl:context;3", "@id": "dtmi:t:Cell;1", "@type": "Interface", "contents": [
    {"@type": "Property", "name": "voltage", "schema": "double"},
    {"@type": "Property", "name": "rank", "schema": "integer"},
    {"@type": "Relationship", "name": "near"}]}]
# Takes hours.
ENDLESS = ("SELECT COUNT() FROM DIGITALTWINS MATCH (a), (b), (c), (d) "
           "WHERE a.rank + b.rank + c.rank = d.rank + 0.5")


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it does not come")
        time.sleep(0.02)


class Prompt:
    """`twinctl query` on a terminal."""

    def __init__(self, environment):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(BIN / "twinctl", ["twinctl", "query"], environment)
        self.text = ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def read_until(self, expected):
        """What comes up to, and with, the text; colours and cursor movements taken out."""
        def found():
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    self.text += os.read(self.fd, 4096).decode(errors="replace")
                except OSError:  # the terminal is closed
                    pass
            self.text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\r", "", self.text)
            return expected in self.text
        try:
            wait_for(found)
        except AssertionError as error:
            raise AssertionError(f"no {expected!r} in {self.text!r}") from error
        at = self.text.index(expected) + len(expected)
        read, self.text = self.text[:at], self.text[at:]
        return read

    def close(self):
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        return status


class QueryTest(ServerCase):
    def setUp(self):
        super().setUp()
        self.environment["TERM"] = "xterm"
        self.history = self.path / "state/twinctl/history"
        with open(self.path / "graph.ndjson", "w", encoding="utf-8") as file:
            for section, rows in (("Header", [{"fileVersion": "1.0.0"}]), ("Models", MODELS), ("Twins", [
                    {"$dtId": f"cell-{i}", "$metadata": {"$model": "dtmi:t:Cell;1"}, "rank": i}
                    for i in range(2000)])):
                for row in ({"Section": section}, *rows):
                    file.write(json.dumps(row) + "\n")
        self.twinctl("import", self.path / "graph.ndjson")

    def running(self):
        return json.loads(self.twinctl("queries", "list", "-o", "json"))

    def test_rows_and_errors(self):
        rows = self.twinctl("query", "SELECT T.rank FROM DIGITALTWINS T WHERE T.rank < @n ORDER BY T.rank",
                                "--param", "n=2", "-o", "ndjson")
        self.assertEqual(rows, '{"rank":0}\n{"rank":1}\n')
        paged = self.twinctl("query", "SELECT T.rank FROM DIGITALTWINS T", "--page-size", "700", "-o", "ndjson")
        self.assertEqual(len(set(paged.splitlines())), 2000)
        error = self.twinctl("query", "SELECT T\nFROM DIGITALTWINS T WHERE T.rnk < 2", code=1)
        self.assertIn("2:27 ", error)
        self.assertIn("\n  FROM DIGITALTWINS T WHERE T.rnk < 2\n" + " " * 28 + "^", error)
        self.assertIn("no TEXT", self.twinctl("query", code=2))

    def test_deletes_what_a_query_names(self):
        delete = ("twins", "delete", "--query")
        count = ("query", "SELECT COUNT() FROM DIGITALTWINS", "-o", "ndjson")
        some = "SELECT T.$dtId, T.rank FROM DIGITALTWINS T WHERE T.rank < @n ORDER BY T.rank"
        for source, target in ((0, 1), (1, 2), (10, 11)):
            self.twinctl("relationships", "create", f"cell-{source}", "near", f"cell-{target}")

        # One relationship at cell-0, one more at cell-1; cell-2 only has the latter.
        said = self.twinctl(*delete, some, "--param", "n=3", "--relationships", "--dry-run")
        self.assertEqual(said, "would delete 3 twins and 2 relationships\n")
        self.assertEqual(self.twinctl(*count), '{"COUNT":2000}\n')
        error = self.twinctl(*delete, some, "--param", "n=3", code=1)
        self.assertIn("nothing was deleted", error)
        self.assertEqual(self.twinctl(*count), '{"COUNT":2000}\n')
        done = json.loads(self.twinctl(*delete, some, "--param", "n=3", "--relationships", "-o", "json"))
        self.assertEqual({key: done[key] for key in ("twins", "relationships", "batches", "dryRun")},
                         {"twins": 3, "relationships": 2, "batches": 1, "dryRun": False})
        self.assertEqual(self.twinctl(*count), '{"COUNT":1997}\n')

        # The second batch is refused: cell-10 has a relationship.
        error = self.twinctl(*delete, some, "--param", "n=12", "--batch-size", "5", code=1)
        self.assertIn("deleted 5 twins and 0 relationships before that, 4 twins are still there", error)
        self.assertEqual(self.twinctl(*count), '{"COUNT":1992}\n')

        # Whole twins, a twin by an alias, ids under any name; none at all.
        for text in ("SELECT * FROM DIGITALTWINS T WHERE T.rank = 100",
                     "SELECT T FROM DIGITALTWINS T WHERE T.rank = 101",
                     "SELECT T.$dtId AS id FROM DIGITALTWINS T WHERE T.rank = 102"):
            self.assertEqual(self.twinctl(*delete, text), "deleted 1 twin and 0 relationships\n")
        said = self.twinctl(*delete, "SELECT T FROM DIGITALTWINS T WHERE T.rank = 100")
        self.assertEqual(said, "deleted 0 twins and 0 relationships\n")

        for arguments, message in (
                ((*delete, "SELECT T.rank FROM DIGITALTWINS T"), "does not say which twins"),
                ((*delete, "SELECT T.$dtId AS a, T.rank FROM DIGITALTWINS T"), "it gives a, rank"),
                ((*delete, some, "cell-9"), "ID and --query"),
                ((*delete, some, "--tree"), "--tree is for one ID"),
                (("twins", "delete"), "no twin is named")):
            self.assertIn(message, self.twinctl(*arguments, code=2))
        self.assertIn("1:8 ", self.twinctl(*delete, "SELECT T.rnk FROM DIGITALTWINS T", code=1))
        self.assertEqual(self.twinctl(*count), '{"COUNT":1989}\n')

    def test_ctrl_c_stops_a_query_on_the_server(self):
        client = subprocess.Popen([BIN / "twinctl", "query", ENDLESS], env=self.environment,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: any(q["state"] == "running" for q in self.running()))
        client.send_signal(signal.SIGINT)
        self.assertEqual(client.wait(), 130)
        wait_for(lambda: not self.running())

    def test_a_query_can_be_cancelled(self):
        client = subprocess.Popen([BIN / "twinctl", "query", ENDLESS], env=self.environment,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        wait_for(self.running)
        self.twinctl("queries", "cancel", self.running()[0]["id"])
        self.assertIn("cancelled", client.communicate()[1])
        self.assertEqual(client.returncode, 1)

    def test_the_prompt(self):
        prompt = Prompt(self.environment)
        prompt.read_until("tql> ")
        prompt.type("sel\tCOUNT() FROM DIGITALTWINS T\n")
        prompt.read_until("...> ")
        prompt.type("WHERE T.ra\t< 10;\n")
        self.assertRegex(prompt.read_until("sequence"), r"COUNT\n +10\n1 row, ")
        prompt.read_until("tql> ")

        prompt.type(ENDLESS + ";\n")
        wait_for(self.running)
        prompt.type("\x03")
        prompt.read_until("cancelled after")
        prompt.read_until("tql> ")
        wait_for(lambda: not self.running())

        prompt.type("nonsense")
        prompt.read_until("nonsense")
        prompt.type("\x03")
        prompt.read_until("tql> ")
        prompt.type(".models\n")
        prompt.read_until("dtmi:t:Cell;1")
        prompt.read_until("tql> ")
        prompt.type("\x10\x10\n")  # the query before the last one
        self.assertRegex(prompt.read_until("sequence"), r"COUNT\n +10\n")
        prompt.read_until("tql> ")
        prompt.type("\x04")
        self.assertEqual(prompt.close(), 0)
        self.assertIn("DIGITALTWINS", self.history.read_text(encoding="utf-8"))
        self.assertEqual(self.history.stat().st_mode & 0o077, 0)


if __name__ == "__main__":
    unittest.main()
