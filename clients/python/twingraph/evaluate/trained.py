"""What other cells taught: models that come with this package, for cells that they have not seen.

A folder with few cells says little by itself. Beside this file lie models of public sets, one a task. A cell that a model
has not seen is estimated by that model and by what the folder's other cells teach, each as much as the cells that it
has learnt from; remaining life by similarity has made lives beside the folder's own. There are no data in these
files: trees, intervals, principal components, and 32 bits of some rows, to know a cell again that trained them.
`python3 -m twingraph.evaluate.make_trained DIR` makes them anew, of all cells of DIR.
"""
from __future__ import annotations

import dataclasses
import gzip
import json
import pathlib
from typing import Any, Mapping, Optional, Sequence

import numpy as np
import pandas as pd
import xgboost

from ..learn import booster
from ..learn.conformal import Interval
from ..learn.similarity import History
from ..learn.validation import Prior, Problem, calibrated

FOLDER = pathlib.Path(__file__).with_name("trained_models")
FORMAT = "twingraph evaluate 1"
MARKS = 64  # of a cell's rows


def _marks(rows: pd.DataFrame) -> np.ndarray:
    """32 bits of each row's number and capacity, sorted: digits that another program may write differently are cut."""
    number, capacity = (np.round(rows[name].to_numpy(float) * scale).astype(np.int64).view(np.uint64)
                        for name, scale in (("row", 1), ("capacity_ah", 1e4)))
    mixed = number * np.uint64(0x9E3779B97F4A7C15) ^ capacity * np.uint64(0xD6E8FEB86659FD93)
    mixed ^= mixed >> np.uint64(32)
    mixed *= np.uint64(0xD6E8FEB86659FD93)
    return np.unique(mixed >> np.uint64(32))


def _is_same(known: np.ndarray, marks: np.ndarray) -> bool:
    """known: the least marks of a cell. Of a part of its rows, those that are no greater are among them."""
    shared, comparable = np.isin(marks, known).sum(), (marks <= known[-1]).sum()
    return shared >= 0.1 * len(known) or 2 * shared >= comparable > 0


@dataclasses.dataclass(frozen=True)
class Cells:
    """Those that trained a model."""

    marks: Sequence[np.ndarray]

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "Cells":
        return cls([_marks(of_cell)[:MARKS] for _, of_cell in rows.groupby("cell_id")])

    def unseen(self, rows: pd.DataFrame) -> list[str]:
        """Names of the cells that are none of them."""
        return [name for name, of_cell in rows.groupby("cell_id")
                if not any(_is_same(known, _marks(of_cell)) for known in self.marks)]


def _load(name: str) -> Optional[Mapping[str, Any]]:
    file = FOLDER / f"{name}.json.gz"
    if not file.exists():
        return None
    kept = json.loads(gzip.decompress(file.read_bytes()))
    if kept["format"] != FORMAT:
        raise ValueError(f"{file} is of the format {kept['format']}, not {FORMAT}: make it anew")
    return {**kept, "cells": Cells([np.array(marks, np.uint64) for marks in kept["cells"]])} if "cells" in kept else kept


def _save(name: str, folder: pathlib.Path, kept: Mapping[str, Any], cells: Optional[Cells] = None) -> None:
    whole = {"format": FORMAT, **({"cells": [marks.tolist() for marks in cells.marks]} if cells else {}), **kept}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json.gz").write_bytes(gzip.compress(json.dumps(whole, separators=(",", ":")).encode(), 9, mtime=0))


def save_model(name: str, rows: pd.DataFrame, features: pd.DataFrame, problem: Problem, settings: booster.Settings,
               folder: pathlib.Path) -> None:
    model = problem.train(np.ones(len(rows), bool), settings)
    _save(name, folder, {"settings": dataclasses.asdict(settings), "columns": list(features.columns),
                         "interval": dataclasses.asdict(calibrated(problem, settings)),
                         "model": json.loads(model.save_raw("json"))}, Cells.of(rows))


def begin_with(name: str, rows: pd.DataFrame, features: pd.DataFrame, problem: Problem) -> Problem:
    """The problem with what the model of this name says of each cell that it has not seen."""
    kept = _load(name)
    unseen = rows.cell_id.isin(kept["cells"].unseen(rows)).to_numpy() if kept else np.zeros(len(rows), bool)
    if not unseen.any():
        return problem
    model = xgboost.Booster()
    model.load_model(bytearray(json.dumps(kept["model"]).encode()))
    value = np.full(len(rows), np.nan)
    value[unseen] = problem.estimate(model, features.reindex(columns=kept["columns"]).to_numpy(float)[unseen])
    return dataclasses.replace(problem, prior=Prior(value, len(kept["cells"].marks), Interval(**kept["interval"])))


GRID = np.linspace(0, 1, 41)  # of a life
COMPONENTS = 6
MADE_LIVES = 60


def save_lives(name: str, rows: pd.DataFrame, lives: Sequence[History], folder: pathlib.Path) -> None:
    """Principal components of health over the share of life, and of the logarithm of life."""
    found = np.array([np.r_[np.interp(GRID, life.cycles / life.life, life.health), np.log(life.life)] for life in lives])
    mean = found.mean(axis=0)
    scale = np.r_[np.full(len(GRID), found[:, :-1].std()), found[:, -1].std()]
    _, size, parts = np.linalg.svd((found - mean) / scale, full_matrices=False)
    spread = size[:COMPONENTS, None] / np.sqrt(len(lives) - 1) * parts[:COMPONENTS] * scale
    _save(name, folder, {"mean": np.round(mean, 5).tolist(), "spread": np.round(spread, 5).tolist()}, Cells.of(rows))


def made_lives(name: str, rows: pd.DataFrame) -> tuple[list[History], set[str]]:
    """Lives as those of other cells may have been, and the cells that these are not: those that may be compared with them."""
    kept = _load(name)
    if kept is None:
        return [], set()
    drawn = np.clip(np.random.RandomState(1).normal(size=(MADE_LIVES, len(kept["spread"]))), -2, 2)
    share = np.linspace(0, 1, 201)[1:]
    lives = []
    for number, life in enumerate(np.array(kept["mean"]) + drawn @ np.array(kept["spread"])):
        cycles = float(np.exp(life[-1]))
        lives.append(History(f"made {number}", share * cycles, np.interp(share, GRID, life[:-1]), cycles))
    return lives, set(kept["cells"].unseen(rows))


@dataclasses.dataclass(frozen=True)
class Line:
    """log10(life) = slope * log10(variance) + intercept"""

    slope: float
    intercept: float
    trained_on: int  # cells


def load_line(name: str) -> Optional[Line]:
    kept = _load(name)
    return Line(**kept["line"]) if kept else None


def save_line(name: str, line: Line, folder: pathlib.Path) -> None:
    _save(name, folder, {"line": dataclasses.asdict(line)})
