"""Calls that stand until they are closed, made again when they are lost."""
from __future__ import annotations

import threading
import time
from typing import Any, Callable, Sequence

import grpc

from . import errors
from .connection import STANDING_WAIT_S_MAX, wait_before
from .values import seconds

LONG_S = 10 * 365 * 86_400  # standing calls have no deadline
PATIENCE_S = 300.0


class StandingCall:
    """The messages of such a call, for one thread; close is for any.

    connect: makes the call. lost: hears of each loss before the call is made again. again: codes that mean a loss,
    beside those of a lost connection. patience_s: for so long without an answer it is tried again.
    """

    def __init__(self, connect: Callable[[], Any], patience_s: float, *, again: Sequence[grpc.StatusCode] = (),
                 lost: Callable[[errors.Error], None] = lambda error: None):
        self._connect = connect
        self._patience_s = seconds("patience_s", patience_s)
        self._again = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN, *again)
        self._lost = lost
        self._closed = threading.Event()
        self._lock = threading.Lock()  # of what `call` is, so that one that is made while closing is cancelled
        self._attempt = 0
        self._trouble_since: float | None = None
        self.call = connect()

    @property
    def is_closed(self) -> bool:
        return self._closed.is_set()

    def receive(self) -> Any:
        """The next message. StopIteration: it is closed. Error: the server refuses, or patience has ended."""
        while not self.is_closed:
            try:
                message = next(self.call)
            except StopIteration:
                error: errors.Error = errors.Unavailable("the server ended the stream")
            except grpc.RpcError as failure:
                error = errors.from_call(failure)
            else:
                self._attempt, self._trouble_since = 0, None
                return message
            if self.is_closed:
                break
            if error.code not in self._again:
                raise error from None
            self._mend(error)
        raise StopIteration

    def _mend(self, error: errors.Error) -> None:
        self._lost(error)
        now = time.monotonic()
        if self._trouble_since is None:
            self._trouble_since = now
        if now - self._trouble_since > self._patience_s:
            raise error from None
        if self._closed.wait(wait_before(self._attempt, STANDING_WAIT_S_MAX)):
            return
        self._attempt += 1
        with self._lock:
            if not self.is_closed:
                self.call = self._connect()

    def finish(self) -> None:
        """Closes without cancelling: the call is to end by itself."""
        with self._lock:
            self._closed.set()

    def close(self) -> None:
        with self._lock:
            self._closed.set()
            self.call.cancel()
