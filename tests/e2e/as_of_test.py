#!/usr/bin/env python3
"""AS OF and HISTORY ALL with the installed programs: a module is exchanged, and the past goes on being there."""
import json
import signal
import unittest

from server_case import ROOT, ServerCase

PREFIX = "dtmi:twingraph:battery:"
BUILT, SWAPPED, GONE = "2026-03-01T00:00:00Z", "2026-03-10T12:00:00Z", "2026-03-20T00:00:00Z"
BEFORE, AFTER = "2026-03-05T00:00:00Z", "2026-03-15T00:00:00Z"


class AsOfTest(ServerCase):
    def setUp(self):
        super().setUp()
        self.twinctl("models", "create", ROOT / "models/battery")

    def create(self, twin, model, *arguments, at=BUILT):
        self.twinctl("twins", "create", twin, "--model", f"{PREFIX}{model};1", "--source-time", at, *arguments)

    def relate(self, source, name, target, position, at=BUILT):
        self.twinctl("relationships", "create", source, name, target, "--set", f"position={position}",
                     "--source-time", at)

    def make_pack(self):
        """pack-7 with two modules of two cells; on 10 March module-9 moves on to pack-8, and module-3 comes."""
        self.create("pack-7", "BatteryPack", "--set", "serialNumber=S7")
        self.create("pack-8", "BatteryPack", "--set", "serialNumber=S8")
        for module in ("module-1", "module-9"):
            self.add_module(module, BUILT)
        self.relate("pack-7", "hasModule", "module-1", 0)
        self.relate("pack-7", "hasModule", "module-9", 1)
        samples = self.path / "samples.csv"
        samples.write_text("twin,time,voltage\n"
                           "module-9-c1,2026-03-02T00:00:00Z,3.70\n"
                           "module-9-c1,2026-03-12T00:00:00Z,3.60\n"
                           "module-9-c1,2026-03-22T00:00:00Z,3.50\n")
        self.twinctl("history", "import", samples)
        for day, value in (("02", 100), ("08", 98), ("18", 95)):
            self.twinctl("twins", "patch", "module-9-c1", "--set", f"soh.value={value}",
                         "--source-time", f"2026-03-{day}T00:00:00Z")
        self.twinctl("relationships", "delete", "pack-7", "hasModule-module-9", "--source-time", SWAPPED)
        self.add_module("module-3", SWAPPED)
        self.relate("pack-7", "hasModule", "module-3", 1, at=SWAPPED)
        self.relate("pack-8", "hasModule", "module-9", 0, at=SWAPPED)
        self.twinctl("twins", "delete", "module-1", "--tree", "--source-time", GONE)

    def add_module(self, module, at):
        self.create(module, "BatteryModule", at=at)
        for cell in ("c1", "c2"):
            self.create(f"{module}-{cell}", "BatteryCell", at=at)
            self.relate(module, "hasCell", f"{module}-{cell}", int(cell[1]), at=at)

    def cells(self, pack, at):
        rows = self.query(f"SELECT c.$dtId AS id, c.soh.value AS soh, c.voltage AS voltage FROM DIGITALTWINS AS OF "
                          f"'{at}' MATCH (p)-[:hasModule]->()-[:hasCell]->(c) WHERE p.$dtId = '{pack}' ORDER BY id")
        return [(row["id"], row["soh"], row["voltage"]) for row in rows]

    def expect_the_past(self):
        self.assertEqual(self.cells("pack-7", "2026-02-28"), [])
        self.assertEqual(self.cells("pack-7", BEFORE), [
            ("module-1-c1", None, None), ("module-1-c2", None, None),
            ("module-9-c1", 100, 3.7), ("module-9-c2", None, None)])
        self.assertEqual(self.cells("pack-7", "2026-03-09"), [
            ("module-1-c1", None, None), ("module-1-c2", None, None),
            ("module-9-c1", 98, 3.7), ("module-9-c2", None, None)])
        self.assertEqual(self.cells("pack-7", AFTER), [
            ("module-1-c1", None, None), ("module-1-c2", None, None),
            ("module-3-c1", None, None), ("module-3-c2", None, None)])
        self.assertEqual(self.cells("pack-8", BEFORE), [])
        self.assertEqual(self.cells("pack-8", AFTER), [("module-9-c1", 98, 3.6), ("module-9-c2", None, None)])
        self.assertEqual(self.cells("pack-7", GONE), [("module-3-c1", None, None), ("module-3-c2", None, None)])
        self.assertEqual(
            self.query("SELECT r.$sourceId, r.$validFrom, r.$validTo FROM RELATIONSHIPS r HISTORY ALL "
                       "WHERE r.$targetId = 'module-9' AND r.$relationshipName = 'hasModule' ORDER BY r.$validFrom"),
            [{"$sourceId": "pack-7", "$validFrom": BUILT, "$validTo": SWAPPED},
             {"$sourceId": "pack-8", "$validFrom": SWAPPED, "$validTo": None}])
        # Page by page, as whole relationships.
        pages = self.twinctl("query", "-o", "ndjson", "--page-size", 1,
                             "SELECT r FROM RELATIONSHIPS r HISTORY ALL WHERE r.$targetId = 'module-9'")
        self.assertEqual(sorted(json.loads(line)["r"]["$sourceId"] for line in pages.splitlines()),
                         ["pack-7", "pack-8"])
        # Twins that are gone have documents of their own, and samples.
        gone = self.query(f"SELECT m FROM DIGITALTWINS m AS OF '{BEFORE}' WHERE m.$dtId = 'module-1'")
        self.assertEqual(gone[0]["m"]["$metadata"]["$model"], f"{PREFIX}BatteryModule;1")
        self.assertEqual(
            self.query(f"SELECT h.time, h.voltage FROM DIGITALTWINS c AS OF '{AFTER}' HISTORY h OF c.(voltage) "
                       "LAST 5d WHERE c.$dtId = 'module-9-c1'"),
            [{"time": "2026-03-12T00:00:00Z", "voltage": 3.6}])

    def test_a_module_is_exchanged(self):
        self.make_pack()
        self.expect_the_past()
        self.assertEqual(self.query("SELECT COUNT() AS n FROM RELATIONSHIPS r WHERE r.$targetId = 'module-9'"),
                         [{"n": 1}])
        # Killed before any checkpoint: from the journal. Stopped: from the checkpoint.
        for how in (signal.SIGKILL, signal.SIGTERM):
            self.restart(how)
            self.expect_the_past()
        self.twinctl("relationships", "patch", "pack-8", "hasModule-module-9", "--set", "position=4",
                     "--source-time", "2026-03-25T00:00:00Z")
        self.twinctl("checkpoint")
        self.twinctl("backup", self.path / "copy")
        self.stop(signal.SIGTERM)
        self.assertIn("relationships that have ended", self.twinctl("check", self.path / "data"))
        self.start("copy")
        self.expect_the_past()
        positions = [self.query(f"SELECT r.position FROM RELATIONSHIPS r AS OF '{at}' WHERE r.$sourceId = 'pack-8'")
                     for at in ("2026-03-24", "2026-03-26")]
        self.assertEqual(positions, [[{"position": 0}], [{"position": 4}]])

    def test_what_is_not_recorded_is_said(self):
        self.create("pack-7", "BatteryPack", "--set", "serialNumber=old")
        self.twinctl("twins", "patch", "pack-7", "--set", "serialNumber=new", "--source-time", AFTER)
        rows = self.query(f"SELECT p.serialNumber AS s FROM DIGITALTWINS p AS OF '{BEFORE}' WHERE p.$dtId = 'pack-7'")
        self.assertEqual(rows, [{"s": None}])
        self.assertIn("1 value left out", self.errors)
        rows = self.query(f"SELECT p.serialNumber AS s FROM DIGITALTWINS p AS OF '{AFTER}' WHERE p.$dtId = 'pack-7'")
        self.assertEqual(rows, [{"s": "new"}])
        self.assertNotIn("left out", self.errors)

    def test_times_are_checked(self):
        self.make_pack()
        self.twinctl("relationships", "delete", "pack-8", "hasModule-module-9", "--source-time", BEFORE, code=1)
        self.assertIn("is before that of its last change", self.errors)
        self.twinctl("twins", "create", "later", "--model", f"{PREFIX}BatteryPack;1",
                     "--source-time", "2126-01-01T00:00:00Z", code=1)
        self.assertIn("clock_skew_ms_max", self.errors)
        self.twinctl("twins", "patch", "pack-8", "--set", "serialNumber=x", "--source-time", "yesterday", code=2)
        self.assertIn("--source-time", self.errors)

    def test_an_import_has_a_source_time(self):
        file = self.path / "fleet.ndjson"
        file.write_text('{"Section":"Header"}\n{"fileVersion":"1.0.0"}\n{"Section":"Twins"}\n'
                        '{"$dtId":"pack-1","$metadata":{"$model":"' + PREFIX + 'BatteryPack;1"}}\n')
        self.twinctl("import", file, "--source-time", BUILT)
        count = "SELECT COUNT() AS n FROM DIGITALTWINS AS OF "
        self.assertEqual(self.query(count + f"'{BEFORE}'"), [{"n": 1}])
        self.assertEqual(self.query(count + "'2026-02-01'"), [{"n": 0}])


if __name__ == "__main__":
    unittest.main()
