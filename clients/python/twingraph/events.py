"""Changes as they happen, as an iterator that survives lost connections."""
from __future__ import annotations

import dataclasses
import datetime
import threading
import time as clock
from typing import Any, Iterator, Optional, Sequence

import grpc

from . import errors
from .connection import Connection, wait_before
from .values import from_nanos, from_value, to_nanos
from .v1 import event_service_pb2 as pb, event_service_pb2_grpc as rpc

_STATES = (pb.TWIN_STATE, pb.RELATIONSHIP_STATE)
_LONG_S = 10 * 365 * 86_400  # subscriptions have no deadline


@dataclasses.dataclass(frozen=True)
class Change:
    """One path of a change. old, new: None where there was or is no value. late: became history only."""

    path: str
    old: Any
    new: Any
    time: datetime.datetime  # of the source
    late: bool


@dataclasses.dataclass(frozen=True)
class Event:
    """type: "TWIN_UPDATED" and so on, as in EventType. resume_token: continues behind this event."""

    type: str
    subject: str
    model_id: str
    time: datetime.datetime  # of the server
    sequence: int
    index: int
    changes: Sequence[Change]
    relationship: Optional[tuple[str, str, str]]  # source, name, target
    resume_token: str


class Subscription(Iterator[Event]):
    """An iterator of events without end; `close`, from any thread, or leaving its `with` ends it.

    It resumes where it was when the connection is lost or the server restarts, waiting up to
    patience_s for it; no change is lost or comes twice (a starting state that was interrupted begins
    again). OutOfRange: it was away for longer than the
    server keeps changes; metadata["resume_token"] begins at the oldest.
    """

    def __init__(self, connection: Connection, request: pb.SubscribeRequest, patience_s: float):
        self._stub = rpc.EventServiceStub(connection.channel)
        self._request = request
        self._patience_s = patience_s
        self._closed = threading.Event()
        self._pending: list[pb.Event] = []
        self._last = (0, 0)  # sequence and index of the last event received
        self._trouble_since: float | None = None
        self._attempt = 0
        self._call = None
        self.resume_token = request.resume_token
        self._connect()
        # The server says so when it has subscribed: what happens from here on will come. Errors come with next().
        self._call.initial_metadata()

    def _connect(self) -> None:
        self._call = self._stub.Subscribe(self._request, timeout=_LONG_S)

    def __next__(self) -> Event:
        while not self._pending or self._closed.is_set():
            self._receive()
        event = _event(self._pending.pop(0))
        if event.resume_token:
            self.resume_token = event.resume_token
        return event

    def _receive(self) -> None:
        """The next message; mends the connection."""
        if self._closed.is_set():
            raise StopIteration
        try:
            message = next(self._call)
        except StopIteration:
            self._lost(errors.Unavailable("the server ended the stream"))
            return
        except grpc.RpcError as failure:
            if self._closed.is_set():
                raise StopIteration from None
            error = errors.from_call(failure)
            if failure.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN):
                raise error from None
            self._lost(error)
            return
        self._trouble_since, self._attempt = None, 0
        self._pending = [event for event in message.events if not self._repeated(event)]
        if self._pending:
            self._last = (self._pending[-1].sequence, self._pending[-1].index)
        if message.resume_token:
            # Lost from here on, the stream goes on behind what was received, which is pending here.
            self._request.resume_token = message.resume_token
            if not message.events:
                self.resume_token = message.resume_token

    def _repeated(self, event: pb.Event) -> bool:
        """Whether it came before the connection was lost, in a transaction that had not ended then."""
        return event.type not in _STATES and (event.sequence, event.index) <= self._last

    def _lost(self, error: errors.Error) -> None:
        now = clock.monotonic()
        self._trouble_since = self._trouble_since or now
        if now - self._trouble_since > self._patience_s:
            raise error from None
        if self._closed.wait(wait_before(self._attempt)):
            raise StopIteration
        self._attempt += 1
        self._connect()

    def close(self) -> None:
        self._closed.set()
        self._call.cancel()

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(self, *_) -> None:
        self.close()


def _event(message: pb.Event) -> Event:
    relation = message.relationship
    return Event(
        pb.EventType.Name(message.type), message.subject, message.model_id, from_nanos(message.time_unix_nano),
        message.sequence, message.index,
        [Change(c.path, from_value(c.old_value) if c.HasField("old_value") else None,
                from_value(c.new_value) if c.HasField("new_value") else None,
                from_nanos(c.source_time_unix_nano), c.late) for c in message.changes],
        (relation.source_id, relation.name, relation.target_id) if message.HasField("relationship") else None,
        message.resume_token)


class Events:
    """`client.events`."""

    def __init__(self, connection: Connection):
        self._connection = connection

    def watch(self, condition: str = "", *, types: Sequence[str] = (), models: Sequence[str] = (),
              twins: Sequence[str] = (), under: str = "", paths: Sequence[str] = (), resume_token: str = "",
              since: Any = None, starting_state: bool = False, interval_ms: int = 0,
              patience_s: float = 300.0) -> Subscription:
        """Changes from now on, or behind resume_token, or since a server time, or after the starting state.

        condition: TQL over the changed twin, such as "new.soc < 20 AND old.soc >= 20". types: names as
        "TWIN_UPDATED". All that is given must hold. docs/events.md has the rules.
        """
        request = pb.SubscribeRequest(
            filter=pb.EventFilter(types=[pb.EventType.Value(name) for name in types], models=models, twin_ids=twins,
                                  under=under, paths=paths, condition=condition),
            interval_ms=interval_ms, event_tokens=True)
        if sum([bool(resume_token), since is not None, starting_state]) > 1:
            raise ValueError("give one of resume_token, since and starting_state")
        if resume_token:
            request.resume_token = resume_token
        elif since is not None:
            request.from_unix_nano = to_nanos(since)
        elif starting_state:
            request.starting_state = True
        return Subscription(self._connection, request, patience_s)
