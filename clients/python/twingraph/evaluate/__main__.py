"""python3 -m twingraph.evaluate DIR: how accurate predictors are on cells that they were not trained on."""
from __future__ import annotations

import argparse
import concurrent.futures
import multiprocessing
import os
import pathlib
import sys
import time

from ..lacking import run

DESCRIPTION = """\
Prints how accurate the predictors are on cells that they were not trained on, each figure beside its bar.

DIR holds folders of battery data: xjtu_ncm, hust_lfp, tju_nca_ncm, severson_mit, nasa_pcoe; those that it
lacks, and those that cannot be used, are skipped and named. The cells of a folder are divided into folds; each fold is predicted by models of the
others, its intervals calibrated on cells that neither trained those models nor are tested. Models of other cells come
with the package and are used beside them, for cells that they have not seen. The result depends on
the data alone, not on names of cells or the order of columns. Exit code: 0, 1 if a bar was missed, 2 if nothing could be measured; what is skipped does not change it."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m twingraph.evaluate", description=DESCRIPTION,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="DIR", type=pathlib.Path)
    parser.add_argument("--train", metavar="DIR", type=pathlib.Path,
                        help="a folder of the same form whose cells train and calibrate as well, and are never tested; "
                             "cells that are in DIR too are left out")
    parser.add_argument("--alone", action="store_true",
                        help="learn from the cells of these folders alone, not from models of other cells that come with the package")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    parser.add_argument("--quick", action="store_true", help="only the figures that have a bar")
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        parser.error(f"no folder {options.folder}")
    from . import plan, report
    os.environ["OMP_NUM_THREADS"] = "1"  # processes, not threads, share the processors: results stay the same
    start, figures, skipped = time.monotonic(), [], []
    chosen = plan.tasks(options.folder, options.train, alone=options.alone)
    if options.quick:
        chosen = [task for task in chosen if task.has_bar]
    # Started anew, not forked: OpenMP in a copy of a process that has used it waits for threads that are not there.
    fresh = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count(), mp_context=fresh) as pool:
        for found, missing in pool.map(plan.attempt, chosen):
            figures += found
            skipped += [text for text in missing if text not in skipped]
            if not options.json:
                print(".", end="", file=sys.stderr, flush=True)
    seconds = time.monotonic() - start
    if options.json:
        print(report.as_json(figures, skipped, seconds))
    else:
        print(file=sys.stderr)
        print(report.as_table(figures))
        print("\n".join(f"skipped: {text}" for text in skipped), end="\n" if skipped else "")
        print(f"{sum(f.passed is True for f in figures)} bars held, {sum(f.passed is False for f in figures)} missed; "
              f"{seconds:.0f} s")
    if not figures:
        return 2
    return 1 if any(f.passed is False for f in figures) else 0


if __name__ == "__main__":
    sys.exit(run(main))
