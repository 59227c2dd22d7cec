"""python3 -m twingraph.train DATA --target COLUMN --out FOLDER: labelled histories → a model with its card."""
from __future__ import annotations

import argparse
import dataclasses
import datetime
import difflib
import hashlib
import json
import pathlib
import sys
from typing import Any, Sequence

from .lacking import run

DESCRIPTION = """\
Trains gradient-boosted trees and writes FOLDER/model.json and FOLDER/card.json.

DATA is CSV (also .gz) or Parquet: a row a point, with the cell's name, features and the label. Accuracy and
intervals are measured on cells that the model in question was not trained on; then the model is trained on all.
There is no split by row. Rows must be in the order of time within each cell for --history.

A feature is NAME or NAME:UNIT, with a trailing "!" if a row without it cannot be answered: cc_time_s:second!"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m twingraph.train", description=DESCRIPTION,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", metavar="DATA", type=pathlib.Path)
    parser.add_argument("--target", metavar="COLUMN", required=True, help="the label")
    parser.add_argument("--features", metavar="NAME[:UNIT][!]", nargs="+",
                        help="default: every column of numbers but the label")
    parser.add_argument("--cell", metavar="COLUMN", default="cell_id", help="whose rows stay together; default %(default)s")
    parser.add_argument("--where", metavar="EXPRESSION", help="only these rows, as pandas.DataFrame.query takes it")
    parser.add_argument("--scale", type=float, default=1.0, help="label × SCALE is what is predicted; default 1")
    parser.add_argument("--history", action="store_true",
                        help="add each feature's difference from the cell's own first 10 rows, and means of the last 5 and 25")
    parser.add_argument("--transform", choices=["identity", "square", "exp", "log10"], default="identity",
                        help="the model learns the label (identity), its root, or its logarithm")
    parser.add_argument("--limits", metavar=("LEAST", "MOST"), nargs=2, type=float, help="estimates are clamped to that")
    parser.add_argument("--level", type=float, default=0.9, help="of the intervals; default %(default)s")
    parser.add_argument("--folds", type=int, default=8)
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", metavar="FOLDER", type=pathlib.Path, required=True, help="made new")
    parser.add_argument("--name", help="default: the folder's name")
    parser.add_argument("--version", default="1")
    parser.add_argument("--target-model", metavar="DTMI", default="dtmi:twingraph:battery:BatteryPack;1")
    parser.add_argument("--path", default="soh", help="of the estimate in the target model; default %(default)s")
    parser.add_argument("--unit", default="percent", help="of the estimate; default %(default)s")
    parser.add_argument("--query", default="", help="TQL that yields the features")
    parser.add_argument("--chemistry", action="append", default=[], help="that it was trained for; may be repeated")
    parser.add_argument("--note", action="append", default=[], help="a limit to tell people; may be repeated")
    options = parser.parse_args(arguments)
    if options.out.exists():
        parser.error(f"{options.out} is there already; versions of a model are folders of their own")
    try:
        card = train(options, ["python3 -m twingraph.train", *(sys.argv[1:] if arguments is None else arguments)])
    except (ValueError, KeyError, OSError) as error:
        print(f"twingraph.train: {error}", file=sys.stderr)
        return 1
    metrics = card["predictor"]["held_out_metrics"]
    print(f"{options.out}: {metrics['cells']} cells, {metrics['points']} points; on cells not trained on: "
          f"RMSE {metrics['rmse']:.4g}, MAE {metrics['mae']:.4g} {options.unit}, "
          f"{100 * options.level:g} % intervals cover {100 * metrics['coverage']:.1f} %")
    return 0


def _read(path: pathlib.Path) -> Any:
    import pandas
    return pandas.read_parquet(path) if path.suffix == ".parquet" else pandas.read_csv(path)


# Known only when a cell has ended: never a feature by default.
FUTURE = ("n_cycles_total", "cycle_life", "rul")


def _features(options: argparse.Namespace, rows: Any) -> tuple[Any, list]:
    """The matrix as a DataFrame, and the features of the description."""
    from .learn.features import history_features
    from .predictors.description import Feature
    from .predictors.units import UNITS
    given = options.features or [name for name in rows.select_dtypes("number").columns
                                 if name not in (options.target, options.cell, *FUTURE)]
    parsed = [(text.rstrip("!").partition(":")[0], text.rstrip("!").partition(":")[2], text.endswith("!")) for text in given]
    for name, unit in [*((name, unit) for name, unit, _ in parsed), ("the estimate", options.unit)]:
        if unit and unit not in UNITS:
            alike = difflib.get_close_matches(unit, UNITS, 1)
            raise ValueError(f"{name}: unknown unit {unit}" + (f"; did you mean {alike[0]}?" if alike else ""))
    lacking = [name for name, _, _ in parsed if name not in rows]
    if lacking:
        raise ValueError(f"{options.data} has no column {', '.join(lacking)}; it has {', '.join(rows.columns)}")
    names = [name for name, _, _ in parsed]
    matrix = history_features(rows, names, cell=options.cell) if options.history else rows[names]
    of = {name: (unit, required) for name, unit, required in parsed}
    features = []
    for name in matrix.columns:
        base = max((n for n in names if name == n or name.startswith(n + "_")), key=len)
        unit, required = of[base]
        least, most = float(matrix[name].min()), float(matrix[name].max())
        slack = 0.1 * (most - least)
        features.append(Feature(name, unit, required=required and name == base, min=least - slack, max=most + slack))
    return matrix, features


def train(options: argparse.Namespace, command: Sequence[str]) -> dict[str, Any]:
    """Trains, writes the folder, returns the card. ValueError: the data do not suit; the message says why."""
    import numpy as np
    import pandas
    import xgboost
    from .learn import booster, validation
    from .learn.metrics import measure
    from .predictors.description import Description, Output

    rows = _read(options.data)
    for name in (options.cell, options.target):
        if name not in rows:
            raise ValueError(f"{options.data} has no column {name}; it has {', '.join(rows.columns)}")
    if options.where:
        rows = rows.query(options.where)
    if options.folds < 3:
        raise ValueError(f"--folds {options.folds}: 3 are needed: one to train on, one to calibrate the interval, one to test")
    rows = rows.assign(**{options.target: pandas.to_numeric(rows[options.target], errors="coerce")})
    if not np.isfinite(rows[options.target]).any():
        raise ValueError(f"{options.data} has no row with a number in {options.target}")
    rows = rows[np.isfinite(rows[options.target]) & rows[options.cell].notna()].reset_index(drop=True)
    matrix, features = _features(options, rows)
    least, most = options.limits or (-np.inf, np.inf)
    problem = validation.Problem(matrix.to_numpy(float), options.scale * rows[options.target].to_numpy(float),
                                 rows[options.cell].astype(str).to_numpy(), options.transform, least, most)
    settings = booster.Settings(trees=options.trees, depth=options.depth, seed=options.seed)
    held = validation.cross_validate(problem, settings, folds=options.folds, level=options.level, seed=options.seed)
    metrics = measure(problem.truth, held.value, problem.cells, held.lo, held.hi)
    interval = validation.calibrated(problem, settings, folds=options.folds, level=options.level, seed=options.seed)
    model = problem.train(np.ones(len(rows), bool), settings)

    options.out.mkdir(parents=True)
    model.save_model(options.out / "model.json")
    cells = sorted(set(problem.cells))
    folds = min(options.folds, len(cells))
    description = Description(
        name=options.name or options.out.name, version=options.version, method="gradientBoosting",
        description=f"{options.path} from {len(features)} features by gradient-boosted trees.",
        target_model=options.target_model, features=features, default_query=options.query,
        outputs=[Output(options.path, options.path, options.unit, options.level)],
        more={"validity": {"chemistries": options.chemistry},
              "training_data": f"{options.data.name}: {len(cells)} cells, {len(rows)} points; {folds} folds by cell",
              "held_out_metrics": {k: v for k, v in dataclasses.asdict(metrics).items() if v == v and k != "width"}})
    bounds = {} if options.limits is None else {"min": least, "max": most}
    card = {
        "card_version": 1, "predictor": description.as_json(),
        "model": {"kind": "xgboost", "file": "model.json",
                  "sha256": hashlib.sha256((options.out / "model.json").read_bytes()).hexdigest()},
        "outputs": [{"name": options.path, "transform": options.transform, **bounds,
                     "interval": {"level": interval.level, "absolute": float(interval.absolute),
                                  "relative": float(interval.relative), "floor": float(interval.floor)}}],
        "calibration": {"method": "cross-conformal by cell", "cells": len(cells), "points": len(rows)},
        "split": {"unit": "cell", "folds": folds, "seed": options.seed, "cells": cells},
        "limits": [f"Only for cells like those of {options.data.name}: their chemistry, charging protocol and temperature.",
                   *options.note],
        "made": {"time": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
                 "library": f"xgboost {xgboost.__version__}", "command": " ".join(command)},
    }
    (options.out / "card.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    return card


if __name__ == "__main__":
    sys.exit(run(main))
