"""Accuracy on cells not trained on, with intervals calibrated on yet other cells."""
from __future__ import annotations

import dataclasses
import itertools
from typing import Callable, Mapping

import numpy as np

from . import booster
from .conformal import Interval, calibrate
from .folds import fold_numbers

# How a target is transformed before a booster learns it, and back. Cards name them.
FORWARD: Mapping[str, Callable] = {"identity": lambda y: y, "square": lambda y: np.sqrt(np.maximum(y, 0)),
                                   "exp": lambda y: np.log(y), "log10": lambda y: np.log10(y)}
BACK: Mapping[str, Callable] = {"identity": lambda r: r, "square": lambda r: np.maximum(r, 0) ** 2,
                                "exp": np.exp, "log10": lambda r: np.power(10.0, r)}


SHARE_MIN = 0.1            # of a prior that is worth it, as the best mixture has it for what was held out
CALIBRATION_CELLS_MIN = 8  # with fewer, the interval of a prior is more certain


@dataclasses.dataclass(frozen=True)
class Prior:
    """What a model of other cells says."""

    value: np.ndarray   # of each row; NaN: it has seen the cell
    cells: int          # that it has learnt from
    interval: Interval  # of its estimates


@dataclasses.dataclass(frozen=True)
class Problem:
    """What is to be learnt: a row a point."""

    features: np.ndarray  # two-dimensional; NaN: missing
    truth: np.ndarray
    cells: np.ndarray     # the cell's name of each row
    transform: str = "identity"
    least: float = -np.inf
    most: float = np.inf
    train_only: np.ndarray | None = None  # rows of cells that are never tested: True
    prior: Prior | None = None

    def train(self, rows: np.ndarray, settings: booster.Settings):
        return booster.fit(self.features[rows], FORWARD[self.transform](self.truth[rows]), self.cells[rows], settings)

    def estimate_mean(self, trained: np.ndarray, asked: np.ndarray, settings: booster.Settings, boosters: int) -> np.ndarray:
        """Of the rows asked about, by the mean of boosters that differ by their seed and the order of their columns."""
        found = []
        for i in range(boosters):
            order = np.arange(self.features.shape[1])
            if i:
                order = np.random.RandomState(settings.seed + i).permutation(order)
            turned = dataclasses.replace(self, features=self.features[:, order])
            model = turned.train(trained, dataclasses.replace(settings, seed=settings.seed + i))
            found.append(turned.estimate(model, turned.features[asked]))
        return np.mean(found, axis=0)

    def share_of_prior(self, rows: np.ndarray, value: np.ndarray) -> float:
        """How much of an estimate is the prior's: between a half and its share of all cells that were learnt from.

        0 where it would not have helped with rows that were held out: they are other cells than it knows.
        value: of the rows, by models that had not seen their cells.
        """
        if self.prior is None:
            return 0
        difference = self.prior.value[rows] - value
        both = ~np.isnan(difference)
        squares = np.sum(difference[both] ** 2)
        best = np.sum(difference[both] * (self.truth[rows] - value)[both]) / squares if squares > 0 else 1
        if best < SHARE_MIN:
            return 0
        return (0.5 + self.prior.cells / (self.prior.cells + len(np.unique(self.cells[rows])))) / 2

    def with_prior(self, rows: np.ndarray, value: np.ndarray, share: float) -> np.ndarray:
        if share == 0:
            return value
        prior = self.prior.value[rows]
        return np.where(np.isnan(prior), value, share * prior + (1 - share) * value)

    def interval(self, rows: np.ndarray, value: np.ndarray, level: float, share: float) -> Interval:
        """Of the rows' residuals, where their cells are enough; else the prior's if it has a share."""
        few = len(np.unique(self.cells[rows])) < CALIBRATION_CELLS_MIN
        if few and share > 0 and self.prior.interval.level == level:
            return self.prior.interval
        return calibrate(self.truth[rows], value, self.cells[rows], level)

    def estimate(self, model, features: np.ndarray) -> np.ndarray:
        return np.clip(BACK[self.transform](booster.predict(model, features)), self.least, self.most)


@dataclasses.dataclass(frozen=True)
class Estimates:
    """Of each row, by models that had not seen its cell."""

    value: np.ndarray
    lo: np.ndarray
    hi: np.ndarray


def cross_validate(problem: Problem, settings: booster.Settings = booster.Settings(), *, folds: int = 8,
                   level: float = 0.9, seed: int = 1, boosters: int = 1) -> Estimates:
    """Each fold is predicted by a model of the other folds, with an interval of those folds' residuals.

    boosters: so many are averaged, for values and for residuals. Rows of cells that are for training only train
    every model that tests, and are calibrated with, but have no estimate (NaN).

    Nothing of a fold reaches its intervals either: the residuals of fold j that calibrate fold i are of a
    model trained without both, one for every pair of folds.
    """
    numbers = fold_numbers(problem.cells, folds, seed)
    count = numbers.max() + 1
    if count < 3:
        what = "cells" if len(np.unique(problem.cells)) < 3 else "folds"
        raise ValueError(f"3 {what} are needed: one to train on, one to calibrate the interval, one to test")
    kept = np.zeros(len(numbers), bool) if problem.train_only is None else problem.train_only
    residual_value = np.full((count, len(numbers)), np.nan)  # [i]: predicted without fold i and the row's own
    for i, j in itertools.combinations(range(count), 2):
        either = (numbers == i) | (numbers == j)
        found = np.full(len(numbers), np.nan)
        found[either] = problem.estimate_mean(~either, either, settings, boosters)
        for left, other in ((i, j), (j, i)):
            residual_value[left, numbers == other] = found[numbers == other]
    value, lo, hi = (np.full(len(numbers), np.nan) for _ in range(3))
    for i in range(count):
        tested, rest = (numbers == i) & ~kept, numbers != i
        if not tested.any():
            continue
        share = problem.share_of_prior(rest, residual_value[i, rest])
        value[tested] = problem.with_prior(tested, problem.estimate_mean(rest | kept, tested, settings, boosters), share)
        interval = problem.interval(rest, problem.with_prior(rest, residual_value[i, rest], share), level, share)
        lo[tested], hi[tested] = interval.bounds(value[tested], problem.least, problem.most)
    return Estimates(value, lo, hi)


def calibrated(problem: Problem, settings: booster.Settings = booster.Settings(), *, folds: int = 8, level: float = 0.9,
               seed: int = 1) -> Interval:
    """The interval for a model that is trained on all of the problem's cells."""
    return calibrate(problem.truth, held_out_values(problem, settings, folds=folds, seed=seed), problem.cells, level)


def held_out_values(problem: Problem, settings: booster.Settings, *, folds: int = 8, seed: int = 1) -> np.ndarray:
    """Of each row, by a model of the other folds' cells."""
    numbers = fold_numbers(problem.cells, folds, seed)
    value = np.full(len(numbers), np.nan)
    for i in range(numbers.max() + 1):
        tested = numbers == i
        value[tested] = problem.estimate(problem.train(~tested, settings), problem.features[tested])
    return value
