"""A newcomer's path with the installed programs: start, models, fleet, read, patch, delete, export, back up, restart."""
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).parents[2]
BIN = pathlib.Path(os.environ["TWIN_BIN_DIR"])


class Twind:
    """A server on a port of its own; stopped with SIGTERM at the end."""

    def __init__(self, data_dir):
        self.process = subprocess.Popen(
            [BIN / "twind", "--data-dir", data_dir, "--listen", "127.0.0.1:0", "--log-level", "warn"],
            stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.address = re.search(r"is ready on (\S+)", line).group(1)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait()
        self.process.stdout.close()
        return code


class ServerTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)
        self.server = Twind(self.path / "data")
        self.addCleanup(lambda: self.server.process.kill())

    def run_twinctl(self, *arguments, code=0):
        done = subprocess.run([BIN / "twinctl", *map(str, arguments)], capture_output=True, text=True,
                              env={**os.environ, "TWINCTL_ADDRESS": self.server.address}, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code == 0 else done.stderr

    def restart(self):
        self.assertEqual(self.server.stop(), 0)
        self.server = Twind(self.path / "data")

    def refuse(self, data, *arguments):
        """What a server says that does not start."""
        done = subprocess.run([BIN / "twind", "--data-dir", data, *arguments], capture_output=True, text=True,
                              check=False, timeout=60)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, "")
        return done.stderr

    def test_a_refused_start_leaves_nothing(self):
        new = self.path / "new"
        for address, says in (("127.0.0.1:99999", "0 to 65535"), (self.server.address, "is another server there?"),
                              ("no-such-host.invalid:1", "no-such-host.invalid")):
            self.assertIn(says, self.refuse(new, "--insecure", "--listen", address))
            self.assertIn(says, self.refuse(new, "--insecure", "--listen", "127.0.0.1:0", "--metrics-listen", address))
        self.assertIn("--segment-bytes", self.refuse(new, "--segment-bytes", "10"))
        self.assertFalse(new.exists())
        new.mkdir()
        (new / "mine.txt").write_text("x", encoding="utf-8")
        self.assertIn("no data directory of twind", self.refuse(new, "--listen", "127.0.0.1:0"))
        self.assertEqual([each.name for each in new.iterdir()], ["mine.txt"])

    def test_a_fleet_from_import_to_restore(self):
        fleet = self.path / "fleet.ndjson"
        subprocess.run([BIN / "twinsim", "fleet", "--vehicles", "3", "--models",
                        ROOT / "models/battery", "--export", fleet], check=True)
        self.run_twinctl("import", fleet)
        tree = self.run_twinctl("twins", "tree", "veh-000001")
        self.assertIn("veh-000001-pack", tree)
        self.run_twinctl("twins", "patch", "veh-000001", "--set", "odometer=12345")
        self.assertIn("'twinctl twins delete ID --relationships' deletes them, too.",
                      self.run_twinctl("twins", "delete", "veh-000001", code=1))
        self.assertIn("'twinctl subscriptions create NAME' makes one.",
                      self.run_twinctl("subscriptions", "show", "nobody", code=1))
        self.assertIn("has the etag of now",
                      self.run_twinctl("twins", "patch", "veh-000001", "--set", "odometer=1", "--if-match", 'W/"1"', code=1))
        twin = json.loads(self.run_twinctl("twins", "get", "veh-000001", "-o", "json"))
        self.assertEqual(twin["odometer"], 12345)
        self.assertIn("did you mean 'odometer'",
                      self.run_twinctl("twins", "patch", "veh-000001", "--set", "odometr=1", code=1))
        self.run_twinctl("twins", "delete", "veh-000002", "--tree")
        self.assertIn("no twin", self.run_twinctl("twins", "get", "veh-000002", code=1))

        first, second = self.path / "first.ndjson", self.path / "second.ndjson"
        self.run_twinctl("export", first)
        backup = self.path / "backup"
        self.run_twinctl("backup", backup)
        self.run_twinctl("backup", "verify", backup)
        self.restart()
        self.run_twinctl("export", second)
        self.assertEqual(first.read_text(), second.read_text())

        # Restore: a server on the copy.
        self.assertEqual(self.server.stop(), 0)
        self.run_twinctl("check", self.path / "data")
        self.server = Twind(backup)
        self.run_twinctl("export", second)
        self.assertEqual(sorted(first.read_text().splitlines()), sorted(second.read_text().splitlines()))

    def test_own_models_and_relationships(self):
        model = self.path / "press.json"
        model.write_text(json.dumps({
            "@context": "dtmi:dtdl:context;3", "@id": "dtmi:x:Press;1", "@type": "Interface",
            "contents": [{"@type": "Property", "name": "force", "schema": "double"},
                         {"@type": "Relationship", "name": "feeds"}]}))
        self.run_twinctl("models", "create", model)
        self.assertIn("exist", self.run_twinctl("models", "create", model, code=1))
        for twin in ("a", "b"):
            self.run_twinctl("twins", "create", twin, "--model", "dtmi:x:Press;1", "--set", "force=1.5")
        self.run_twinctl("relationships", "create", "a", "feeds", "b", "--id", "r1")
        self.restart()
        self.assertIn("r1", self.run_twinctl("relationships", "list", "a", "-o", "ndjson"))
        self.assertIn("1 outgoing", self.run_twinctl("twins", "delete", "a", code=1))
        self.run_twinctl("models", "delete", "dtmi:x:Press;1", code=1)
        self.run_twinctl("twins", "delete", "a", "--relationships")

    def test_names_that_are_nearly_right(self):
        self.run_twinctl("models", "create", ROOT / "models/battery")
        cell = "did you mean 'dtmi:twingraph:battery:BatteryCell;1'?"
        for command in (["twins", "create", "x", "--model", "BatteryCell"], ["models", "get", "BatteryCell"],
                        ["twins", "list", "--model", "BatteryCel"],
                        ["models", "delete", "dtmi:twingraph:battery:BatteryCell;2"]):
            self.assertIn(cell, self.run_twinctl(*command, code=1))
        self.run_twinctl("twins", "create", "c", "--model", "dtmi:twingraph:battery:BatteryCell;1")
        self.assertIn("--set 'serialNumber=\"123\"'",
                      self.run_twinctl("twins", "patch", "c", "--set", "serialNumber=123", code=1))
        self.run_twinctl("twins", "patch", "c", "--set", 'serialNumber="123"')
        self.assertIn("did you mean 'value'", self.run_twinctl("twins", "patch", "c", "--set", "soh.valu=97", code=1))

    def test_wrong_options(self):
        config = self.path / "twind.toml"
        config.write_text('data-dir = "data"\nlistn = "127.0.0.1:0"\n')
        for arguments, message in ((["--foo"], "unknown option '--foo'"),
                                   (["--listne=x"], "unknown option '--listne'; did you mean '--listen'?"),
                                   (["x"], "unexpected argument 'x'"), ([], "--data-dir is required"),
                                   (["--config", config],
                                    f"{config}: there is no option 'listn'; did you mean 'listen'?")):
            with self.subTest(arguments):
                done = subprocess.run([BIN / "twind", *arguments], capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stderr.splitlines()[0]), (2, f"twind: {message}"))

    def test_a_second_server_and_no_server(self):
        second = subprocess.run([BIN / "twind", "--data-dir", self.path / "data", "--listen",
                                 "127.0.0.1:0"], capture_output=True, text=True, check=False)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another twind", second.stderr)
        self.run_twinctl("--address", "127.0.0.1:1", "status", code=3)
        self.assertEqual(self.server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
