"""Trained models, read from their folder: docs/model-card.md has the format and the arithmetic."""
from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
from typing import Any, Mapping

import numpy as np

from ..learn.conformal import Interval
from .description import Description, schema_hash
from .predictor import Batch, Estimates, Predictor

CARD_VERSION = 1


class CardError(ValueError):
    """A model folder that cannot be used; the message names the file and what is wrong."""


@dataclasses.dataclass
class ModelPredictor(Predictor):
    """A booster with its card. Thread-safe."""

    description: Description
    card: Mapping[str, Any]
    booster: Any

    def predict(self, batch: Batch) -> Estimates:
        from ..learn import booster, validation
        output = self.card["outputs"][0]
        least, most = output.get("min", -np.inf), output.get("max", np.inf)
        raw = booster.predict(self.booster, batch.matrix([f.name for f in self.description.features]))
        value = np.clip(validation.BACK[output["transform"]](raw), least, most)
        kept = output["interval"]
        interval = Interval(kept["level"], kept["absolute"], kept["relative"], kept["floor"])
        return Estimates(value, *interval.bounds(value, least, most))


def load(folder: str | pathlib.Path) -> ModelPredictor:
    """The predictor of a folder with card.json. CardError: something is missing, damaged or newer than this."""
    import xgboost
    path = pathlib.Path(folder) / "card.json"
    try:
        card = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise CardError(f"{path}: {error}") from None
    if card.get("card_version") != CARD_VERSION:
        raise CardError(f"{path}: card_version {card.get('card_version')}; this reads {CARD_VERSION}: update twingraph")
    try:
        description = Description.from_json(card["predictor"])
        file, wanted = path.parent / card["model"]["file"], card["model"]["sha256"]
        stated, transform = card["predictor"]["feature_schema_hash"], card["outputs"][0]["transform"]
        kind, interval = card["model"]["kind"], card["outputs"][0]["interval"]
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise CardError(f"{path}: {error!r}") from None
    from ..learn.validation import BACK
    for wrong, text in ((kind != "xgboost", f"model.kind {kind!r}; this reads xgboost"),
                        (transform not in BACK, f"transform {transform!r}; this knows {', '.join(BACK)}"),
                        (not {"level", "absolute", "relative", "floor"} <= set(interval), "interval lacks a member"),
                        (stated != schema_hash(description.features), "feature_schema_hash is not that of its features")):
        if wrong:
            raise CardError(f"{path}: {text}")
    if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != wanted:
        raise CardError(f"{file}: it is missing, or not the file that the card was made for")
    booster = xgboost.Booster()
    booster.load_model(file)
    if booster.num_features() != len(description.features):
        raise CardError(f"{file}: it has {booster.num_features()} features, the card {len(description.features)}")
    return ModelPredictor(description, card, booster)
