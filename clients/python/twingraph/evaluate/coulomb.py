"""Health by counting charge on recorded discharges and charges."""
from __future__ import annotations

import pathlib

import numpy as np
import pandas as pd

from ..learn.metrics import measure
from . import datasets
from .report import Figure

RATED_AH = 2.0
NASA_BAR = 1.6


def counted_ah(curve: pd.DataFrame, sign: int) -> float:
    """Charge that flowed in the direction of `sign`, by trapezoids, in Ah."""
    time, current = curve.time_s.to_numpy(), np.maximum(sign * curve.current_a.to_numpy(), 0)
    return float(np.sum(np.diff(time) * (current[1:] + current[:-1]) / 2) / 3600)


def _discharge(curve: pd.DataFrame) -> float:
    """From full to the voltage where the load was taken off."""
    load = curve[curve.current_a < -1.0]
    return counted_ah(load.loc[:load.voltage_v.idxmin()], -1) if len(load) > 20 else np.nan


def _charge(curve: pd.DataFrame) -> float:
    """From empty to full; a charge that did not begin near empty or was broken off says nothing."""
    whole = curve.voltage_v.iloc[0] < 3.8 and curve.voltage_v.max() > 4.19 and abs(curve.current_a.iloc[-1]) < 0.1
    return counted_ah(curve, 1) if whole else np.nan


def nasa(root: pathlib.Path) -> list[Figure]:
    """Nothing is learnt: each whole discharge, and each whole charge, is counted and divided by the rated capacity."""
    found: dict[str, list] = {"discharge": [], "charge": []}
    for cell, capacity, discharges, charges in datasets.nasa(root):
        for kind, curves, key, count in (("discharge", discharges, "cycle", _discharge),
                                         ("charge", charges, "after_discharge_cycle", _charge)):
            if curves is None:
                continue
            value = 100 * curves.groupby(key).apply(count) / RATED_AH
            truth = 100 * capacity / RATED_AH
            both = value.index.intersection(truth.index)
            found[kind] += [(cell, truth[i], value[i]) for i in both if np.isfinite(value[i])]
    figures = []
    for kind, rows in found.items():
        if rows:
            cells, truth, value = zip(*rows)
            metrics = measure(truth, value, np.array(cells))
            figures.append(Figure(f"SoH NASA, counted on a {kind}", "RMSE", metrics.rmse, "points", NASA_BAR,
                                  note=f"MAE {metrics.mae:.2f}; {metrics.cells} cells, {metrics.points} curves", cells=metrics.cells))
    return figures
