"""What tests with a server share: a folder, a server on its `data`, and programs that ask it."""
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


class ServerCase(unittest.TestCase):
    """Each test has a folder `path` of its own; its programs see the server and no settings of the user's."""

    keeps_port = False  # when the server starts again, so that clients find it

    def setUp(self):
        self.maxDiff = 2000
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name)
        self.port = 0
        self.start()

    def start(self, data="data"):
        self.server = subprocess.Popen(
            [BIN / "twind", "--data-dir", self.path / data, "--listen", f"127.0.0.1:{self.port}", "--log-level",
             "warn"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.stop)
        address = re.search(r"is ready on (\S+)", self.server.stdout.readline()).group(1)
        if self.keeps_port:
            self.port = address.rsplit(":", 1)[1]
        self.environment = {**os.environ, "TWINCTL_ADDRESS": address, "HOME": str(self.path),
                            "XDG_CONFIG_HOME": str(self.path / "config"), "XDG_STATE_HOME": str(self.path / "state")}

    def stop(self, how=signal.SIGKILL):
        """Its exit code. Of one that was stopped already nothing more is wanted."""
        self.server.send_signal(how)
        code = self.server.wait()
        self.server.stdout.close()
        return code

    def restart(self, how=signal.SIGKILL):
        code = self.stop(how)
        if how == signal.SIGTERM:
            self.assertEqual(code, 0)
        self.start()

    def run_program(self, program, *arguments, code=0, **more):
        """The finished process; fails unless it exits with `code`."""
        if "input" not in more:
            more.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run([BIN / program, *map(str, arguments)], capture_output=True, text=True,
                              env=self.environment, check=False, **more)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.errors = done.stderr
        return done

    def twinctl(self, *arguments, code=0, **more):
        """What it prints; what it says on stderr if it is to fail."""
        done = self.run_program("twinctl", *arguments, code=code, **more)
        return done.stdout if code == 0 else done.stderr

    def json(self, *arguments):
        return json.loads(self.twinctl(*arguments, "-o", "json"))

    def query(self, text):
        return [json.loads(line) for line in self.twinctl("query", "-o", "ndjson", text).splitlines()]
