"""Reads the folders of battery data: plain or compressed CSV, one folder a source.

Every cell is one name; nothing here knows particular cells. A row that cannot be used (no label, an aborted
test) is left out here and nowhere else.
"""
from __future__ import annotations

import pathlib
from typing import Iterator, Optional

import pandas as pd


class Missing(Exception):
    """A file that a task needs is not there; the message names it."""


def _read(folder: pathlib.Path, pattern: str) -> pd.DataFrame:
    files = sorted(set(folder.glob(pattern)) | set(folder.glob(pattern + ".gz")))
    if not files:
        raise Missing(f"no {folder.name}/{pattern}")
    return pd.concat([pd.read_csv(file) for file in files], ignore_index=True)


def _labelled(frame: pd.DataFrame, rated_ah: float) -> pd.DataFrame:
    """Rows in the order of each cell's life, with `soh` in percent of the rated capacity."""
    frame = frame[frame.capacity_ah > 0.1 * rated_ah].sort_values(["cell_id", "row"], kind="stable")
    return frame.assign(soh=100 * frame.capacity_ah / rated_ah).reset_index(drop=True)


def xjtu(root: pathlib.Path) -> pd.DataFrame:
    return _labelled(_read(root / "xjtu_ncm", "per_cycle_features.csv"), 2.0)


def hust(root: pathlib.Path) -> pd.DataFrame:
    return _labelled(_read(root / "hust_lfp", "per_5th_cycle_features.csv"), 1.1)


# Rated capacities of the three makes of cell in that data set.
TJU = {"NCA": ("Dataset_1", 3.5), "NCM": ("Dataset_2", 3.5), "NCM+NCA": ("Dataset_3", 2.5)}


def tju(root: pathlib.Path, chemistry: str) -> pd.DataFrame:
    prefix, rated = TJU[chemistry]
    rows = _read(root / "tju_nca_ncm", "per_cycle_features.csv")
    rows = rows[rows.dataset.str.startswith(prefix)].drop(columns="dataset")
    if rows.empty:
        raise Missing(f"no {prefix} in tju_nca_ncm/per_cycle_features.csv")
    return _labelled(rows, rated)


def severson(root: pathlib.Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(discharge curves by cell and cycle: q_0 … q_199; per cell split and cycle_life)"""
    folder = root / "severson_mit"
    curves = _read(folder, "*_qv_curves.csv").set_index(["cell_id", "cycle"])
    return curves, _read(folder, "*_cycle_life.csv").set_index("cell_id")


def nasa(root: pathlib.Path) -> Iterator[tuple[str, pd.Series, Optional[pd.DataFrame], Optional[pd.DataFrame]]]:
    """Per cell with curves: its name, capacity in Ah by discharge, curves of discharges, of charges."""
    folder = root / "nasa_pcoe"
    capacity = _read(folder, "per_cycle_capacity.csv")
    capacity = capacity[capacity.capacity_ah > 0.1]
    found = False
    for cell, rows in capacity.groupby("cell_id"):
        curves = []
        for pattern in (f"{cell}_discharge_curves.csv", f"{cell}_charge_curves*.csv"):
            try:
                curves.append(_read(folder, pattern))
            except Missing:
                curves.append(None)
        if any(curve is not None for curve in curves):
            found = True
            yield cell, rows.set_index("cycle").capacity_ah, curves[0], curves[1]
    if not found:
        raise Missing("no nasa_pcoe/*_curves*.csv of a cell in per_cycle_capacity.csv")
