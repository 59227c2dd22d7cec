"""Features of a cell's history up to each row: as measured, smoothed, and against the cell when it was new."""
from __future__ import annotations

from typing import Sequence

import pandas as pd


def history_features(rows: pd.DataFrame, columns: Sequence[str], *, cell: str = "cell_id", baseline_rows: int = 10,
                     windows: Sequence[int] = (5, 25)) -> pd.DataFrame:
    """Features of each row, from that row and the earlier ones of its cell alone.

    rows: ordered by time within each cell. For a column x there is
      x           as measured
      x_new       the median of the cell's rows so far, of its first baseline_rows at most
      x_delta     x - x_new
      x_delta5    median of the last 5 rows (of each of the windows) - x_new
    Cells differ from each other when they are new by more than they age in a year: the difference from
    the own baseline is what tells age.
    """
    groups = rows.groupby(cell, sort=False)[list(columns)]
    measured = rows[list(columns)]
    running = groups.transform(lambda s: s.iloc[:baseline_rows].expanding().median().reindex(s.index).ffill())
    parts = [measured, running.add_suffix("_new"), (measured - running).add_suffix("_delta")]
    for window in windows:
        smooth = groups.transform(lambda s, w=window: s.rolling(w, min_periods=1).median())
        parts += [smooth.add_suffix(f"_mean{window}"), (smooth - running).add_suffix(f"_delta{window}")]
    return pd.concat(parts, axis=1)


def slopes(rows: pd.DataFrame, columns: Sequence[str], spans: Sequence[int], *, cell: str = "cell_id",
           smooth: int = 5) -> pd.DataFrame:
    """Change per row over the last `span` rows, of smoothed columns; NaN before there are so many."""
    groups = rows.groupby(cell, sort=False)[list(columns)]
    level = groups.transform(lambda s: s.rolling(smooth, min_periods=1).median())
    parts = [((level - level.groupby(rows[cell]).shift(span)) / span).add_suffix(f"_slope{span}") for span in spans]
    return pd.concat(parts, axis=1)
