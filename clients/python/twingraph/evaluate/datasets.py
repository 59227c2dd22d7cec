"""Reads the folders of battery data: plain or compressed CSV, one folder a source.

Every cell is one name; nothing here knows particular cells. A row that cannot be used (no label, an aborted
test) is left out here and nowhere else.
"""
from __future__ import annotations

import pathlib
import zlib
from typing import Iterator, Optional, Sequence

import pandas as pd


LIFE = ("cell_id", "row", "capacity_ah")
CURVE = ("time_s", "current_a", "voltage_v")
CELLS_MIN = 3  # one that is tested, one to learn from, one to calibrate with


class Missing(Exception):
    """What a task needs is not there; the message names the file and what it lacks."""


def _read(folder: pathlib.Path, pattern: str, columns: Sequence[str]) -> pd.DataFrame:
    files = sorted(set(folder.glob(pattern)) | set(folder.glob(pattern + ".gz")))
    if not files:
        raise Missing(f"no {folder.name}/{pattern}")
    return pd.concat([_read_file(file, columns) for file in files], ignore_index=True)


def _read_file(file: pathlib.Path, columns: Sequence[str]) -> pd.DataFrame:
    name = f"{file.parent.name}/{file.name}"
    try:
        frame = pd.read_csv(file)
    except (ValueError, OSError, EOFError, zlib.error) as failure:  # pandas' own are ValueErrors
        raise Missing(f"{name} cannot be read: {failure}") from failure
    absent = [column for column in columns if column not in frame.columns]
    if absent:
        raise Missing(f"{name} has no column {', '.join(absent)}")
    return frame


def _labelled(frame: pd.DataFrame, rated_ah: float, name: str) -> pd.DataFrame:
    """Rows in the order of each cell's life, with `soh` in percent of the rated capacity."""
    frame = frame[frame.capacity_ah > 0.1 * rated_ah].sort_values(["cell_id", "row"], kind="stable")
    if (cells := frame.cell_id.nunique()) < CELLS_MIN:
        raise Missing(f"{name} has {cells} cells with a capacity, fewer than {CELLS_MIN}")
    return frame.assign(soh=100 * frame.capacity_ah / rated_ah).reset_index(drop=True)


def xjtu(root: pathlib.Path) -> pd.DataFrame:
    return _labelled(_read(root / "xjtu_ncm", "per_cycle_features.csv", LIFE), 2.0, "xjtu_ncm/per_cycle_features.csv")


def hust(root: pathlib.Path) -> pd.DataFrame:
    return _labelled(_read(root / "hust_lfp", "per_5th_cycle_features.csv", (*LIFE, "n_cycles_total")), 1.1,
                     "hust_lfp/per_5th_cycle_features.csv")


# Rated capacities of the three makes of cell in that data set.
TJU = {"NCA": ("Dataset_1", 3.5), "NCM": ("Dataset_2", 3.5), "NCM+NCA": ("Dataset_3", 2.5)}


def tju(root: pathlib.Path, chemistry: str) -> pd.DataFrame:
    prefix, rated = TJU[chemistry]
    rows = _read(root / "tju_nca_ncm", "per_cycle_features.csv", (*LIFE, "dataset"))
    rows = rows[rows.dataset.astype(str).str.startswith(prefix)].drop(columns="dataset")
    if rows.empty:
        raise Missing(f"no {prefix} in tju_nca_ncm/per_cycle_features.csv")
    return _labelled(rows, rated, f"{prefix} in tju_nca_ncm/per_cycle_features.csv")


def severson(root: pathlib.Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(discharge curves by cell and cycle: q_0 … q_199; per cell split and cycle_life)"""
    folder = root / "severson_mit"
    curves = _read(folder, "*_qv_curves.csv", ("cell_id", "cycle")).set_index(["cell_id", "cycle"])
    return curves, _read(folder, "*_cycle_life.csv", ("cell_id", "split", "cycle_life")).set_index("cell_id")


def nasa(root: pathlib.Path) -> Iterator[tuple[str, pd.Series, Optional[pd.DataFrame], Optional[pd.DataFrame]]]:
    """Per cell with curves: its name, capacity in Ah by discharge, curves of discharges, of charges."""
    folder = root / "nasa_pcoe"
    capacity = _read(folder, "per_cycle_capacity.csv", ("cell_id", "cycle", "capacity_ah"))
    capacity = capacity[capacity.capacity_ah > 0.1]
    found = False
    for cell, rows in capacity.groupby("cell_id"):
        curves = []
        for pattern, key in ((f"{cell}_discharge_curves.csv", "cycle"),
                             (f"{cell}_charge_curves*.csv", "after_discharge_cycle")):
            is_there = any(folder.glob(pattern)) or any(folder.glob(pattern + ".gz"))
            curves.append(_read(folder, pattern, (*CURVE, key)) if is_there else None)
        if any(curve is not None for curve in curves):
            found = True
            yield cell, rows.set_index("cycle").capacity_ah, curves[0], curves[1]
    if not found:
        raise Missing("no nasa_pcoe/*_curves*.csv of a cell in per_cycle_capacity.csv")
