"""Standing queries: the result of a SELECT, and then how it changes."""
from __future__ import annotations

import dataclasses
import json
from typing import Any, Iterator, Mapping, Optional, Sequence

from .connection import Connection
from .queries import dialect_of
from .reconnection import LONG_S, StandingCall
from .values import count, to_value
from .v1 import event_service_pb2 as pb, event_service_pb2_grpc as rpc, query_service_pb2


@dataclasses.dataclass(frozen=True)
class RowChange:
    """kind: "ADDED", "CHANGED", "REMOVED", or "RESET": forget all rows, the whole result follows, as added rows.

    key: what the row is of, the same until a reset. row: as `client.rows` has it; of REMOVED what it was.
    """

    kind: str
    key: bytes = b""
    row: Optional[Mapping[str, Any]] = None


class QueryWatch(Iterator[RowChange]):
    """An iterator of row changes without end; `close`, from any thread, or leaving its `with` ends it.

    A lost connection is made again; then a RESET begins the whole result anew. FailedPrecondition: the models
    changed so that the query is wrong now.
    """

    def __init__(self, connection: Connection, request: pb.WatchQueryRequest, patience_s: float):
        self._connection = connection
        self._stub = rpc.EventServiceStub(connection.channel)
        self._request = request
        self._message = pb.WatchQueryResponse()
        self._changes: Iterator[RowChange] = iter(())
        self.columns: Sequence[query_service_pb2.QueryColumn] = ()
        self.notices: Sequence[str] = ()
        self.evaluated_whole_because = ""  # empty: only rows of twins that changed are evaluated
        self.sequence = 0                  # the last one whose result was told as a whole
        self._standing = StandingCall(self._connect, patience_s)

    def _connect(self) -> Any:
        self._request.min_sequence = self._connection.sequence
        return self._stub.WatchQuery(self._request, timeout=LONG_S)

    def __next__(self) -> RowChange:
        while True:
            if self._standing.is_closed:
                raise StopIteration
            change = next(self._changes, None)
            if change is not None:
                return change
            self._receive()

    def _receive(self) -> None:
        message = self._standing.receive()
        if message.columns:
            self.columns, self.notices = message.columns, message.notices
            self.evaluated_whole_because = message.evaluated_whole_because
        if not message.more:
            self.sequence = message.position.sequence
        self._message, self._changes = message, _changes(message)

    def results(self) -> Iterator[dict[bytes, Mapping[str, Any]]]:
        """The result, and then each later one: rows by key, always of one state of the graph. It is one dict, which changes
        in place; use this or the changes, not both."""
        rows: dict[bytes, Mapping[str, Any]] = {}
        has_changed = False
        while not self._standing.is_closed:
            try:
                self._receive()
            except StopIteration:
                return
            for change in self._changes:
                has_changed = True
                _apply(change, rows)
            if has_changed and not self._message.more:
                has_changed = False
                yield rows

    def close(self) -> None:
        self._standing.close()

    def __enter__(self) -> "QueryWatch":
        return self

    def __exit__(self, *_) -> None:
        self.close()


def _changes(message: pb.WatchQueryResponse) -> Iterator[RowChange]:
    if message.reset:
        yield RowChange("RESET")
    for change in message.changes:
        yield RowChange(pb.RowChange.Kind.Name(change.kind), change.key, json.loads(change.row))


def _apply(change: RowChange, rows: dict[bytes, Mapping[str, Any]]) -> None:
    if change.kind == "RESET":
        rows.clear()
    elif change.kind == "REMOVED":
        rows.pop(change.key, None)
    else:
        rows[change.key] = change.row or {}


def watch_query(connection: Connection, text: str, parameters: Mapping[str, Any] | None, dialect: str, interval_ms: int,
                patience_s: float) -> QueryWatch:
    """What `client.watch_query` calls."""
    request = pb.WatchQueryRequest(text=text, dialect=dialect_of(dialect),
                                   interval_ms=count("interval_ms", interval_ms))
    for name, value in (parameters or {}).items():
        request.parameters[name].CopyFrom(to_value(value))
    return QueryWatch(connection, request, patience_s)
