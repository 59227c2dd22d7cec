"""What is measured, and the bar of each figure."""
from __future__ import annotations

import pathlib
from typing import Optional

import numpy as np
import pandas as pd

from ..learn.booster import Settings
from ..learn.conformal import calibrate
from ..learn.features import history_features, slopes
from ..learn.folds import fold_numbers
from ..learn.metrics import Metrics, measure
from ..learn.similarity import History, history, remaining_life
from ..learn.validation import Estimates, Problem, cross_validate
from . import datasets, trained
from .report import Figure, of_interval

NOT_FEATURES = ("cell_id", "row", "capacity_ah", "soh", "n_cycles_total", "train_only")
LEVEL = 0.9


def _columns(rows: pd.DataFrame) -> list[str]:
    return sorted(c for c in rows.select_dtypes("number").columns if c not in NOT_FEATURES)


def _counts(metrics: Metrics) -> str:
    return f"{metrics.cells} cells, {metrics.points} points"


def _origin(problem: Problem) -> str:
    if problem.prior is None:
        return ""
    begun = len(np.unique(problem.cells[~np.isnan(problem.prior.value)]))
    return f"; {begun} of them begun with a model of {problem.prior.cells} others"


def _boosters(rows: pd.DataFrame) -> int:
    """Many cells average themselves; with few, which split is tried first decides too much."""
    return 8 if rows.cell_id.nunique() <= 12 else 1


def _tested(problem: Problem, held: Estimates) -> Metrics:
    tested = ~problem.train_only
    return measure(*(part[tested] for part in (problem.truth, held.value, problem.cells, held.lo, held.hi)))


def soh_problem(rows: pd.DataFrame, *, with_count: bool = False) -> tuple[pd.DataFrame, Problem]:
    features = history_features(rows, _columns(rows))
    if with_count:
        features["charges"] = rows.row
    return features, Problem(features.to_numpy(float), rows.soh.to_numpy(), rows.cell_id.to_numpy(), least=0, most=120,
                             train_only=rows.train_only.to_numpy())


def soh(rows: pd.DataFrame, task: str, bar: float, *, with_count: bool, begun_with: Optional[str] = None) -> list[Figure]:
    """Of the shape of a charge against the cell's own first charges; the bar is for that alone.

    begun_with: a model of other cells (trained.py), if there is one of that name.
    """
    features, problem = soh_problem(rows, with_count=with_count)
    if begun_with:
        problem = trained.begin_with(begun_with, rows, features, problem)
    metrics = _tested(problem, cross_validate(problem, folds=8, level=LEVEL, boosters=_boosters(rows)))
    if with_count:
        return [Figure(f"{task}, charges counted", "RMSE", metrics.rmse, "points", note=f"MAE {metrics.mae:.2f}",
                       cells=metrics.cells),
                *of_interval(f"{task}, charges counted", metrics, barred=False, unit="points")]
    return [Figure(task, "RMSE", metrics.rmse, "points", bar, note=f"MAE {metrics.mae:.2f}; {_counts(metrics)}{_origin(problem)}",
                   cells=metrics.cells),
            *of_interval(task, metrics, unit="points")]


def rul_features(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    features = pd.concat([history_features(rows, columns, windows=(5,)),
                          slopes(rows, columns, (10, 20, 40, 80))], axis=1)
    features["cycle"] = rows.row
    return features


RUL_SETTINGS = Settings(depth=6, learning_rate=0.04, rows_per_tree=0.6, features_per_tree=0.4, features_per_split=1,
                        rows_in_leaf_min=0.5, ridge=1, rows_of_cell_max=120)


def rul_problem(rows: pd.DataFrame, *, with_capacity: bool = True) -> tuple[pd.DataFrame, Problem]:
    features = rul_features(rows, _columns(rows) + (["capacity_ah"] if with_capacity else []))
    left = (rows.n_cycles_total - rows.row).to_numpy(float)
    return features, Problem(features.to_numpy(float), left, rows.cell_id.to_numpy(), "square", least=0,
                             train_only=rows.train_only.to_numpy())


def rul_any_age(root: pathlib.Path, *, more: pathlib.Path | None = None, with_capacity: bool,
                begun_with: Optional[str] = None) -> list[Figure]:
    """Cycles to the end of the test at every row of every life. With the capacity of that moment, or by charges alone."""
    rows = datasets.hust(root, more)
    features, problem = rul_problem(rows, with_capacity=with_capacity)
    if begun_with:
        problem = trained.begin_with(begun_with, rows, features, problem)
    metrics = _tested(problem, cross_validate(problem, RUL_SETTINGS, folds=8, level=LEVEL))
    task = "RUL HUST, any age"
    if not with_capacity:
        return [Figure(f"{task}, capacity not measured", "RMSE", metrics.rmse, "cycles", note=f"MAPE {metrics.mape:.1f} %",
                       cells=metrics.cells),
                *of_interval(f"{task}, capacity not measured", metrics, barred=False, unit="cycles")]
    return [Figure(task, "RMSE", metrics.rmse, "cycles", 185, note=f"MAE {metrics.mae:.0f}; {_counts(metrics)}{_origin(problem)}",
                   cells=metrics.cells),
            Figure(task, "MAPE", metrics.mape, "%", 18, cells=metrics.cells), *of_interval(task, metrics, unit="cycles")]


SIMILARITY_BARS = {30: 220, 50: 170, 70: 90, 90: 50}


def lives_of(rows: pd.DataFrame) -> list[History]:
    return [history(cell, r.row, r.capacity_ah, float(r.n_cycles_total.iloc[0])) for cell, r in rows.groupby("cell_id")]


def similarity(root: pathlib.Path, more: pathlib.Path | None = None, begun_with: Optional[str] = None) -> list[Figure]:
    """Each cell at a share of its life, by the lives of the other folds' cells.

    begun_with: made lives (trained.py) beside them, for cells that they are not made of.
    """
    rows = datasets.hust(root, more)
    lives = lives_of(rows)
    made, unseen = trained.made_lives(begun_with, rows) if begun_with else ([], set())
    names = np.array([life.cell for life in lives])
    fold, tested = fold_numbers(names, 8), ~rows.groupby("cell_id").train_only.first().to_numpy(bool)
    figures = []
    for share, bar in SIMILARITY_BARS.items():
        seen = [life.until(share / 100 * life.life) for life in lives]
        truth = np.array([life.life - s.cycles[-1] for life, s in zip(lives, seen)])
        def left(of: History, library: list[History]) -> float:
            others = [other for other in library if other.cell != of.cell]
            return remaining_life(of, others + made if of.cell in unseen else others)

        alone = np.array([left(s, lives) for s in seen])
        value, lo, hi = np.full(len(lives), np.nan), np.full(len(lives), np.nan), np.full(len(lives), np.nan)
        for number in range(fold.max() + 1):
            library = [life for life, f in zip(lives, fold) if f != number]
            value[fold == number] = [left(s, library) for s, f in zip(seen, fold) if f == number]
            others = np.array([left(s, library) for s, f in zip(seen, fold) if f != number])
            interval = calibrate(truth[fold != number], others, names[fold != number], LEVEL)
            lo[fold == number], hi[fold == number] = interval.bounds(value[fold == number], 0)
        metrics = measure(*(part[tested] for part in (truth, value, names, lo, hi)))
        task = f"RUL HUST, similarity at {share} % of life"
        figures += [Figure(task, "MAE", metrics.mae, "cycles", bar,
                           note=f"MAPE {metrics.mape:.0f} %; one cell left out: MAE {np.mean(np.abs(alone - truth)[tested]):.0f}",
                           cells=metrics.cells),
                    *of_interval(task, metrics, barred=False, unit="cycles")]
    return figures


def _log_variance(curves: pd.DataFrame) -> pd.Series:
    """log10 of the variance of Q100(V) - Q10(V), of each cell that has both curves."""
    cells = curves.index.get_level_values("cell_id").unique()
    change = curves.xs(100, level="cycle") - curves.xs(10, level="cycle")
    variance = change.var(axis=1).reindex(cells)
    if without := int((~(variance > 0)).sum()):
        datasets.note(f"severson_mit: {without} cells without curves of cycles 10 and 100")
    return np.log10(variance[variance > 0])


def early_life_line(root: pathlib.Path) -> trained.Line:
    """Of the training cells."""
    curves, cells = datasets.severson(root)
    x = _log_variance(curves)
    names = [name for name in x.index if name in cells.index and cells.split[name] == "train"]
    slope, intercept = np.polyfit(x[names], np.log10(cells.cycle_life[names].astype(float)), 1)
    return trained.Line(float(slope), float(intercept), len(names))


def early_life(root: pathlib.Path, more: pathlib.Path | None, begun_with: Optional[str] = None) -> list[Figure]:
    """Life from the first 100 cycles: a line through log10(life) over the log-variance of the training cells.

    begun_with: a line (trained.py) for a folder without training cells.
    """
    curves, cells = datasets.severson(root)
    x, life, split = _log_variance(curves), cells.cycle_life.astype(float), cells.split
    names = [name for name in x.index if name in life.index]
    own = train = [name for name in names if split[name] == "train"]
    train_x, train_life = x, life
    if more is not None:
        other_curves, other_cells = datasets.severson(more)
        other_x = _log_variance(other_curves)
        tested_too = {(x[name], life[name]) for name in names}  # the same cell, whatever its name
        joined = [name for name in other_x.index if name in other_cells.index and other_cells.split[name] == "train"
                  and (other_x[name], float(other_cells.cycle_life[name])) not in tested_too]
        renamed = {name: f"--train {name}" for name in joined}
        train_x = pd.concat([x, other_x[joined].rename(renamed)])
        train_life = pd.concat([life, other_cells.cycle_life[joined].astype(float).rename(renamed)])
        train = own + list(renamed.values())

    known = trained.load_line(begun_with) if begun_with and not train else None
    origin = f"; by a line of {known.trained_on} others" if known else ""

    def line(of: list[str]) -> np.ndarray:
        return np.array([known.slope, known.intercept]) if known else np.polyfit(train_x[of], np.log10(train_life[of]), 1)

    figures = []
    for part, bar in (("test1", 140), ("test2", 200)):
        tested = [name for name in names if split[name] == part]
        if (train or known) and tested:
            value, truth = 10 ** np.polyval(line(train), x[tested]), life[tested].to_numpy()
            usual = truth >= 200  # one cell of the published first test died at 148 for a reason of its own
            error = value - truth
            figures.append(Figure(f"early life Severson, {part}", "RMSE", float(np.sqrt(np.mean(error[usual] ** 2))), "cycles",
                                  bar, note=f"{usual.sum()} cells; all {len(tested)}: {np.sqrt(np.mean(error ** 2)):.0f}{origin}",
                                  cells=len(tested)))
    if len(train) > 3 and own:
        value = np.array([10 ** np.polyval(line([t for t in train if t != name]), train_x[name]) for name in own])
        truth = train_life[own].to_numpy()
        metrics = measure(truth, value, np.array(own))
        figures.append(Figure("early life Severson, each training cell left out", "RMSE", metrics.rmse, "cycles", 140,
                              note=f"MAPE {metrics.mape:.1f} %; {metrics.cells} cells", cells=metrics.cells))
    elif not figures:
        raise datasets.Missing("no severson_mit cell whose split is train; name a folder that has them: --train DIR")
    return figures
