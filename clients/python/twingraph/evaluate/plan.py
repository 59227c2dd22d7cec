"""Which figures there are. Beside __main__, which a fresh process cannot import under that name."""
from __future__ import annotations

import dataclasses
import pathlib
from typing import TYPE_CHECKING, Any, Callable, Mapping

from . import coulomb, datasets, tasks as measured
from .report import Figure

if TYPE_CHECKING:
    import pandas as pd

SOH_BARS = {"XJTU": 1.65, "HUST": 3.05, "NCA": 1.4, "NCM": 1.25, "NCM+NCA": 0.8}


@dataclasses.dataclass(frozen=True)
class Task:
    measure: Callable[..., list[Figure]]
    arguments: tuple
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    has_bar: bool = True

    @property
    def name(self) -> str:
        return " ".join([self.measure.__name__, *(a for a in self.arguments if isinstance(a, str))])


# Models that come with this package (trained.py).
SOH_TRAINED = {"XJTU": "soh-xjtu", "HUST": "soh-hust", "NCA": "soh-tju-nca", "NCM": "soh-tju-ncm", "NCM+NCA": "soh-tju-ncm-nca"}
RUL_TRAINED = "rul-hust"
LIVES_TRAINED = "lives-hust"
EARLY_LIFE_TRAINED = "early-life-severson"


def soh_rows(root: pathlib.Path, which: str, more: pathlib.Path | None = None) -> pd.DataFrame:
    if which in datasets.TJU:
        return datasets.tju(root, which, more)
    return (datasets.xjtu if which == "XJTU" else datasets.hust)(root, more)


def soh(root: pathlib.Path, which: str, with_count: bool, more: pathlib.Path | None = None,
        begun_with: str | None = None) -> list[Figure]:
    name = f"SoH TJU {which}" if which in datasets.TJU else f"SoH {which}"
    return measured.soh(soh_rows(root, which, more), name, SOH_BARS[which], with_count=with_count, begun_with=begun_with)


def tasks(root: pathlib.Path, more: pathlib.Path | None, *, alone: bool = False) -> list[Task]:
    """In the order of the report; what has no bar comes last. alone: nothing begins with a model of other cells."""
    def begun(name: str) -> str | None:
        return None if alone else name

    return [*(Task(soh, (root, which, False, more), {"begun_with": begun(SOH_TRAINED[which])}) for which in SOH_BARS),
            Task(coulomb.nasa, (root,)),
            Task(measured.rul_any_age, (root,), {"with_capacity": True, "more": more, "begun_with": begun(RUL_TRAINED)}),
            Task(measured.similarity, (root, more), {"begun_with": begun(LIVES_TRAINED)}), Task(measured.early_life, (root, more), {"begun_with": begun(EARLY_LIFE_TRAINED)}),
            Task(measured.rul_any_age, (root,), {"with_capacity": False, "more": more}, has_bar=False),
            *(Task(soh, (root, which, True, more), has_bar=False) for which in SOH_BARS)]


def attempt(task: Task) -> tuple[list[Figure], list[str]]:
    """The figures, and what was left out: one set that is no good costs its own figures, and no others."""
    datasets.left_out()
    try:
        return task.measure(*task.arguments, **task.more), datasets.left_out()
    except datasets.Missing as missing:
        return [], [*datasets.left_out(), str(missing)]
    except Exception as failure:
        return [], [*datasets.left_out(), f"{task.name}: {type(failure).__name__}: {failure}"]
