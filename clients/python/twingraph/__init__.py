"""Twingraph's Python client: models, twins, queries, telemetry, events, subscriptions, history, predictors.

    import twingraph
    with twingraph.connect("127.0.0.1:7480") as graph:
        frame = graph.query("SELECT p.$dtId AS pack, p.soc FROM DIGITALTWINS MATCH (p:BatteryPack)")

`twingraph.predictors` serves predictors of one's own, `twingraph.train` trains one, and `twingraph.evaluate` measures
accuracy; the latter two need no server. docs/python.md is the guide.
"""
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

# Name: module. Loaded when first used, so that training and evaluation need no gRPC.
_MEMBERS = {"connect": "client", "Client": "client", "Twin": "twins", "Relationship": "twins", "Model": "models",
            "Event": "events", "Change": "events", "Watch": "events", "Consumer": "subscriptions",
            "RowChange": "standing_queries", "QueryWatch": "standing_queries", "IngestStream": "ingest", "Rejected": "ingest",
            "Error": "errors", "NotFound": "errors", "AlreadyExists": "errors", "InvalidArgument": "errors",
            "FailedPrecondition": "errors", "Aborted": "errors", "OutOfRange": "errors", "ResourceExhausted": "errors",
            "Unavailable": "errors", "DeadlineExceeded": "errors"}

__all__ = ["__version__", *_MEMBERS]

if TYPE_CHECKING:
    from .client import Client, connect
    from .errors import (Aborted, AlreadyExists, DeadlineExceeded, Error, FailedPrecondition, InvalidArgument, NotFound,
                         OutOfRange, ResourceExhausted, Unavailable)
    from .events import Change, Event, Watch
    from .ingest import IngestStream, Rejected
    from .models import Model
    from .standing_queries import QueryWatch, RowChange
    from .subscriptions import Consumer
    from .twins import Relationship, Twin


def __getattr__(name: str):
    if name not in _MEMBERS:
        raise AttributeError(f"module twingraph has no member {name}")
    try:
        module = importlib.import_module(f".{_MEMBERS[name]}", __name__)
    except ModuleNotFoundError as error:
        from .lacking import advice
        raise ImportError(advice(error)) from error
    return getattr(module, name)
