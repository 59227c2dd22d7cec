#!/usr/bin/env python3
"""What ./run shows while the fleet lives: rates, lag, the cells that differ most, health and remaining life.

live.py --twinctl PROGRAM [--simulator-log FILE] [--once]   a page every two seconds, until Ctrl-C
live.py --metrics URL NAME...                               fails unless the page has these metrics
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import time
import urllib.request

INTERVAL = 2  # seconds
WORST = """
SELECT c.$dtId AS cell, c.voltage AS volts, ROBUST_Z(c.voltage) OVER (PARTITION BY p.$dtId) AS z
FROM DIGITALTWINS MATCH (p:BatteryPack)-[:hasModule|hasCell*1..2]->(c:BatteryCell)
WHERE c.voltage IS NOT NULL QUALIFY ABS(z) > 5 ORDER BY ABS(z) DESC LIMIT 5"""
HEALTH = """
SELECT COUNT(p.bmsSoh) AS n, MIN(p.bmsSoh) AS low, MEDIAN(p.bmsSoh) AS mid, MAX(p.bmsSoh) AS high,
       COUNT(p.soh.value) AS estimates, MIN(p.soh.value) AS low_estimate,
       MEDIAN(p.soh.value) AS mid_estimate, MAX(p.soh.value) AS high_estimate,
       COUNT(p.rulCycles.value) AS lives, MIN(p.rulCycles.value) AS low_life,
       MEDIAN(p.rulCycles.value) AS mid_life, MAX(p.rulCycles.value) AS high_life,
       MEDIAN((p.rulCycles.hi - p.rulCycles.lo) / 2) AS life_half
FROM DIGITALTWINS MATCH (p:BatteryPack)"""
STATES = """
SELECT v.state AS state, COUNT() AS vehicles FROM DIGITALTWINS MATCH (v:Vehicle)
GROUP BY v.state ORDER BY vehicles DESC"""


class Failed(Exception):
    """A question without an answer."""


def ask(twinctl, *arguments):
    done = subprocess.run([twinctl, *arguments], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise Failed(done.stderr.strip())
    return [json.loads(line) for line in done.stdout.splitlines() if line]


def query(twinctl, text):
    return ask(twinctl, "query", text, "-o", "ndjson")


def health(row):
    """One line of the spread, of the predictor's estimates where there are some."""
    parts = []
    for name, count, low, mid, high in (("BMS", "n", "low", "mid", "high"),
                                        ("estimated", "estimates", "low_estimate", "mid_estimate", "high_estimate")):
        if row[count]:
            parts.append(f"{name} {row[low]:.1f} to {row[high]:.1f} %, median {row[mid]:.1f} % ({row[count]} packs)")
    return "; ".join(parts) or "nobody has said anything yet"


def remaining_life(row):
    """One line of the full cycles that packs have left, by the predictor."""
    if not row["lives"]:
        return "nobody has said anything yet"
    return (f"{row['low_life']:,.0f} to {row['high_life']:,.0f} full cycles left, median {row['mid_life']:,.0f}, "
            f"each \u00b1 {row['life_half']:,.0f} or so ({row['lives']} packs)")


def last_line(path):
    """What the simulator said last; its lines of progress have the lag."""
    try:
        lines = pathlib.Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return lines[-1].removeprefix("twinsim: ") if lines else ""


def page(twinctl, log):
    """The lines of one look."""
    top = ask(twinctl, "top", "--once", "-o", "ndjson")[0]
    states = {row["state"] or "not heard of": row["vehicles"] for row in query(twinctl, STATES)}
    worst = query(twinctl, WORST)
    health_row = query(twinctl, HEALTH)[0]
    durable = "-" if top["batchP99Ms"] is None else f"{top['batchP99Ms']:.1f} ms"
    lines = [
        f"vehicles   {sum(states.values())}: " + ", ".join(f"{count} {state}" for state, count in states.items()),
        f"telemetry  {top['valuesPerSecond']:,.0f} values/s in {top['framesPerSecond']:,.0f} frames/s, "
        f"durable within {durable} (p99)",
        f"events     {top['changesPerSecond']:,.0f} changes/s, {top['eventsPerSecond']:,.0f} delivered/s to "
        f"{top['subscribers']} subscribers",
        f"server     {top['cpuPercent']:.0f} % of a processor, {top['residentBytes'] / 2**20:,.0f} MiB of memory, "
        f"{top['dataBytes'] / 2**20:,.0f} MiB of data",
        "health     " + health(health_row),
        "life       " + remaining_life(health_row),
        "worst      " + (", ".join(f"{row['cell']} {row['volts']:.3f} V (z {row['z']:+.0f})" for row in worst[:3])
                         or "no cell differs from its siblings"),
    ]
    if log:
        lines.append("simulator  " + last_line(log))
    return lines


def show(twinctl, log):
    """Draws page after page, each over the one before where stdout is a terminal."""
    drawn = 0
    while True:
        begun = time.monotonic()
        lines = page(twinctl, log)
        if sys.stdout.isatty():
            columns = shutil.get_terminal_size().columns
            print(f"\x1b[{drawn}A" * (drawn > 0) + "".join(f"{line[:columns - 1]}\x1b[K\n" for line in lines), end="")
            drawn = len(lines)
            pause = INTERVAL
        else:
            print("\n".join(lines) + "\n")
            pause = 15
        sys.stdout.flush()
        time.sleep(max(0, pause - (time.monotonic() - begun)))


def check_metrics(url, names):
    with urllib.request.urlopen(url, timeout=20) as response:
        text = response.read().decode()
    missing = [name for name in names if not any(line.startswith((name + " ", name + "{")) for line in text.splitlines())]
    if missing:
        raise Failed(f"{url} does not have {', '.join(missing)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--twinctl")
    parser.add_argument("--simulator-log")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--metrics", metavar="URL")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    try:
        if arguments.metrics:
            check_metrics(arguments.metrics, arguments.names)
            print("all are there: " + ", ".join(arguments.names))
        elif arguments.once:
            print("\n".join(page(arguments.twinctl, arguments.simulator_log)))
        else:
            show(arguments.twinctl, arguments.simulator_log)
    except KeyboardInterrupt:
        return 0
    except (Failed, OSError, subprocess.SubprocessError) as error:
        print(f"live.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
