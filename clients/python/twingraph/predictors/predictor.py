"""The class to derive from, what it is given, and what it gives back."""
from __future__ import annotations

import abc
import dataclasses
import datetime
from typing import Any, Mapping, Optional, Sequence

import numpy as np

from .description import Description, Status


@dataclasses.dataclass(frozen=True)
class Batch:
    """Rows to estimate, a column each feature: batch["soc"].

    DOUBLE: array of floats, NaN where missing. STRING: list of str or None. SEQUENCE: list of arrays or
    None. Rows that lack a required feature, or lie outside of its limits, are not among them.
    """

    twin_ids: Sequence[str]
    columns: Mapping[str, Any]
    as_of: Optional[datetime.datetime] = None  # up to when data went into the features
    deadline_s: float = float("inf")           # that are left: what takes longer is thrown away

    def __getitem__(self, feature: str) -> Any:
        return self.columns[feature]

    def __len__(self) -> int:
        return len(self.twin_ids)

    def matrix(self, names: Sequence[str]) -> np.ndarray:
        """DOUBLE features side by side: a row a twin."""
        return np.column_stack([self.columns[name] for name in names]) if len(names) else np.empty((len(self), 0))


@dataclasses.dataclass(frozen=True)
class Estimates:
    """An item a row. status: Status by row, by default OK. A row whose value or interval is not finite, or whose
    value lies outside of its interval, becomes ERROR unless its status says that there is none."""

    value: Any
    lo: Any
    hi: Any
    status: Any = None
    valid_until: Any = None  # nanoseconds since 1970 UTC by row; 0: no end


class Predictor(abc.ABC):
    """A predictor: a description and one method. predict may be called from several threads at once."""

    description: Description

    @abc.abstractmethod
    def predict(self, batch: Batch) -> Any:
        """Estimates of the rows, in their order; of several outputs a mapping of their names to Estimates.

        It depends on the batch alone: the same rows give the same answer. What it raises fails the
        batch, and the server keeps the last good values.
        """


def answer(predictor: Predictor, batch: Batch) -> dict[str, Estimates]:
    """predict with all that surrounds it: rows that cannot be asked about left out, garbage marked.

    ValueError: predict returned another number of rows, or lacks an output.
    """
    description, rows = predictor.description, len(batch)
    status = row_statuses(description, batch)
    asked = np.flatnonzero(status == Status.OK)
    found: Mapping[str, Estimates] = {}
    if len(asked):
        part = Batch([batch.twin_ids[i] for i in asked], {n: _take(c, asked) for n, c in batch.columns.items()},
                     batch.as_of, batch.deadline_s)
        result = predictor.predict(part)
        found = result if isinstance(result, Mapping) else {description.outputs[0].name: result}
    return {output.name: _complete(output.name, found.get(output.name), asked, status, rows)
            for output in description.outputs}


def row_statuses(description: Description, batch: Batch) -> np.ndarray:
    """What can be said of each row before it is asked about: a required feature missing, or one out of its limits."""
    status = np.full(len(batch), Status.OK, dtype=int)
    for feature in description.features:
        if feature.type == "DOUBLE" and (feature.min is not None or feature.max is not None):
            values = np.asarray(batch[feature.name], float)
            with np.errstate(invalid="ignore"):
                outside = ((values < (-np.inf if feature.min is None else feature.min))
                           | (values > (np.inf if feature.max is None else feature.max)))
            status[outside] = Status.OUT_OF_DOMAIN
    for feature in description.features:
        if feature.required:
            column = batch[feature.name]
            missing = (np.isnan(np.asarray(column, float)) if feature.type == "DOUBLE"
                       else np.array([item is None for item in column], bool))
            status[missing] = Status.INSUFFICIENT_DATA
    return status


def _take(column: Any, rows: np.ndarray) -> Any:
    return column[rows] if isinstance(column, np.ndarray) else [column[i] for i in rows]


def _complete(name: str, estimates: Optional[Estimates], asked: np.ndarray, status: np.ndarray, rows: int) -> Estimates:
    value, lo, hi = (np.full(rows, np.nan) for _ in range(3))
    status, until = status.copy(), np.zeros(rows, np.int64)
    if len(asked):
        if estimates is None:
            raise ValueError(f"predict returned no output {name}")
        for into, given in ((value, estimates.value), (lo, estimates.lo), (hi, estimates.hi)):
            given = np.asarray(given, float)
            if given.shape != (len(asked),):
                raise ValueError(f"predict returned {given.shape} items of {name} for {len(asked)} rows")
            into[asked] = given
        if estimates.status is not None:
            status[asked] = np.asarray([int(s) for s in estimates.status])
        if estimates.valid_until is not None:
            until[asked] = np.asarray(estimates.valid_until, np.int64)
        with np.errstate(invalid="ignore"):
            sound = np.isfinite(value) & np.isfinite(lo) & np.isfinite(hi) & (lo <= value) & (value <= hi)
        status[(status == Status.OK) & ~sound] = Status.ERROR
        for column in (value, lo, hi):
            column[status == Status.ERROR] = np.nan
    return Estimates(value, lo, hi, status, until)
