#!/usr/bin/env python3
"""Asks Twingraph, and what one would otherwise take, the same questions, one after the other on one machine.

Prints a row for each work and a column for each system, with the ratio to Twingraph: × 3 took three times as long, or
did a third of it in the same time. Answers are compared; one that differs fails the run. Nothing is installed:
programs are unpacked into build/peers, data lies below it and is removed, servers listen on free ports of 127.0.0.1
and are ended."""
import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import tools  # noqa: E402

PEERS = {  # name: module and class, packages of Debian, of Python
    "twingraph": ("twingraph_peer.Twingraph", [], []),
    "postgresql": ("postgresql.PostgreSql", ["postgresql-15", "postgresql-client-15"], ["psycopg2-binary"]),
    "sqlite": ("sqlite.Sqlite", [], []),
    "duckdb": ("duck.DuckDb", [], ["duckdb"]),
    "kuzu": ("kuzu_peer.Kuzu", [], ["kuzu"]),
    "redis": ("redis_peer.Redis", ["redis-server", "redis-tools"], ["redis"]),
    "victoriametrics": ("victoriametrics.VictoriaMetrics", ["victoria-metrics"], []),
    "mosquitto": ("mosquitto.Mosquitto", ["mosquitto"], ["paho-mqtt<2"]),
}
WORKS = {  # in this order
    "load": "load the fleet, twins/s",
    "ingest": "ingest frames, values/s",  # which bring the last values of their cells, too
    "bytes_per_value": "bytes on disk a value",
    "read_one": "read one twin, one client",
    "read_16_clients": "the same, 16 clients",
    "cells_of_one_vehicle": "cells of one vehicle: 3 hops, a filter",
    "count_cells": "count cells, two predicates",
    "list_cells": "list those cells",
    "spread_of_packs": "10 packs of widest voltage spread",
    "minutes_of_one_vehicle": "one vehicle, 10 min by minute and module",
    "warmest_cells": "20 cells of highest mean temperature",
    "update_one_client": "durable update, one client",
    "update_64_in_flight": "the same, 64 in flight",
    "update_batches": "the same, batches of 1,000",
    "notify": "change to subscriber, p50",
    "restart": "restart to first answer",
}


def arguments():
    parser = argparse.ArgumentParser(prog="./bench --peers", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vehicles", type=int, default=500, help="of 158 twins each (default 500)")
    parser.add_argument("--history-vehicles", type=int, default=50, help="of them, those that send frames (default 50)")
    parser.add_argument("--frames", type=int, default=512,
                        help="of each, one every 10 s, 432 values (default 512, of which the first 60 are asked about)")
    parser.add_argument("--effort", type=float, default=1.0, help="0.1: everything a tenth as often (default 1)")
    parser.add_argument("--only", nargs="+", choices=PEERS, default=list(PEERS), metavar="PEER",
                        help=f"of {', '.join(PEERS)}")
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path("build/peers"),
                        help="programs and data (default build/peers)")
    parser.add_argument("--bin-dir", type=pathlib.Path, default=pathlib.Path("build/release/bin"))
    parser.add_argument("--json", type=pathlib.Path, help="the figures, too")
    return parser.parse_args()


def measure(name, tools_, folder, fleet, effort):
    """The peer and its figures by work."""
    module, _, cls = PEERS[name][0].partition(".")
    peer = getattr(importlib.import_module(module), cls)(tools_, folder, fleet, effort)
    figures = {}
    peer.start()
    try:
        for work, title in WORKS.items():
            if not hasattr(peer, work):
                continue
            print(f"  {peer.name}: {title}", file=sys.stderr, flush=True)
            if (figure := getattr(peer, work)()) is not None:
                figures[work] = figure
    finally:
        peer.stop()
    return peer, figures


def text(figure):
    value = figure.value
    number = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    if figure.unit == "/s" and value >= 1e5:
        number = f"{value / 1e6:.3g} M"
    return f"{number} {figure.unit}".replace(" /s", "/s")


def ratio(figure, ours):
    times = ours.value / figure.value if figure.unit == "/s" else figure.value / ours.value
    return f"× {times:.2g}" if times < 100 else f"× {times:,.0f}"


def table(results):
    names = list(results)
    rows = [["", *(results[name][0].name for name in names)]]
    for work, title in WORKS.items():
        cells = [title]
        for name in names:
            figure, ours = results[name][1].get(work), results.get("twingraph", (None, {}))[1].get(work)
            cells.append("" if figure is None else text(figure) if name == "twingraph" or ours is None
                         else f"{text(figure)} ({ratio(figure, ours)})")
        if any(cells[1:]):
            rows.append(cells)
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def differences(results):
    """Works whose answers are not those of the first system that has the work."""
    for work in WORKS:
        answers = [(name, figures[work].answer) for name, (_, figures) in results.items()
                   if work in figures and figures[work].answer is not None]
        for name, answer in answers[1:]:
            first, wanted = answers[0]
            if not same(answer, wanted):
                yield (f"{WORKS[work]}: {name} answers otherwise than {first}: "
                       f"{str(answer)[:300]} and {str(wanted)[:300]}")


def same(a, b):
    """Equal, numbers to one part in a million: sums are made in other orders."""
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) or isinstance(b, float):
        return abs(a - b) <= 1e-6 * max(1.0, abs(a), abs(b))
    return a == b


def measure_all(options, fleet, programs):
    """Results by name, and what went wrong."""
    results, failures = {}, []
    for name in options.only:
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=options.root))
        folder.chmod(0o755)
        programs.give_away(folder)
        try:
            results[name] = measure(name, programs, folder, fleet, options.effort)
        except Exception as error:  # one peer's trouble is not the others'
            traceback.print_exc()
            failures.append(f"{name}: {error}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return results, failures


def print_report(results):
    print(table(results), end="\n\n")
    for peer, figures in results.values():
        notes = "; ".join(f"{WORKS[work]}: {figure.note}" for work, figure in figures.items() if figure.note)
        print(f"- {peer.name} {peer.version}. Durability: {peer.durability}. Configuration: {peer.configuration}.",
              f"Notes: {notes}.")


def write_json(results, path):
    values = {name: {work: [figure.value, figure.unit] for work, figure in figures.items()}
              for name, (_, figures) in results.items()}
    path.write_text(json.dumps(values, indent=1))


def main():
    options = arguments()
    options.root = options.root.resolve()
    options.root.mkdir(parents=True, exist_ok=True)
    debian = [package for name in options.only for package in PEERS[name][1]]
    if debian:
        tools.unpack(options.root, debian)
    python = [package for name in options.only for package in PEERS[name][2]]
    if importlib.util.find_spec("numpy") is None:  # the fleet's samples
        python.append("numpy")
    if python and pathlib.Path(sys.prefix) != options.root / "python":
        interpreter = tools.environment(options.root, python)
        os.execv(interpreter, [interpreter, "-B", *sys.argv])
    from fleet import Fleet, Size  # numpy, which the interpreter above may not have
    size = Size(options.vehicles, min(options.history_vehicles, options.vehicles), options.frames)
    print(f"{size.vehicles:,} vehicles, {size.twins:,} twins, {size.cells:,} cells; history of "
          f"{size.history_vehicles:,} vehicles: {size.samples:,} rows, {size.values:,} values", file=sys.stderr)
    programs = tools.Tools(options.root, options.bin_dir.resolve())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: what was started is ended
    try:
        results, failures = measure_all(options, Fleet(size), programs)
    finally:
        programs.end_all()
    print_report(results)
    failures += differences(results)
    for failure in failures:
        print(f"peers: {failure}", file=sys.stderr)
    if options.json:
        write_json(results, options.json)
    print(f"{len(results)} systems measured, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
