"""Reads the folders of battery data: plain or compressed CSV, one folder a source.

Every cell is one name; nothing here knows particular cells. A row that cannot be used (no label, an aborted
test) is left out here and nowhere else.
"""
from __future__ import annotations

import hashlib
import pathlib
import zlib
from typing import Iterator, Optional, Sequence

import numpy as np
import pandas as pd


LIFE = ("cell_id", "row", "capacity_ah")
CURVE = ("time_s", "current_a", "voltage_v")
CELLS_MIN = 3  # one that is tested, one to learn from, one to calibrate with


class Missing(Exception):
    """What a task needs is not there; the message names the file and what it lacks."""


_left_out: list[str] = []


def left_out() -> list[str]:
    """What was left out since the last call, and why."""
    found = list(dict.fromkeys(_left_out))
    _left_out.clear()
    return found


def note(text: str) -> None:
    _left_out.append(text)


def _drop(frame: pd.DataFrame, bad: pd.Series, name: str, why: str) -> pd.DataFrame:
    if count := int(bad.sum()):
        _left_out.append(f"{name}: {count} rows {why}")
    return frame[~bad]


def _read(folder: pathlib.Path, pattern: str, columns: Sequence[str]) -> pd.DataFrame:
    plain, packed = sorted(folder.glob(pattern)), sorted(folder.glob(pattern + ".gz"))
    twice = [file for file in packed if file.with_suffix("") in plain]
    _left_out.extend(f"{folder.name}/{file.name}: it is there without .gz, too" for file in twice)
    files = plain + [file for file in packed if file not in twice]
    if not files:
        raise Missing(f"no {folder.name}/{pattern}")
    return pd.concat([_read_file(file, columns) for file in files], ignore_index=True)


TEXT = ("cell_id", "split", "dataset")
DESCRIPTIVE = ("start_utc", "source_file", "matr_name")  # not numbers, and not missed


def _read_file(file: pathlib.Path, columns: Sequence[str]) -> pd.DataFrame:
    """Needed columns are whole: numbers are finite, text is there. Of the others those of numbers, not finite: NaN."""
    name = f"{file.parent.name}/{file.name}"
    try:
        frame = pd.read_csv(file, dtype={column: str for column in TEXT}, low_memory=False)
    except (ValueError, OSError, EOFError, zlib.error) as failure:  # pandas' own are ValueErrors
        raise Missing(f"{name} cannot be read: {failure}") from failure
    absent = [column for column in columns if column not in frame.columns]
    if absent:
        raise Missing(f"{name} has no column {', '.join(absent)}")
    for column in columns:
        if column not in TEXT:
            frame[column] = pd.to_numeric(frame[column], errors="coerce").replace([np.inf, -np.inf], np.nan)
        frame = _drop(frame, frame[column].isna(), name, f"without a usable {column}")
    others = [column for column in frame if column not in columns]
    numbers = {column: pd.to_numeric(frame[column], errors="coerce").replace([np.inf, -np.inf], np.nan) for column in others}
    frame = pd.concat([frame[list(columns)], *(numbers[c].rename(c) for c in sorted(others) if numbers[c].notna().any())], axis=1)
    if len(frame) and (gone := [column for column in others if column not in frame and column not in DESCRIPTIVE]):
        _left_out.append(f"{name}: columns without numbers: {', '.join(sorted(map(str, gone)))}")
    return frame


def _distinct(frame: pd.DataFrame, keys: list[str], name: str) -> pd.DataFrame:
    return _drop(frame, frame.duplicated(keys), name, f"whose {' and '.join(keys)} were there before")


def _labelled(frame: pd.DataFrame, rated_ah: float, name: str, more: Optional[pd.DataFrame] = None) -> pd.DataFrame:
    """Rows in the order of each cell's life, with `soh` in percent of the rated capacity.

    Cells are named and ordered by what they measured, not by their names. `train_only`: cells of `more`, less those
    that are in `frame`.
    """
    cells = [(False, *cell) for cell in _cells(frame, rated_ah, name)]
    if more is not None:
        known = {digest for _, digest, _, _ in cells}
        own = {cell: set(zip(rows.row, rows.capacity_ah)) for _, _, cell, rows in cells}
        for digest, cell, rows in _cells(more, rated_ah, name):
            shared = len(own.get(cell, set()) & set(zip(rows.row, rows.capacity_ah)))
            if digest in known or 2 * shared >= len(rows):
                _left_out.append(f"{name}: a cell of the training folder that is tested")
            else:
                cells.append((True, digest, cell, rows))
    if len(cells) < CELLS_MIN:
        raise Missing(f"{name} has {len(cells)} cells with a capacity, fewer than {CELLS_MIN}")
    cells.sort(key=lambda cell: (cell[1], cell[0]))
    parts = [rows.assign(cell_id=f"{number:04d}", train_only=only) for number, (only, _, _, rows) in enumerate(cells)]
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(soh=100 * frame.capacity_ah / rated_ah)


def _cells(frame: pd.DataFrame, rated_ah: float, name: str) -> list[tuple[str, str, pd.DataFrame]]:
    """(what it measured, name, rows) of each cell."""
    frame = _drop(frame, frame.capacity_ah <= 0.1 * rated_ah, name, "of a broken-off test")
    frame = _distinct(frame, ["cell_id", "row"], name).sort_values(["cell_id", "row"], kind="stable")
    frame = frame[sorted(frame.columns)]
    return [(hashlib.sha256(rows[["row", "capacity_ah"]].to_numpy(float).tobytes()).hexdigest(), cell, rows)
            for cell, rows in frame.groupby("cell_id")]


def _more(root: Optional[pathlib.Path], file: str, columns: Sequence[str]) -> Optional[pd.DataFrame]:
    folder, _, name = file.partition("/")
    try:
        return _read(root / folder, name, columns) if root else None
    except Missing as missing:
        _left_out.append(f"--train: {missing}")
        return None


def xjtu(root: pathlib.Path, more: Optional[pathlib.Path] = None) -> pd.DataFrame:
    file = "xjtu_ncm/per_cycle_features.csv"
    return _labelled(_read(root / "xjtu_ncm", "per_cycle_features.csv", LIFE), 2.0, file, _more(more, file, LIFE))


def hust(root: pathlib.Path, more: Optional[pathlib.Path] = None) -> pd.DataFrame:
    file, columns = "hust_lfp/per_5th_cycle_features.csv", (*LIFE, "n_cycles_total")
    return _labelled(_read(root / "hust_lfp", "per_5th_cycle_features.csv", columns), 1.1, file, _more(more, file, columns))


# Rated capacities of the three makes of cell in that data set.
TJU = {"NCA": ("Dataset_1", 3.5), "NCM": ("Dataset_2", 3.5), "NCM+NCA": ("Dataset_3", 2.5)}


def tju(root: pathlib.Path, chemistry: str, more: Optional[pathlib.Path] = None) -> pd.DataFrame:
    prefix, rated = TJU[chemistry]
    file, columns = "tju_nca_ncm/per_cycle_features.csv", (*LIFE, "dataset")

    def of_it(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows.dataset.str.lower().str.startswith(prefix.lower())].drop(columns="dataset")

    rows, others = of_it(_read(root / "tju_nca_ncm", "per_cycle_features.csv", columns)), _more(more, file, columns)
    if rows.empty:
        raise Missing(f"no {prefix} in {file}")
    return _labelled(rows, rated, f"{prefix} in {file}", None if others is None else of_it(others))


def severson(root: pathlib.Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(discharge curves by cell and cycle: q_0 … q_199; per cell split and cycle_life)"""
    folder = root / "severson_mit"
    curves = _distinct(_read(folder, "*_qv_curves.csv", ("cell_id", "cycle")), ["cell_id", "cycle"], "severson_mit/*_qv_curves.csv")
    curves = curves.set_index(["cell_id", "cycle"])
    curves = curves[[column for column in curves if str(column).startswith("q_")]]
    lives = _read(folder, "*_cycle_life.csv", ("cell_id", "split", "cycle_life"))
    lives = _drop(lives, lives.cycle_life <= 0, "severson_mit/*_cycle_life.csv", "without a life")
    return curves, _distinct(lives, ["cell_id"], "severson_mit/*_cycle_life.csv").set_index("cell_id")


def _in_time(curves: pd.DataFrame, key: str, name: str) -> pd.DataFrame:
    return _distinct(curves, [key, "time_s"], name).sort_values([key, "time_s"], kind="stable").reset_index(drop=True)


def nasa(root: pathlib.Path) -> Iterator[tuple[str, pd.Series, Optional[pd.DataFrame], Optional[pd.DataFrame]]]:
    """Per cell with curves: its name, capacity in Ah by discharge, curves of discharges, of charges."""
    folder = root / "nasa_pcoe"
    capacity = _read(folder, "per_cycle_capacity.csv", ("cell_id", "cycle", "capacity_ah"))
    capacity = _distinct(capacity[capacity.capacity_ah > 0.1], ["cell_id", "cycle"], "nasa_pcoe/per_cycle_capacity.csv")
    found = False
    for cell, rows in capacity.groupby("cell_id"):
        curves = []
        for pattern, key in ((f"{cell}_discharge_curves.csv", "cycle"),
                             (f"{cell}_charge_curves*.csv", "after_discharge_cycle")):
            is_there = any(folder.glob(pattern)) or any(folder.glob(pattern + ".gz"))
            curves.append(_in_time(_read(folder, pattern, (*CURVE, key)), key, f"nasa_pcoe/{pattern}") if is_there else None)
        if any(curve is not None for curve in curves):
            found = True
            yield cell, rows.set_index("cycle").capacity_ah, curves[0], curves[1]
    if not found:
        raise Missing("no nasa_pcoe/*_curves*.csv of a cell in per_cycle_capacity.csv")
