"""Errors and coverage of estimates."""
from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Metrics:
    """Of held-out points, in the unit of the estimate."""

    cells: int
    points: int
    rmse: float
    mae: float
    mape: float      # percent, over points whose truth is at least 1
    coverage: float  # share of the points within their interval; NaN: there is none
    width: float     # mean of hi - lo


def measure(truth, value, cells, lo=None, hi=None) -> Metrics:
    """Metrics of values against truths; arrays of one length."""
    truth, value = np.asarray(truth, float), np.asarray(value, float)
    error = value - truth
    some = np.abs(truth) >= 1
    inside = (lo <= truth) & (truth <= hi) if lo is not None else np.array([np.nan])
    return Metrics(
        cells=len(np.unique(cells)), points=len(truth), rmse=float(np.sqrt(np.mean(error ** 2))),
        mae=float(np.mean(np.abs(error))),
        mape=float(100 * np.mean(np.abs(error[some] / truth[some]))) if some.any() else float("nan"),
        coverage=float(np.mean(inside)), width=float(np.mean(hi - lo)) if lo is not None else float("nan"))
