"""Gradient-boosted trees, the same on every machine, in a file that C++ reads as it is."""
from __future__ import annotations

import dataclasses
import threading
import weakref
from typing import Mapping

import numpy as np
import xgboost

from .folds import rows_of_cell, thinned


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a booster is trained. The defaults were chosen once for all data sets, not for each."""

    trees: int = 300
    depth: int = 4
    learning_rate: float = 0.05
    rows_per_tree: float = 0.7       # share
    features_per_tree: float = 1     # share
    features_per_split: float = 0.5  # share of those of the tree
    ridge: float = 5                 # XGBoost's lambda: leaves with few rows say less
    rows_in_leaf_min: float = 5
    rows_of_cell_max: int = 1000     # of a cell's rows, about so many are trained on,
    rows_of_cell_per_tree: int = 85  # and each tree sees about so many of them, others each time
    seed: int = 1

    def parameters(self, base: float, rows_of_cell: float) -> Mapping[str, object]:
        # One thread: sums of floats depend on how they are divided among threads.
        return {"objective": "reg:squarederror", "tree_method": "hist", "nthread": 1, "base_score": base,
                "max_depth": self.depth, "eta": self.learning_rate,
                "subsample": min(self.rows_per_tree, self.rows_of_cell_per_tree / rows_of_cell),
                "colsample_bytree": self.features_per_tree, "colsample_bynode": self.features_per_split,
                "lambda": self.ridge, "min_child_weight": self.rows_in_leaf_min, "seed": self.seed}


def fit(features: np.ndarray, target: np.ndarray, cells: np.ndarray, settings: Settings = Settings()) -> xgboost.Booster:
    """A booster in which each cell has the same weight, however long it lived.

    features: one row a point, NaN where missing. target: of each row, transformed as the caller likes.
    """
    keep = thinned(cells, settings.rows_of_cell_max)
    weight = 1.0 / rows_of_cell(cells[keep])
    rows_of_a_cell = len(weight) / weight.sum()
    data = xgboost.DMatrix(np.asarray(features[keep], np.float32), label=target[keep],
                           weight=weight / weight.mean(), nthread=1)
    mean = float(np.average(target[keep], weights=weight))
    return xgboost.train(settings.parameters(mean, rows_of_a_cell), data, settings.trees)


_configured: weakref.WeakSet[xgboost.Booster] = weakref.WeakSet()
_configuring = threading.Lock()


def predict(booster: xgboost.Booster, features: np.ndarray) -> np.ndarray:
    """The booster's output of each row, before any transformation. Any number of threads may call it."""
    rows = np.ascontiguousarray(features, np.float32)
    # XGBoost configures a booster at the first prediction after a parameter was set, which only one thread may do.
    with _configuring:
        if booster not in _configured:
            booster.set_param({"nthread": 1})
            booster.inplace_predict(np.zeros((1, rows.shape[1]), np.float32))
            _configured.add(booster)
    return booster.inplace_predict(rows).astype(float)
