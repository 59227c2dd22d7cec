"""What a predictor says of itself. Needs no gRPC, so that training can write it into a card."""
from __future__ import annotations

import dataclasses
import enum
from typing import Any, Mapping, Optional, Sequence


class Status(enum.IntEnum):
    """Of one row; as OutputColumns.Status."""

    OK = 0
    OUT_OF_DOMAIN = 1
    INSUFFICIENT_DATA = 2
    STALE = 3
    ERROR = 4


@dataclasses.dataclass(frozen=True)
class Feature:
    """A column of the feature query. unit: as DTDL spells it; "" for a plain number."""

    name: str
    unit: str = ""
    type: str = "DOUBLE"  # or STRING, SEQUENCE
    description: str = ""
    required: bool = False       # a row without it is INSUFFICIENT_DATA
    min: Optional[float] = None  # outside of min … max a row is OUT_OF_DOMAIN
    max: Optional[float] = None


@dataclasses.dataclass(frozen=True)
class Output:
    """An estimate. path: in the target model; unit: that of the estimate's value there."""

    name: str
    path: str
    unit: str = ""
    level: float = 0.9


@dataclasses.dataclass(frozen=True)
class Description:
    """PredictorDescription. more: its other fields by name, such as validity or held_out_metrics."""

    name: str
    version: str
    target_model: str
    features: Sequence[Feature]
    outputs: Sequence[Output]
    description: str = ""
    method: str = ""
    default_query: str = ""
    batch_rows_max: int = 10_000
    deadline_ms: int = 10_000
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for what, names in (("feature", [f.name for f in self.features]), ("output", [o.name for o in self.outputs])):
            if not names:
                raise ValueError(f"predictor {self.name} has no {what}")
            if len(set(names)) != len(names):
                raise ValueError(f"predictor {self.name} names one {what} twice: {', '.join(names)}")
        for feature in self.features:
            if feature.type not in ("DOUBLE", "STRING", "SEQUENCE"):
                raise ValueError(f"feature {feature.name}: {feature.type} is no type; DOUBLE, STRING or SEQUENCE")

    def as_json(self) -> dict[str, Any]:
        """PredictorDescription in Protobuf's JSON form, with the names of the .proto file."""
        def full(item: Any) -> dict[str, Any]:
            # 0 is a limit, though it equals False.
            return {k: v for k, v in dataclasses.asdict(item).items() if not (v is None or v is False or v == "")}
        return {"name": self.name, "version": self.version, "description": self.description, "method": self.method,
                "target_model": self.target_model, "features": [full(f) for f in self.features],
                "feature_schema_hash": schema_hash(self.features), "outputs": [full(o) for o in self.outputs],
                "default_query": self.default_query, "batch_rows_max": self.batch_rows_max,
                "deadline_ms": self.deadline_ms, **self.more}

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> "Description":
        known = {f.name for f in dataclasses.fields(Description)} - {"more", "features", "outputs"}

        def made(kind: Any, items: Sequence[Mapping[str, Any]]) -> list[Any]:
            names = {f.name for f in dataclasses.fields(kind)}
            return [kind(**{k: v for k, v in item.items() if k in names}) for item in items]

        rest = {k: v for k, v in document.items()
                if k not in known and k not in ("features", "outputs", "feature_schema_hash")}
        return Description(features=made(Feature, document["features"]), outputs=made(Output, document["outputs"]),
                           more=rest, **{k: v for k, v in document.items() if k in known})


def schema_hash(features: Sequence[Feature]) -> str:
    """The feature schema hash of predictor.proto: FNV-1a of a line "name TAB type TAB unit" a feature."""
    text = "".join(f"{f.name}\t{f.type}\t{f.unit}\n" for f in features)
    value = 0xcbf29ce484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001b3 % 2 ** 64
    return f"{value:016x}"
