"""Remaining life from the most similar histories of other cells.

The server's predictor `trajectory-similarity` (server/predict/similarity.h) has the same method and gives the same numbers: change
both, or neither.
"""
from __future__ import annotations

import dataclasses
from typing import Sequence

import numpy as np

# Another cell may age so much slower or faster and still be alike.
STRETCHES = np.exp(np.linspace(-0.5, 0.5, 21))


@dataclasses.dataclass(frozen=True)
class History:
    """A cell's health over its life so far: equally meant, not equally spaced."""

    cell: str
    cycles: np.ndarray   # rising
    health: np.ndarray   # smoothed capacity, as a share of the cell's own when new
    life: float = np.nan  # cycles until its end, of a history that is complete

    def until(self, cycle: float) -> "History":
        seen = self.cycles <= cycle
        return History(self.cell, self.cycles[seen], self.health[seen])


def history(cell: str, cycles, capacity, life: float = np.nan, *, smooth: int = 5) -> History:
    """A history of measured capacities, in any unit."""
    capacity = np.asarray(capacity, float)
    padded = np.concatenate([np.full(smooth - 1, np.nan), capacity])
    level = np.nanmedian(np.lib.stride_tricks.sliding_window_view(padded, smooth), axis=1)
    return History(cell, np.asarray(cycles, float), level / np.median(level[:5]), life)


def remaining_life(seen: History, library: Sequence[History], *, neighbours: int = 5, offset: float = 1e-4) -> float:
    """Cycles until the end of life, by the neighbours that resemble it most; NaN: nothing does.

    Each history of the library is stretched in time by each of STRETCHES, and compared by the root mean square
    difference of health over what was seen. The nearest ones vote, by the inverse square of their
    distance (offset keeps an exact match finite). A history that ended earlier than `seen` has no vote.
    """
    now, votes = seen.cycles[-1], []
    for other in library:
        best = None
        for stretch in STRETCHES:
            at = seen.cycles * stretch  # where the other cell was at that age
            known = at <= other.cycles[-1]
            left = (other.life - now * stretch) / stretch
            if left < 0 or known.mean() < 0.9:
                continue
            health = np.interp(at[known], other.cycles, other.health)
            distance = np.sqrt(np.mean((health - seen.health[known]) ** 2))
            if best is None or distance < best[0]:
                best = (distance, left)
        if best:
            votes.append(best)
    if not votes:
        return float("nan")
    distance, left = np.array(sorted(votes)[:neighbours]).T
    weight = 1 / (distance + offset) ** 2
    return float(np.sum(weight * left) / np.sum(weight))
