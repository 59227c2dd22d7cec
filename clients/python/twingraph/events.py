"""Changes as they happen, as an iterator that survives lost connections."""
from __future__ import annotations

import dataclasses
import datetime
from typing import Any, Iterator, Optional, Sequence

from .connection import Connection
from .reconnection import LONG_S, PATIENCE_S, StandingCall
from .values import Names, count, from_nanos, from_value, names, to_nanos
from .v1 import event_service_pb2 as pb, event_service_pb2_grpc as rpc

_NO_CHANGES = (pb.TWIN_STATE, pb.RELATIONSHIP_STATE, pb.SERVER_NOTICE)


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
    notice: Optional[tuple[str, str]] = None  # SERVER_NOTICE: reason, message
    old_model_id: str = ""  # TWIN_UPDATED that moved it: the model before
    decommissioned: bool = False  # MODEL_UPDATED: so, or no longer
    context: str = "EXACT"  # how a condition saw what the change left alone; "CURRENT": some of it as it was later


class Watch(Iterator[Event]):
    """An iterator of events without end; `close`, from any thread, or leaving its `with` ends it.

    It resumes where it was when the connection is lost or the server restarts, waiting up to patience_s for it; no
    change is lost or comes twice (a starting state that was interrupted begins again). OutOfRange: it was away for
    longer than the server keeps changes; metadata["resume_token"] begins at the oldest.
    """

    def __init__(self, connection: Connection, request: pb.SubscribeRequest, patience_s: float):
        self._stub = rpc.EventServiceStub(connection.channel)
        self._request = request
        self._pending: list[pb.Event] = []
        self._last = (0, 0)  # sequence and index of the last change received
        self.resume_token = request.resume_token
        self._standing = StandingCall(lambda: self._stub.Subscribe(self._request, timeout=LONG_S), patience_s)
        # The server says so when it has subscribed: what happens from here on will come. Errors come with next().
        self._standing.call.initial_metadata()

    def __next__(self) -> Event:
        while not self._pending or self._standing.is_closed:
            self._receive()
        event = event_of(self._pending.pop(0))
        if event.resume_token:
            self.resume_token = event.resume_token
        return event

    def _receive(self) -> None:
        message = self._standing.receive()
        self._pending = [event for event in message.events if not self._repeated(event)]
        for event in self._pending:
            self._last = max(self._last, (event.sequence, event.index))
        if message.resume_token:
            # Lost from here on, the stream goes on behind what was received, which is pending here.
            self._request.resume_token = message.resume_token
            if not message.events:
                self.resume_token = message.resume_token

    def _repeated(self, event: pb.Event) -> bool:
        """Whether it came before the connection was lost, in a transaction that had not ended then."""
        return event.type not in _NO_CHANGES and (event.sequence, event.index) <= self._last

    def close(self) -> None:
        self._standing.close()

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_) -> None:
        self.close()


def event_of(message: pb.Event) -> Event:
    relation = message.relationship
    return Event(
        pb.EventType.Name(message.type), message.subject, message.model_id, from_nanos(message.time_unix_nano),
        message.sequence, message.index,
        [Change(c.path, from_value(c.old_value) if c.HasField("old_value") else None,
                from_value(c.new_value) if c.HasField("new_value") else None,
                from_nanos(c.source_time_unix_nano), c.late) for c in message.changes],
        (relation.source_id, relation.name, relation.target_id) if message.HasField("relationship") else None,
        message.resume_token,
        (message.notice.reason, message.notice.message) if message.HasField("notice") else None,
        message.old_model_id, message.decommissioned, pb.Event.Context.Name(message.context))


def event_filter(condition: str, types: Names, models: Names, twins: Names, under: str,
                 paths: Names, along: Names) -> pb.EventFilter:
    return pb.EventFilter(types=[_type_named(name) for name in names(types)], models=names(models),
                          twin_ids=names(twins), under=under,
                          under_relationships=names(along), paths=names(paths), condition=condition)


def _type_named(name: str) -> int:
    """ "TWIN_UPDATED", or as docs/events.md and twinctl write it: "twin.updated"."""
    known = [each for each, number in pb.EventType.items() if number]
    number = name.upper().replace(".", "_")
    if number not in known:
        raise ValueError(f"types: there is no {name!r}; there are {', '.join(known)}")
    return pb.EventType.Value(number)


def check_token(resume_token: str | None) -> None:
    if resume_token == "":
        raise ValueError("resume_token is empty; without one, it is what comes from now on")


class Events:
    """`client.events`."""

    def __init__(self, connection: Connection):
        self._connection = connection

    def watch(self, condition: str = "", *, types: Names = (), models: Names = (),
              twins: Names = (), under: str = "", paths: Names = (),
              resume_token: str | None = None, since: Any = None, starting_state: bool = False, interval_ms: int = 0,
              patience_s: float = PATIENCE_S, along: Names = ()) -> Watch:
        """Changes from now on, or behind resume_token, or since a server time, or after the starting state.

        condition: TQL over the changed twin, such as "new.soc < 20 AND old.soc >= 20". types: names as
        "TWIN_UPDATED". along: with under, the relationships that lead to what is under it. All that is given must hold. docs/events.md has the rules.
        """
        request = pb.SubscribeRequest(
            filter=event_filter(condition, types, models, twins, under, paths, along),
            interval_ms=count("interval_ms", interval_ms), event_tokens=True)
        check_token(resume_token)
        if sum([resume_token is not None, since is not None, starting_state]) > 1:
            raise ValueError("give one of resume_token, since and starting_state")
        if resume_token is not None:
            request.resume_token = resume_token
        elif since is not None:
            request.from_unix_nano = to_nanos(since)
        elif starting_state:
            request.starting_state = True
        return Watch(self._connection, request, patience_s)
