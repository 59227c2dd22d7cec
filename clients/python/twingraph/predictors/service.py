"""predictor.proto over gRPC for predictors of one's own."""
from __future__ import annotations

import concurrent.futures
import logging
import math
from typing import Any, Sequence

import grpc
import numpy as np
from google.protobuf import json_format

from ..values import from_nanos
from ..v1 import predictor_pb2 as pb, predictor_pb2_grpc as rpc
from .description import Feature, schema_hash
from .predictor import Batch, Estimates, Predictor, answer

MESSAGE_BYTES_MAX = 64 << 20
WORKERS = 4
_log = logging.getLogger("twingraph.predictors")


class _Refused(Exception):
    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(message)
        self.code = code


def _column(feature: Feature, column: pb.FeatureColumn, rows: int) -> Any:
    """The column as predict sees it. _Refused: it has another number of items than there are rows."""
    nulls = np.zeros(rows, bool)
    if column.nulls:
        bits = np.unpackbits(np.frombuffer(column.nulls, np.uint8), bitorder="little")[:rows].astype(bool)
        nulls[:len(bits)] = bits

    def counted(items: Any, count: int) -> Any:
        if len(items) != count:
            raise _Refused(grpc.StatusCode.INVALID_ARGUMENT, f"feature {feature.name}: {len(items)} items for {rows} rows")
        return items

    if feature.type == "DOUBLE":
        return np.where(nulls, np.nan, counted(np.array(column.doubles, float), rows))
    if feature.type == "STRING":
        return [None if null else text for text, null in zip(counted(column.strings, rows), nulls)]
    values, offsets = np.array(column.doubles, float), list(counted(column.offsets, rows + 1))
    if offsets[0] != 0 or offsets[-1] != len(values) or any(a > b for a, b in zip(offsets, offsets[1:])):
        raise _Refused(grpc.StatusCode.INVALID_ARGUMENT, f"feature {feature.name}: its offsets do not divide its values")
    return [None if null else values[a:b] for a, b, null in zip(offsets, offsets[1:], nulls)]


class _Service(rpc.PredictorServicer):
    def __init__(self, predictors: Sequence[Predictor]):
        self._predictors = {predictor.description.name: predictor for predictor in predictors}
        if len(self._predictors) != len(predictors):
            raise ValueError("two predictors have one name: an address needs a name for each")

    def _find(self, name: str) -> Predictor:
        if not name and len(self._predictors) == 1:
            return next(iter(self._predictors.values()))
        if name not in self._predictors:
            raise _Refused(grpc.StatusCode.NOT_FOUND,
                           f"no predictor {name!r} here; there are {', '.join(sorted(self._predictors))}")
        return self._predictors[name]

    def Describe(self, request, context):
        try:
            return json_format.ParseDict(self._find(request.predictor).description.as_json(), pb.PredictorDescription(),
                                         ignore_unknown_fields=True)
        except _Refused as refused:
            context.abort(refused.code, str(refused))

    def Predict(self, request, context):
        try:
            return self._predict(request, context.time_remaining())
        except _Refused as refused:
            context.abort(refused.code, str(refused))
        except (Exception, SystemExit) as error:  # of predict: the author's log has the trace, the caller the message
            _log.exception("predictor %s failed", request.predictor)
            context.abort(grpc.StatusCode.INTERNAL, f"predictor {request.predictor}: {type(error).__name__}: {error}")

    def _predict(self, request: pb.PredictRequest, time_left: float | None) -> pb.PredictResponse:
        predictor = self._find(request.predictor)
        description, rows = predictor.description, len(request.twin_ids)
        expected = schema_hash(description.features)
        if request.feature_schema_hash != expected:
            raise _Refused(grpc.StatusCode.FAILED_PRECONDITION,
                           f"feature schema {request.feature_schema_hash}; that of {description.name} is {expected}: register it again")
        if len(request.columns) != len(description.features):
            raise _Refused(grpc.StatusCode.INVALID_ARGUMENT,
                           f"{len(request.columns)} columns for {len(description.features)} features")
        if rows > description.batch_rows_max:
            raise _Refused(grpc.StatusCode.INVALID_ARGUMENT,
                           f"{rows} rows; {description.name} takes {description.batch_rows_max} at once")
        batch = Batch(list(request.twin_ids),
                      {f.name: _column(f, c, rows) for f, c in zip(description.features, request.columns)},
                      from_nanos(request.as_of_unix_nano), math.inf if time_left is None else time_left)
        found = answer(predictor, batch)
        return pb.PredictResponse(
            request_id=request.request_id, model_version=description.version,
            outputs=[_output(name, estimates) for name, estimates in found.items()])


def _output(name: str, estimates: Estimates) -> pb.OutputColumns:
    return pb.OutputColumns(
        output=name, values=estimates.value, lo=estimates.lo, hi=estimates.hi, statuses=estimates.status,
        valid_until_unix_nano=estimates.valid_until if np.any(estimates.valid_until) else ())


def serve(predictors: Sequence[Predictor], address: str = "127.0.0.1:7490", *, workers: int = WORKERS) -> grpc.Server:
    """Starts to serve predictors and returns the server; `wait_for_termination()` keeps it, `stop(grace)` ends it.

    address: "host:port"; with port 0 a free one, which `server.port` then says. workers: batches that run
    at once. OSError: the address cannot be listened on.
    """
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(workers), maximum_concurrent_rpcs=16 * workers,
                         options=[("grpc.max_receive_message_length", MESSAGE_BYTES_MAX), ("grpc.so_reuseport", 0),
                                  ("grpc.http2.min_ping_interval_without_data_ms", 5_000)])
    rpc.add_PredictorServicer_to_server(_Service(predictors), server)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError:
        port = 0
    if not port:
        raise OSError(f"cannot listen on {address}; is another service there?")
    server.port = port
    server.start()
    return server
