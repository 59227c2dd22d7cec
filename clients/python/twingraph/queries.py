"""TQL: text to rows, or to a pandas DataFrame."""
from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Iterator, Mapping

from .connection import Connection
from .values import to_nanos, to_value
from .v1 import query_service_pb2 as pb, query_service_pb2_grpc as rpc

if TYPE_CHECKING:
    import pandas


def dialect_of(name: str) -> pb.QueryRequest.Dialect:
    if name not in ("tql", "adt"):
        raise ValueError(f"dialect {name!r}: tql or adt")
    return pb.QueryRequest.ADT if name == "adt" else pb.QueryRequest.TQL


class Queries:
    """What `client.query`, `client.rows` and `client.explain` call."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._stub = rpc.QueryServiceStub(connection.channel)

    def _request(self, text: str, parameters: Mapping[str, Any] | None, now: Any, dialect: str) -> pb.QueryRequest:
        request = pb.QueryRequest(text=text, dialect=dialect_of(dialect), min_sequence=self._connection.sequence)
        for name, value in (parameters or {}).items():
            request.parameters[name].CopyFrom(to_value(value))
        if now is not None:
            request.now_unix_nano = to_nanos(now)
        return request

    def rows(self, text: str, parameters: Mapping[str, Any] | None, now: Any, dialect: str,
             timeout: float | None) -> Iterator[dict[str, Any]]:
        request = self._request(text, parameters, now, dialect)
        request.format = pb.QueryRequest.JSON_ROWS
        for message in self._connection.stream(self._stub.Query, request, timeout=timeout):
            for line in message.rows.splitlines():
                yield json.loads(line)

    def frame(self, text: str, parameters: Mapping[str, Any] | None, now: Any, dialect: str,
              timeout: float | None) -> "pandas.DataFrame":
        import pandas
        request = self._request(text, parameters, now, dialect)
        columns: list[pb.QueryColumn] = []
        parts, position, notices, summary = [], 0, [], pb.QuerySummary()
        for message in self._connection.stream(self._stub.Query, request, timeout=timeout):
            if message.HasField("header"):
                columns = list(message.header.columns)
                position, notices = message.header.position.sequence, list(message.header.notices)
            if message.HasField("batch") and message.batch.rows:
                parts.append(message.batch)
            if message.HasField("summary"):
                summary = message.summary
        names = [column.name for column in columns]
        data = [_series([(batch.columns[i], batch.rows) for batch in parts], column.type)
                for i, column in enumerate(columns)]
        frame = pandas.concat(data, axis=1, keys=range(len(data))) if data else pandas.DataFrame()
        frame.columns = names
        frame.attrs.update(units={c.name: c.unit for c in columns if c.unit}, sequence=position, notices=notices,
                           unrecorded=summary.unrecorded, rolled_up=summary.rolled_up,
                           rolled_up_left_out=summary.rolled_up_left_out)
        return frame

    def explain(self, text: str, parameters: Mapping[str, Any] | None, dialect: str) -> str:
        return self._connection.call(self._stub.Explain, self._request(text, parameters, None, dialect)).plan


def _nulls(values: pb.ColumnValues, rows: int):
    import numpy
    if not values.nulls:
        return numpy.zeros(rows, bool)
    bits = numpy.unpackbits(numpy.frombuffer(values.nulls, numpy.uint8), bitorder="little")[:rows].astype(bool)
    return numpy.concatenate([bits, numpy.zeros(rows - len(bits), bool)])


def _series(batches: list[tuple[pb.ColumnValues, int]], kind: int) -> "pandas.Series":
    """One column of all batches, with the pandas type that can say NULL of it."""
    import numpy
    import pandas
    column = pb.QueryColumn
    nulls = numpy.concatenate([numpy.zeros(0, bool)] + [_nulls(values, rows) for values, rows in batches])

    def joined(name: str, dtype: Any):
        return numpy.concatenate([numpy.zeros(0, dtype)] + [numpy.array(getattr(v, name), dtype) for v, _ in batches])

    if kind == column.DOUBLE:
        return pandas.Series(numpy.where(nulls, numpy.nan, joined("doubles", float)))
    if kind in (column.TIME, column.DURATION):
        unit = "datetime64[ns]" if kind == column.TIME else "timedelta64[ns]"
        ticks = joined("ints", numpy.int64)
        ticks[nulls] = numpy.iinfo(numpy.int64).min  # NaT
        series = pandas.Series(ticks.view(unit))
        return series.dt.tz_localize("UTC") if kind == column.TIME else series
    if kind == column.INT:
        return pandas.Series(pandas.arrays.IntegerArray(joined("ints", numpy.int64), nulls) if nulls.any()
                             else joined("ints", numpy.int64))
    if kind == column.BOOL:
        return pandas.Series(pandas.arrays.BooleanArray(joined("bools", bool), nulls) if nulls.any()
                             else joined("bools", bool))
    if kind == column.NULL_TYPE:
        return pandas.Series([None] * sum(rows for _, rows in batches), dtype=object)
    if kind == column.STRING:
        items: list[Any] = [item for values, _ in batches for item in values.strings]
    else:
        items = [json.loads(item) if item else None for values, _ in batches for item in values.json]
    return pandas.Series([None if null else item for item, null in zip(items, nulls)], dtype=object)
