"""The channel: deadlines, retries, errors. What all parts of the client share."""
from __future__ import annotations

import itertools
import random
import time
import uuid
from typing import Any, Callable, Iterator

import grpc

from . import errors

TIMEOUT_S = 30.0
FIRST_ATTEMPTS = 4  # of a server that has never answered: its address may be wrong
FIRST_WAIT_S = 0.1
WAIT_S_MAX = 2.0
STANDING_WAIT_S_MAX = 1.0  # of calls that stand: what happens meanwhile comes late
# The server sends no message over 2 MiB, except a single row of a query.
MESSAGE_BYTES_MAX = 64 << 20

# gRPC 1.51 loses a streaming call that it repeats by itself: it never ends, not even at its deadline. Calls are
# repeated here instead.
OPTIONS = [("grpc.enable_retries", 0),
           ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX), ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
           ("grpc.keepalive_time_ms", 30_000), ("grpc.keepalive_timeout_ms", 10_000),
           # A call that is made again finds a connection that is tried again, too.
           ("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 1_000)]


def wait_before(attempt: int, most: float = WAIT_S_MAX) -> float:
    """Seconds before the next attempt: doubling, with chance in it so that clients do not come back as one."""
    return min(most, FIRST_WAIT_S * 2 ** min(attempt, 10)) * random.uniform(0.75, 1)


def request_id() -> str:
    """Makes a repeated write harmless."""
    return uuid.uuid4().hex


class Connection:
    """One channel to one server. Thread-safe.

    timeout: seconds that a call may take, retries included.
    """

    def __init__(self, address: str, timeout: float = TIMEOUT_S):
        self.address = address
        self.timeout = timeout
        self.channel = grpc.insecure_channel(address, options=OPTIONS)
        self.has_answered = False
        self.sequence = 0  # of the last write through this connection: reads wait until they see it

    def close(self) -> None:
        self.channel.close()

    def call(self, method: Callable, request: Any, *, repeatable: bool = True, timeout: float | None = None) -> Any:
        """A unary call. Repeated while the server is unavailable, if that is harmless, and time is left."""
        end = time.monotonic() + (timeout or self.timeout)
        for attempt in itertools.count():
            try:
                response = method(request, timeout=max(0.001, end - time.monotonic()))
                self._note(response)
                return response
            except grpc.RpcError as failure:
                self._wait(failure, attempt, end, repeatable)
        raise AssertionError("unreachable")

    def stream(self, method: Callable, request: Any, *, timeout: float | None = None) -> Iterator[Any]:
        """The messages of a call that the server answers with a stream. Repeated as a unary call is, until the first."""
        end = time.monotonic() + (timeout or self.timeout)
        has_begun = False
        for attempt in itertools.count():
            try:
                for message in method(request, timeout=max(0.001, end - time.monotonic())):
                    has_begun = self.has_answered = True
                    yield message
                return
            except grpc.RpcError as failure:
                self._wait(failure, attempt, end, not has_begun)

    def _wait(self, failure: grpc.RpcError, attempt: int, end: float, repeatable: bool) -> None:
        """Before the next attempt; raises where there is none."""
        error = errors.from_call(failure)
        wait = wait_before(attempt)
        is_last = not self.has_answered and attempt + 1 >= FIRST_ATTEMPTS
        if not isinstance(error, errors.Unavailable) or not repeatable or is_last or time.monotonic() + wait >= end:
            raise error from None
        time.sleep(wait)

    def _note(self, response: Any) -> None:
        self.has_answered = True
        if "position" in response.DESCRIPTOR.fields_by_name:
            self.sequence = max(self.sequence, response.position.sequence)
