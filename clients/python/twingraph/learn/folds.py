"""Division of cells into folds: all rows of a cell are in one fold."""
from __future__ import annotations

import numpy as np


def fold_numbers(cells: np.ndarray, folds: int, seed: int = 1) -> np.ndarray:
    """The fold, from 0 to folds - 1, of each row.

    cells: the cell's name of each row. There are at most as many folds as cells; folds differ by
    one cell at most.
    """
    names = np.unique(cells)
    if len(names) < 2:
        raise ValueError(f"{len(names)} cell(s) cannot be divided: accuracy needs cells that are not trained on")
    order = np.random.RandomState(seed).permutation(len(names))
    fold_of = {names[cell]: place % min(folds, len(names)) for place, cell in enumerate(order)}
    return np.array([fold_of[cell] for cell in cells])


def rows_of_cell(cells: np.ndarray) -> np.ndarray:
    """For each row, how many rows its cell has."""
    _, index, counts = np.unique(cells, return_inverse=True, return_counts=True)
    return counts[index]


def thinned(cells: np.ndarray, rows_max: int) -> np.ndarray:
    """True for every nth row of each cell, so that about rows_max of each are left.

    Neighbouring charges of a cell say nearly the same: leaving most out costs no accuracy, and keeps a
    cell that lives long from outvoting the others.
    """
    keep = np.zeros(len(cells), dtype=bool)
    for name in np.unique(cells):
        rows = np.flatnonzero(cells == name)
        keep[rows[::max(1, len(rows) // rows_max)]] = True
    return keep
