#!/usr/bin/env python3
"""Drives a large fleet for an hour: frames of every vehicle every ten seconds, questions and subscribers beside them.

Starts a server of its own on a free port, makes the vehicles (96 cells and 32 probes each), and sends a frame of each in
turn. Ten subscribers listen to a cell each, ten questions a second are asked. Prints what each minute was like, then
sends three times as much for a minute. The data lies below TMPDIR (/var/tmp) and is removed."""
import argparse
import json
import os
import pathlib
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE / "peers"))
from tools import bytes_in, free_port, wait_until  # noqa: E402

CELLS, PROBES = 96, 32
SUBSCRIBERS = 10
QUESTIONS_PER_SECOND = 10
BELOW = "MATCH (v:Vehicle)-[:hasPack]->(p)-[:hasModule]->(m)-[:hasCell]->(c)"
QUESTIONS = {
    "cells of a vehicle": f"SELECT c.$dtId AS cell, c.voltage FROM DIGITALTWINS {BELOW} "
                          "WHERE v.$dtId = @vehicle AND c.voltage > 3.2",
    "ten minutes of a vehicle": f"SELECT m.$dtId AS module, TIME_BUCKET(1m, h.time) AS minute, AVG(h.voltage) AS mean "
                                f"FROM DIGITALTWINS {BELOW} HISTORY h OF c.(voltage) LAST 10m "
                                "WHERE v.$dtId = @vehicle GROUP BY m.$dtId, minute",
    "low cells of the fleet": "SELECT COUNT() AS n FROM DIGITALTWINS MATCH (c:BatteryCell) WHERE c.voltage < 3.1",
}
RARELY = "low cells of the fleet"  # once in this many
RARELY_EACH = 20
IDLE_SECONDS = 20  # in which questions are asked, and nothing is sent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vehicles", type=int, default=100_000, help="default 100000: 13.9 million twins")
    parser.add_argument("--minutes", type=float, default=60, help="of the usual rate (default 60)")
    parser.add_argument("--seconds-per-frame", type=float, default=10, help="of a vehicle (default 10)")
    parser.add_argument("--frames-per-message", type=int, default=1, help="of a vehicle (default 1)")
    parser.add_argument("--burst-seconds", type=float, default=60, help="of three times the rate (default 60)")
    parser.add_argument("--bin-dir", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--json", type=pathlib.Path, help="the figures, too")
    return parser.parse_args()


def vehicle_id(number):
    return f"load-{number + 1:06d}"


def percentile(values, share):
    return sorted(values)[int(share * (len(values) - 1))] if values else float("nan")


def percentiles(milliseconds):
    """p50 and p99 of each."""
    return {name: [percentile(each, 0.5), percentile(each, 0.99)] for name, each in milliseconds.items()}


class Server:
    """twind, and what the kernel says of it."""

    def __init__(self, bin_dir, folder):
        self.folder = folder
        self.address = f"127.0.0.1:{free_port()}"
        log = folder / "log"
        with open(log, "w") as file:
            self.process = subprocess.Popen(
                [bin_dir / "twind", "--data-dir", folder / "data", "--listen", self.address,
                 "--history-retention-seconds", str(30 * 86400), "--log-level", "info"],
                stdout=file, stderr=subprocess.STDOUT)
        wait_until(lambda: "is ready" in log.read_text(), self.process, "twind")

    def memory(self):
        """Bytes: of its own, and of files that it has mapped."""
        status = (pathlib.Path("/proc") / str(self.process.pid) / "status").read_text()
        anonymous, mapped = (int(re.search(rf"{name}:\s+(\d+)", status)[1]) * 1024 for name in ("RssAnon", "RssFile"))
        return anonymous, mapped

    def processor_seconds(self):
        fields = (pathlib.Path("/proc") / str(self.process.pid) / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(timeout=300) != 0:
            raise SystemExit(f"twind ended with {self.process.returncode}: {(self.folder / 'log').read_text()[-2000:]}")


class Questions(threading.Thread):
    """Asks in turn, so many a second; what is late is asked at once."""

    def __init__(self, graph, vehicles):
        super().__init__(daemon=True)
        self.graph, self.vehicles = graph, vehicles
        self.milliseconds = {name: [] for name in QUESTIONS}
        self.lock, self.ended, self.failed = threading.Lock(), threading.Event(), []

    def run(self):
        numbers = random.Random(7)
        usual = [name for name in QUESTIONS if name != RARELY]
        begin, asked = time.monotonic(), 0
        while not self.ended.wait(max(0.0, begin + asked / QUESTIONS_PER_SECOND - time.monotonic())):
            name = RARELY if asked % RARELY_EACH == 0 else usual[asked % len(usual)]
            values = {} if name == RARELY else {"vehicle": vehicle_id(numbers.randrange(self.vehicles))}
            asked += 1
            since = time.perf_counter()
            try:
                for _ in self.graph.rows(QUESTIONS[name], values):
                    pass
            except Exception as error:  # noqa: BLE001: whatever it is, it is a figure of the run
                self.failed.append(str(error))
                continue
            with self.lock:
                self.milliseconds[name].append((time.perf_counter() - since) * 1000)

    def take(self):
        """Milliseconds of each question since the last call."""
        with self.lock:
            taken, self.milliseconds = self.milliseconds, {name: [] for name in QUESTIONS}
        return taken


class Subscribers:
    """Each listens to one cell of a vehicle, and counts its frames."""

    def __init__(self, graph, vehicles):
        step = max(1, vehicles // SUBSCRIBERS)
        self.watches = [graph.events.watch("", under=vehicle_id(i * step % vehicles) + "-m01-c01")
                        for i in range(SUBSCRIBERS)]
        self.sequences = [set() for _ in self.watches]
        self.threads = [threading.Thread(target=self._listen, args=each, daemon=True)
                        for each in zip(self.watches, self.sequences)]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def _listen(watch, sequences):
        for event in watch:
            sequences.add(event.sequence)

    def counts(self):
        return [len(each) for each in self.sequences]

    def close(self):
        for watch in self.watches:
            watch.close()
        for thread in self.threads:
            thread.join(timeout=10)


def load(options, server, rate, seconds, each_minute, begun=lambda: None):
    """What twinsim says at the end: frames a second, and milliseconds until they are acknowledged. `begun` is called
    when the vehicles are there."""
    process = subprocess.Popen(
        [options.bin_dir / "twinsim", "load", "--address", server.address, "--vehicles", str(options.vehicles),
         "--cells", str(CELLS), "--probes", str(PROBES), "--frames-per-message", str(options.frames_per_message),
         "--rate", str(rate), "--in-flight", "4096", "--duration", str(seconds)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    errors = []
    try:
        for line in process.stderr:
            found = re.search(r"(\d+) messages in a minute, acknowledged after ([\d.]+) ms \(p50\), ([\d.]+) ms", line)
            if found:
                each_minute(int(found[1]), float(found[2]), float(found[3]))
            elif "messages a second" in line:
                begun()
            else:
                errors.append(line)
                print(line, end="", flush=True)
        text = process.stdout.read()
        if process.wait() != 0:
            raise SystemExit(f"twinsim load ended with {process.returncode}: {''.join(errors[-5:])}")
    finally:
        process.kill()
    frames, elapsed = re.search(r"(\d+) frames, .* in ([\d.]+) s", text).groups()
    p50, p99 = re.search(r"([\d.]+) ms \(p50\), ([\d.]+) ms", text).groups()
    return {"frames_per_second": int(frames) / float(elapsed), "p50_ms": float(p50), "p99_ms": float(p99)}


def run(options, server):
    import twingraph
    rate = options.vehicles / options.seconds_per_frame / options.frames_per_message  # messages a second
    graph = twingraph.connect(server.address)
    began = time.monotonic()
    load(options, server, rate, 1, lambda *_: None)  # makes the vehicles
    figures = {"vehicles": options.vehicles, "twins": graph.status().twins, "seconds_to_make": time.monotonic() - began,
               "minutes": []}
    print(f"{figures['twins']:,} twins in {figures['seconds_to_make']:.0f} s", flush=True)
    subscribers, questions = Subscribers(graph, options.vehicles), Questions(graph, options.vehicles)
    questions.start()
    time.sleep(min(IDLE_SECONDS, 60 * options.minutes))
    figures["idle_questions"] = percentiles(questions.take())
    print("idle: " + "; ".join(f"{name}: p50 {a:.2f}, p99 {b:.2f} ms"
                               for name, (a, b) in figures["idle_questions"].items()), flush=True)
    print("minute  frames/s  acknowledged p50, p99 ms  server's processor  memory + mapped GiB  disk GiB  events"
          + "".join(f"  {name}: p50, p99 ms" for name in QUESTIONS), flush=True)
    processor = 0.0

    def begun():
        nonlocal processor
        processor = server.processor_seconds()
        questions.take()

    def minute(frames, p50, p99):
        nonlocal processor
        now, (own, mapped) = server.processor_seconds(), server.memory()
        asked = questions.take()
        figures["minutes"].append({
            "frames": frames * options.frames_per_message, "p50_ms": p50, "p99_ms": p99,
            "processor": (now - processor) / 60, "memory_bytes": own, "mapped_bytes": mapped,
            "disk_bytes": bytes_in(server.folder / "data"), "events": sum(subscribers.counts()),
            "questions": percentiles(asked)})
        processor = now
        last = figures["minutes"][-1]
        print(f"{len(figures['minutes']):6}  {last['frames'] / 60:8,.0f}  {p50:16.2f}, {p99:6.2f}"
              f"  {last['processor']:18.2f}  {own / 2**30:10.2f} + {mapped / 2**30:4.2f}"
              f"  {last['disk_bytes'] / 2**30:8.2f}  {last['events']:6}"
              + "".join(f"  {a:8.2f}, {b:8.2f}" for a, b in last["questions"].values()), flush=True)

    figures["usual"] = load(options, server, rate, 60 * options.minutes + 1, minute, begun)
    print(f"usual: {figures['usual']}", flush=True)
    # Subscribers have had every frame of their cells, once the last ones are there.
    time.sleep(2)
    figures["events_of_each"] = subscribers.counts()
    if options.burst_seconds > 0:
        figures["burst"] = load(options, server, 3 * rate, options.burst_seconds + 1, minute, begun)
        print(f"three times as much: {figures['burst']}", flush=True)
    questions.ended.set()
    questions.join()
    subscribers.close()
    print(subprocess.run([options.bin_dir / "twinctl", "--address", server.address, "status"], capture_output=True,
                         text=True, check=True).stdout, flush=True)
    graph.close()
    server.stop()
    figures["memory_bytes_max"] = max((each["memory_bytes"] for each in figures["minutes"]), default=0)
    figures["p99_ms_of_minutes"] = statistics.median(each["p99_ms"] for each in figures["minutes"]) \
        if figures["minutes"] else None
    if questions.failed:
        raise SystemExit(f"{len(questions.failed)} questions failed: {questions.failed[0]}")
    frames = int(60 * options.minutes / options.seconds_per_frame) - options.frames_per_message
    if min(figures["events_of_each"]) < frames:
        raise SystemExit(f"subscribers had {figures['events_of_each']} transactions, not {frames} at least")
    return figures


def main():
    options = arguments()
    sys.path.insert(0, str(options.bin_dir.resolve().parent / "python"))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="twin-fleet-", dir=os.environ.get("TMPDIR", "/var/tmp")))
    server = None
    try:
        server = Server(options.bin_dir, folder)
        figures = run(options, server)
        if options.json:
            options.json.write_text(json.dumps(figures, indent=1))
    finally:
        if server is not None:
            server.process.kill()
            server.process.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
