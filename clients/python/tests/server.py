"""A twind for one test, in a folder of its own on a free port."""
import os
import pathlib
import re
import signal
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).parents[3]
BIN = pathlib.Path(os.environ.get("TWIN_BIN_DIR", ROOT / "build/release/bin"))


class Server:
    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        self.address = "127.0.0.1:0"
        self.start()

    def start(self):
        """Also again, on the same port. It waits for nobody: gRPC for Python reads what an idle connection is told, such as
        that the server stops, every five seconds only."""
        self.process = subprocess.Popen(
            [BIN / "twind", "--data-dir", pathlib.Path(self._folder.name) / "data", "--listen", self.address,
             "--log-level", "warn", "--stop-grace-ms", "500"], stdout=subprocess.PIPE, text=True)
        self.address = re.search(r"is ready on (\S+)", self.process.stdout.readline()).group(1)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.process.stdout.close()

    def close(self):
        if self.process.poll() is None:
            self.stop()
        self._folder.cleanup()
