"""Named subscriptions: the server keeps how far each has been worked off. docs/events.md has the rules."""
from __future__ import annotations

import collections
import queue
import threading
import uuid
from typing import Any, Iterator, Sequence

import grpc

from . import errors
from .connection import Connection
from .events import Event, check_token, event_filter, event_of
from .reconnection import LONG_S, PATIENCE_S, StandingCall
from .values import Names, count, to_nanos
from .v1 import event_service_pb2 as pb, event_service_pb2_grpc as rpc

CREDIT = 1_000
CLOSE_S = 3.0  # for acknowledgements to be stored
HANDLED_MAX = 1_000_000


class Consumer(Iterator[Event]):
    """An iterator of a named subscription's events, without end; `close`, from any thread, or leaving its `with` ends it.

    What was acknowledged never comes again to anybody; the rest comes again to whoever consumes next. Up to `credit` events
    come in a delivery, and what belongs to one transaction; part of it cannot be acknowledged. A lost connection is
    made again, also after a seek; events that this iterator has returned do not come to it again, unless the subscription
    went back. OutOfRange: the changes since are gone. FailedPrecondition: another consumer of this name has begun.
    """

    def __init__(self, connection: Connection, subscription: str, consumer: str, credit: int, without_old_values: bool,
                 patience_s: float):
        self._stub = rpc.EventServiceStub(connection.channel)
        self._first = pb.StreamEventsRequest(subscription=subscription, consumer=consumer or uuid.uuid4().hex,
                                             without_old_values=without_old_values, credit_events=credit)
        self._requests: queue.SimpleQueue = queue.SimpleQueue()
        self._pending: collections.deque[Event] = collections.deque()
        # Events are counted as they come. Deliveries end at a count; up to _done all is acknowledged here.
        self._received = self._returned = self._done = 0
        self._deliveries: collections.deque[tuple[int, int]] = collections.deque()  # count at its end, number
        # Events of deliveries that are not confirmed: the count, whether it was returned over an earlier connection, the
        # event. Those of the delivery that has not ended, and by the numbers of those that have.
        self._open: list[tuple[int, bool, tuple[int, int]]] = []
        self._unconfirmed: collections.deque[tuple[int, list[tuple[int, bool, tuple[int, int]]]]] = collections.deque()
        self._again: set[tuple[int, int]] = set()  # returned before the connection was lost: not to be returned again
        self._seek_time = 0  # when the subscription was last moved
        self._credit_due = 0
        self._reading = threading.Lock()
        self._standing = StandingCall(self._connect, patience_s, lost=self._begin_anew,
                                      again=(grpc.StatusCode.ABORTED, grpc.StatusCode.DEADLINE_EXCEEDED))

    def _connect(self) -> Any:
        self._requests = queue.SimpleQueue()
        self._requests.put(self._first)
        return self._stub.StreamEvents(iter(self._requests.get, None), timeout=LONG_S)

    def __next__(self) -> Event:
        while not self._pending or self._standing.is_closed:
            self._answer()
            with self._reading:
                try:
                    self._take(self._standing.receive())
                except errors.Error:
                    self._requests.put(None)
                    raise
        self._returned += 1
        self._credit_due += 1
        return self._pending.popleft()

    def _take(self, message: pb.StreamEventsResponse) -> None:
        if message.seek_time_unix_nano != self._seek_time:
            self._again.clear()  # it went to another place, perhaps while there was no connection
            self._seek_time = message.seek_time_unix_nano
        for event in message.events:
            name = (event.sequence, event.index)
            is_repeated = name in self._again
            if is_repeated:
                self._again.discard(name)
                self._credit_due += 1
            else:
                self._received += 1
                self._pending.append(event_of(event))
            self._open.append((self._received, is_repeated, name))
        if message.delivery:
            self._deliveries.append((self._received, message.delivery))
            self._unconfirmed.append((message.delivery, self._open))
            self._open = []
        while self._unconfirmed and self._unconfirmed[0][0] <= message.acknowledged_delivery:
            self._unconfirmed.popleft()

    def acknowledge(self) -> None:
        """All that was returned is worked off. Whole deliveries are acknowledged: events that came together once all of
        them were returned. Does not wait; `close` does, until it is stored."""
        self._done = self._returned
        if self._deliveries and self._deliveries[0][0] <= self._done:
            self._answer()

    def _answer(self) -> None:
        """Gives credit back, and acknowledges deliveries that are worked off."""
        number = 0
        while self._deliveries and self._deliveries[0][0] <= self._done:
            number = self._deliveries.popleft()[1]
        if number or self._credit_due:
            self._requests.put(pb.StreamEventsRequest(credit_events=self._credit_due, acknowledged_delivery=number))
            self._credit_due = 0

    def _begin_anew(self, error: errors.Error) -> None:
        self._requests.put(None)
        self._unconfirmed.append((0, self._open))
        self._again.update(name for _, events in self._unconfirmed for count, is_repeated, name in events
                           if is_repeated or count <= self._returned)
        if isinstance(error, errors.Aborted) or len(self._again) > HANDLED_MAX:
            self._again.clear()  # it went to another place, or most of it went to other consumers
        for items in (self._pending, self._deliveries, self._unconfirmed):
            items.clear()
        self._open = []
        self._received, self._credit_due = self._returned, 0

    def close(self) -> None:
        """Ends it, once what was acknowledged is stored; that takes at most 3 s."""
        if self._standing.is_closed:
            return
        self._standing.finish()
        self._requests.put(None)
        give_up = threading.Timer(CLOSE_S, self._standing.call.cancel)
        give_up.start()
        with self._reading:  # a thread that is in next() reads one message more
            try:
                for _ in self._standing.call:
                    pass
            except grpc.RpcError:
                pass  # what was not stored comes again
        give_up.cancel()

    def __enter__(self) -> "Consumer":
        return self

    def __exit__(self, *_) -> None:
        self.close()


class Subscriptions:
    """`client.subscriptions`. Answers are the messages of event_service.proto."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._stub = rpc.EventServiceStub(connection.channel)

    def create(self, name: str, condition: str = "", *, types: Names = (), models: Names = (),
               twins: Names = (), under: str = "", paths: Names = (), resume_token: str | None = None,
               since: Any = None, along: Names = ()) -> pb.Subscription:
        """Begins now, behind a resume token, or at a server time. The filter is that of `client.events.watch`."""
        request = pb.CreateSubscriptionRequest(name=name, filter=event_filter(condition, types, models, twins, under, paths, along))
        _set_place(request, resume_token, since)
        return self._connection.call(self._stub.CreateSubscription, request, repeatable=False)

    def get(self, name: str) -> pb.Subscription:
        return self._connection.call(self._stub.GetSubscription, pb.GetSubscriptionRequest(name=name))

    def list(self) -> Iterator[pb.Subscription]:
        """In the order of their names."""
        request = pb.ListSubscriptionsRequest()
        while True:
            page = self._connection.call(self._stub.ListSubscriptions, request)
            yield from page.subscriptions
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def delete(self, name: str) -> None:
        self._connection.call(self._stub.DeleteSubscription, pb.DeleteSubscriptionRequest(name=name), repeatable=False)

    def seek(self, name: str, *, resume_token: str | None = None, since: Any = None, oldest: bool = False) -> pb.Subscription:
        """It goes on from a token, a server time, or the oldest change that is kept; from now without one of these."""
        request = pb.SeekSubscriptionRequest(name=name)
        _set_place(request, resume_token, since, oldest)
        return self._connection.call(self._stub.SeekSubscription, request, repeatable=False)

    def acknowledge(self, name: str, resume_token: str) -> pb.Subscription:
        """For who reads by `client.events.watch`: everything up to the token is worked off. Stored when it returns."""
        return self._connection.call(self._stub.Acknowledge, pb.AcknowledgeRequest(name=name, resume_token=resume_token))

    def consume(self, name: str, *, consumer: str = "", credit: int = CREDIT, without_old_values: bool = False,
                patience_s: float = PATIENCE_S) -> Consumer:
        """Takes part in working it off: consumers share the twins.

        consumer: a name, unique by default; one that comes again takes its own place. credit: events that may be on
        their way, at least 1. Errors come with the first event.
        """
        return Consumer(self._connection, name, consumer, count("credit", credit, 1), without_old_values, patience_s)


def _set_place(request: Any, resume_token: str | None, since: Any, oldest: bool = False) -> None:
    check_token(resume_token)
    if (resume_token is not None) + (since is not None) + oldest > 1:
        raise ValueError("give one place: a resume token, a time, or the oldest")
    if resume_token is not None:
        request.resume_token = resume_token
    elif since is not None:
        request.from_unix_nano = to_nanos(since)
    elif oldest:
        request.oldest = True
