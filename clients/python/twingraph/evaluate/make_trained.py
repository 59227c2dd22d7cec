"""python3 -m twingraph.evaluate.make_trained DIR: the models of trained.py, of all cells of DIR."""
from __future__ import annotations

import argparse
import pathlib
import sys

from ..lacking import run


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m twingraph.evaluate.make_trained",
                                     description="Trains the models that evaluations of other cells begin with.")
    parser.add_argument("folder", metavar="DIR", type=pathlib.Path, help="folders of battery data, as twingraph.evaluate takes them")
    parser.add_argument("--out", metavar="DIR", type=pathlib.Path, help="where they go; by default where they are looked for")
    options = parser.parse_args(arguments)
    from ..learn.booster import Settings
    from . import datasets, plan, tasks, trained
    out = options.out or trained.FOLDER
    for which, name in plan.SOH_TRAINED.items():
        rows = plan.soh_rows(options.folder, which)
        trained.save_model(name, rows, *tasks.soh_problem(rows), Settings(), out)
        print(f"{name}: {rows.cell_id.nunique()} cells")
    rows = datasets.hust(options.folder)
    trained.save_model(plan.RUL_TRAINED, rows, *tasks.rul_problem(rows), tasks.RUL_SETTINGS, out)
    trained.save_lives(plan.LIVES_TRAINED, rows, tasks.lives_of(rows), out)
    line = tasks.early_life_line(options.folder)
    trained.save_line(plan.EARLY_LIFE_TRAINED, line, out)
    print(f"{plan.RUL_TRAINED}, {plan.LIVES_TRAINED}: {rows.cell_id.nunique()} cells\n"
          f"{plan.EARLY_LIFE_TRAINED}: {line.trained_on} cells")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
