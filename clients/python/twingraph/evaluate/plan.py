"""Which figures there are. Beside __main__, which a fresh process cannot import under that name."""
from __future__ import annotations

import dataclasses
import pathlib
from typing import Any, Callable, Mapping

from . import coulomb, datasets, tasks as measured
from .report import Figure

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


def soh(root: pathlib.Path, which: str, with_count: bool, more: pathlib.Path | None = None) -> list[Figure]:
    if which in datasets.TJU:
        rows, name = datasets.tju(root, which, more), f"SoH TJU {which}"
    else:
        rows, name = (datasets.xjtu if which == "XJTU" else datasets.hust)(root, more), f"SoH {which}"
    return measured.soh(rows, name, SOH_BARS[which], with_count=with_count)


def tasks(root: pathlib.Path, more: pathlib.Path | None) -> list[Task]:
    """In the order of the report; what has no bar comes last."""
    return [*(Task(soh, (root, which, False, more)) for which in SOH_BARS), Task(coulomb.nasa, (root,)),
            Task(measured.rul_any_age, (root,), {"with_capacity": True, "more": more}), Task(measured.similarity, (root, more)),
            Task(measured.early_life, (root, more)),
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
