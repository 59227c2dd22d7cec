"""Figures beside their bars, as a table or as JSON."""
from __future__ import annotations

import dataclasses
import json
import math
from typing import Iterable, Optional

from ..learn.metrics import Metrics

COVERAGE = (0.86, 0.94)
CELLS_CERTAIN = 8  # with fewer, one cell decides the figure
TOO_FEW = "too few cells: figure uncertain"


@dataclasses.dataclass(frozen=True)
class Figure:
    """One measured number. Without a bar it is there for comparison."""

    task: str
    name: str    # "RMSE"
    value: float
    unit: str
    bar: Optional[float] = None    # at most
    least: Optional[float] = None  # at least
    note: str = ""
    cells: Optional[int] = None    # that were tested

    @property
    def uncertain(self) -> bool:
        return self.cells is not None and self.cells < CELLS_CERTAIN

    @property
    def passed(self) -> Optional[bool]:
        if self.bar is None and self.least is None:
            return None
        return ((self.bar is None or self.value <= self.bar) and (self.least is None or self.value >= self.least))


def of_interval(task: str, metrics: Metrics, *, barred: bool = True, unit: str = "") -> list[Figure]:
    least, most = COVERAGE if barred else (None, None)
    return [Figure(task, "coverage of 90 % intervals", 100 * metrics.coverage, "%",
                   None if most is None else 100 * most, None if least is None else 100 * least,
                   f"mean half width {metrics.width / 2:.3g} {unit}".rstrip(), metrics.cells)]


def as_json(figures: Iterable[Figure], skipped: Iterable[str], seconds: float) -> str:
    rows = []
    for figure in figures:
        row = {k: v for k, v in dataclasses.asdict(figure).items() if v not in (None, "")}
        row["value"] = None if math.isnan(figure.value) else round(figure.value, 4)
        if figure.passed is not None:
            row["passed"] = figure.passed
        if figure.uncertain:
            row["warning"] = TOO_FEW
        rows.append(row)
    return json.dumps({"figures": rows, "skipped": list(skipped), "seconds": round(seconds, 1)}, indent=2)


def _bar(figure: Figure) -> str:
    if figure.least is not None:
        return f"{figure.least:g} – {figure.bar:g}"
    return f"≤ {figure.bar:g}" if figure.bar is not None else "–"


def as_table(figures: Iterable[Figure]) -> str:
    rows = [("task", "figure", "value", "bar", "", "")]
    rows += [(f.task, f.name, f"{f.value:.2f} {f.unit}".rstrip(), _bar(f),
              {True: "ok", False: "MISSED", None: ""}[f.passed],
              "; ".join(text for text in (TOO_FEW if f.uncertain else "", f.note) if text)) for f in figures]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = ["  ".join([cell.ljust(width) for cell, width in zip(row, widths)] + [row[5]]).rstrip() for row in rows]
    return "\n".join(lines)
