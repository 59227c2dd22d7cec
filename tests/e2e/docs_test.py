#!/usr/bin/env python3
"""The commands of the documents work: each block of README.md and docs/*.md runs against a server with a fleet.

A block "```sh" must exit with 0; "```console" has commands after "$ " and what they print; "```python" of services.md runs
with the client's package, those of python.md in clients/python/tests/doc_test.py; "```json NAME" is a file; "```cpp" stands in the example that the build compiles. Commands
that never end (watch, top, a fleet) are interrupted after a while. What cannot run has "<!-- not run: why -->" above
it, and is counted here so that it does not grow unnoticed."""
import gzip
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).parents[2]
BIN = pathlib.Path(os.environ["TWIN_BIN_DIR"])
PYTHON = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else "python3"  # Debian's, which has grpc
# Build or test the repository itself; or have a test of their own (twinctl_doc_test.py, docs_test.cc).
ELSEWHERE = {"docs/testing.md", "docs/twinctl.md"}
NOT_RUN = 7
CPP_EXAMPLE = "clients/cpp/examples/first_steps.cc"
VEHICLES = 41  # telemetry.md makes the next one

# Programs that the blocks find before the built ones: they end what would go on.
WRAPPER = """#!/bin/bash
endless() {{
  case "{name} $*" in
    twind*--check-config* | twind*--print-config* | twind*--help*) return 1 ;;
    "twind "*) return 0 ;;
    "twinctl watch "*--count* | "twinctl top "*--once*) return 1 ;;
    "twinctl watch"* | "twinctl top"* | "twinctl telemetry tail"*) return 0 ;;
    "twinsim fleet "*--export*) return 1 ;;
    "twinsim fleet "* | "twinsim replay "*--live*) return 0 ;;
  esac
  return 1
}}
[[ "{name} $*" != "twinctl query" ]] || exit 0  # a prompt, which needs a terminal
endless "$@" || exec {program} "$@"
timeout --signal={signal} 4 {program} "$@"
code=$?
# 124: timeout's own; 130: interrupted.
((code == 124 || code == 130)) || exit $code
"""

PRESS = """{"@context": "dtmi:dtdl:context;3", "@id": "dtmi:com:example:Press;1", "@type": "Interface",
            "contents": {"@type": "Property", "name": "force", "schema": "double"}}"""


def blocks(text):
    """(line, language, name, body, why it does not run) of each block."""
    for match in re.finditer(r"(?:^<!-- not run: (.*?) -->\n)?^```(\w+)(?: (\S+))?\n(.*?)^```", text, re.M | re.DOTALL):
        why, language, name, body = match.groups()
        yield text.count("\n", 0, match.start()) + 1, language, name, body, why


def documents():
    yield from (path for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
                if path.relative_to(ROOT).as_posix() not in ELSEWHERE)


class DocsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.tools = cls.folder / "bin"
        cls.tools.mkdir()
        for name, number in (("twind", "TERM"), ("twinctl", "INT"), ("twinsim", "INT")):
            (cls.tools / name).write_text(WRAPPER.format(name=name, program=BIN / name, signal=number))
            (cls.tools / name).chmod(0o755)
        server, address = cls.start(cls.folder / "fleet")
        subprocess.run([BIN / "twinsim", "fleet", "--vehicles", str(VEHICLES), "--since", "2h", "--for", "2h",
                        "--speed", "max", "--models", ROOT / "models/battery", "--address", address], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.stop(server)

    @staticmethod
    def start(data):
        """A server on a port of its own, and its address."""
        server = subprocess.Popen(
            [BIN / "twind", "--data-dir", data, "--listen", "127.0.0.1:0", "--log-level", "error"],
            stdout=subprocess.PIPE, text=True)
        return server, re.search(r"is ready on (\S+)", server.stdout.readline()).group(1)

    @staticmethod
    def stop(server):
        server.send_signal(signal.SIGTERM)
        server.wait()
        server.stdout.close()

    def run_bash(self, script, code=0):
        """What it prints; its background jobs end with it."""
        process = subprocess.Popen(["bash", "-uo", "pipefail", "-c", script], cwd=self.place, env=self.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True, start_new_session=True)
        try:
            printed, _ = process.communicate(timeout=120)
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if code is not None:
            self.assertEqual(process.returncode, code, f"{script}\n{printed}")
        return printed

    def prepare(self, document):
        """A folder and a server of the document's own, with the files that its commands name."""
        text = document.read_text(encoding="utf-8")
        self.place = self.folder / document.stem
        self.place.mkdir()
        shutil.copytree(self.folder / "fleet", self.place / ".fleet")
        server, address = self.start(self.place / ".fleet")
        self.addCleanup(self.stop, server)
        self.environment = {
            "PATH": f"{self.tools}:{BIN}:{os.environ['PATH']}", "HOME": str(self.place), "TWINCTL_ADDRESS": address,
            "TWIND_LISTEN": "127.0.0.1:0", "MODELS": str(ROOT / "models/battery"),
            "PYTHONPATH": str(BIN.parent / "python"), "PYTHONDONTWRITEBYTECODE": "1"}
        if "register soh-coulomb" not in text:  # ./run has registered it
            self.run_bash("twinctl predictors register soh-coulomb --builtin coulomb-counting --on-demand")
        for name in ("my-models", "old-models", "new-models"):
            if f"json {name}/" not in text:
                (self.place / name).mkdir()
                (self.place / name / "press.json").write_text(PRESS)
        (self.place / "models").symlink_to(ROOT / "models")
        (self.place / "tests").symlink_to(ROOT / "tests")
        (self.place / "build/release").mkdir(parents=True)
        (self.place / "build/release/bin").symlink_to(self.tools)
        self.write_recordings()

    def write_recordings(self):
        """Five minutes of a car with 24 cells and two probes, in the columns of the shipped map."""
        cells = range(1, 25)
        lines = ["time_local,pack_current_a,soc_pct," + ",".join(f"v{cell}_mv" for cell in cells) + ",t1_c,t2_c"]
        for i in range(30):
            lines.append(f"2021-05-05 09:{10 + i // 6:02}:{i % 6 * 10:02},0.75,42.3,"
                         + ",".join(str(3650 + i + cell) for cell in cells) + ",29,30")
        text = "\n".join(lines) + "\n"
        (self.place / "trip.csv").write_text(text)
        with gzip.open(self.place / "car1.csv.gz", "wt") as file:
            file.write(text)

    def run_block(self, language, name, body):
        if language == "json" and name:
            path = self.place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body)
        elif language == "sh":
            self.run_bash("set -e\n" + body)
        elif language == "python":
            (self.place / "block.py").write_text(body)
            self.run_bash(f"{PYTHON} block.py")
        elif language == "console":
            commands = re.findall(r"^\$ (.*)", body, re.M)
            self.assertEqual("".join(f"$ {command}\n{self.run_bash(command, code=None)}" for command in commands), body)
        elif language == "cpp":
            example = (ROOT / CPP_EXAMPLE).read_text(encoding="utf-8")
            if "twin::client::" in body:
                self.assertIn(body, example)

    def run_document(self, document):
        self.prepare(document)
        for line, language, name, body, why in blocks(document.read_text(encoding="utf-8")):
            if language == "python" and document.stem != "services":
                continue  # parts of programs; clients/python/tests runs them
            if why is None:
                with self.subTest(f"{document.relative_to(ROOT)}:{line}"):
                    self.run_block(language, name, body)

    def test_few_blocks_do_not_run(self):
        not_run = [f"{document.relative_to(ROOT)}:{line}: {why}" for document in documents()
                   for line, _, _, _, why in blocks(document.read_text(encoding="utf-8")) if why]
        self.assertEqual(len(not_run), NOT_RUN, "\n".join(not_run))


for each in documents():
    if any(language in ("sh", "console") for _, language, *_ in blocks(each.read_text(encoding="utf-8"))):
        name = f"test_{each.stem.lower().replace('-', '_')}"
        setattr(DocsTest, name, lambda self, each=each: self.run_document(each))

if __name__ == "__main__":
    unittest.main()
