"""A stream of telemetry into the server: durable batches, a bounded number in flight, through lost connections."""
from __future__ import annotations

import collections
import dataclasses
import math
import queue
import threading
import time
from typing import Any, Iterable, Mapping, Sequence

import grpc

from . import errors
from .connection import FIRST_ATTEMPTS, Connection, wait_before
from .values import Names, count, messages, names, to_nanos, to_value
from .v1 import telemetry_service_pb2 as pb, telemetry_service_pb2_grpc as rpc

IN_FLIGHT_MAX = 64
REJECTS_KEPT_MAX = 1_000
ROWS_OF_MESSAGE = 10_000
# Of "ABORTED: a second stream of the producer took over" there is nothing to repeat.
_AGAIN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN)


@dataclasses.dataclass(frozen=True)
class Rejected:
    """A row or frame that the server did not take."""

    batch_number: int
    index: int
    message: str


class IngestStream:
    """Made by `client.telemetry.stream`. For one thread; a context manager that flushes when it is left.

    What is sent has a number, rising per producer; a lost connection is made again and what was not
    acknowledged is sent again, which changes nothing that is already there. A producer is one
    stream at a time, anywhere: a second one ends the first with Aborted.
    """

    def __init__(self, connection: Connection, producer: str, in_flight_max: int = IN_FLIGHT_MAX):
        self._connection = connection
        self._producer = producer
        self._in_flight_max = count("in_flight_max", in_flight_max, 1)
        self._changed = threading.Condition()
        # Guarded by _changed:
        self._waiting: collections.deque[pb.IngestRequest] = collections.deque()
        self._failure: errors.Error | None = None
        self._lost: grpc.StatusCode | None = None
        self._opened = False
        self._next = 1
        self.rows = 0           # taken by the server
        self.rejects: collections.deque[Rejected] = collections.deque(maxlen=REJECTS_KEPT_MAX)
        self.rejects_total = 0
        self._open()

    def frames(self, layout_id: str, times: Sequence[Any], values: Any) -> None:
        """Frames of a layout: values has a row a frame and a column a layout column (NaN, None: missing), in model units.

        values: a numpy array, a DataFrame or a list of lists. Blocks while too much is in flight.
        """
        nanos = [to_nanos(time) for time in times]
        doubles = _by_column(values, len(nanos))
        self._send(pb.IngestRequest(frames=pb.FrameBatches(batches=[
            pb.FrameBatch(layout_id=layout_id, times_unix_nano=nanos, doubles=doubles)])))

    def samples(self, twin_ids: Names, times: Sequence[Any], columns: Mapping[str, Sequence[Any]]) -> None:
        """Rows of samples: a twin and a time each (or one of all), and a value per path; None or NaN: missing."""
        twin_ids = names(twin_ids)
        rows = max([len(twin_ids), len(times), *(len(values) for values in columns.values())])
        for what, count in [("twin_ids", len(twin_ids)), ("times", len(times))]:
            if count not in (1, rows):
                raise ValueError(f"{what} has {count} items, the longest column {rows}: give one of each row, or one of all")
        nanos = [to_nanos(t) for t in times]

        def message_of(first: int, last: int) -> pb.IngestRequest:
            part = slice(first, last)
            return pb.IngestRequest(samples=pb.SampleBatch(
                twin_ids=twin_ids[part] if len(twin_ids) > 1 else twin_ids,
                times_unix_nano=nanos[part] if len(nanos) > 1 else nanos,
                columns=[_column(path, values[part]) for path, values in columns.items()]))

        for _, _, message in messages(rows, ROWS_OF_MESSAGE, message_of):
            self._send(message)

    def flush(self, timeout: float | None = None) -> None:
        """Waits until all that was sent is durable. Raises what ended the stream."""
        self._wait(lambda: not self._waiting, timeout)

    def close(self) -> None:
        """Ends the stream without waiting; what is not acknowledged may be lost."""
        self._outgoing.put(None)
        self._call.cancel()
        self._reader.join()

    def __enter__(self) -> "IngestStream":
        return self

    def __exit__(self, kind, error, trace) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self.close()

    def _send(self, request: pb.IngestRequest) -> None:
        self._wait(lambda: len(self._waiting) < self._in_flight_max, None)
        with self._changed:
            request.batch_number = self._next
            self._next += 1
            self._waiting.append(request)
            self._outgoing.put(request)

    def _wait(self, done, timeout: float | None) -> None:
        """Until done(), mending the connection meanwhile; only the caller's thread does that."""
        end = time.monotonic() + (timeout or self._connection.timeout)
        attempt = 0
        while True:
            with self._changed:
                while not (self._failure or self._lost or done()):
                    if not self._changed.wait(end - time.monotonic()):
                        raise errors.DeadlineExceeded(f"{len(self._waiting)} batches were not acknowledged in time")
                if self._failure:
                    raise self._failure
                if not self._lost:
                    return
            attempt += 1
            is_last = not self._connection.has_answered and attempt > FIRST_ATTEMPTS
            if is_last or time.monotonic() >= end:
                raise errors.Unavailable(f"the stream to {self._connection.address} was lost {attempt} times in a row")
            time.sleep(wait_before(attempt))
            self._reader.join()
            self._open()

    def _open(self) -> None:
        """Opens the stream, learns what is durable, sends the rest again."""
        with self._changed:
            self._opened, self._lost = False, None
        self._outgoing: queue.SimpleQueue = queue.SimpleQueue()
        self._outgoing.put(pb.IngestRequest(open=pb.IngestOpen(producer_id=self._producer)))
        self._call = rpc.TelemetryServiceStub(self._connection.channel).Ingest(iter(self._outgoing.get, None))
        self._reader = threading.Thread(target=self._read, args=(self._call,), daemon=True)
        self._reader.start()
        with self._changed:
            if not self._changed.wait_for(lambda: self._opened or self._lost or self._failure, self._connection.timeout):
                raise errors.DeadlineExceeded(f"{self._connection.address} does not open the stream")
            if self._opened:
                for request in self._waiting:
                    self._outgoing.put(request)

    def _read(self, call: Any) -> None:
        try:
            for response in call:
                with self._changed:
                    self._take(response)
                    self._changed.notify_all()
            self._end(grpc.StatusCode.UNAVAILABLE, None)
        except grpc.RpcError as failure:
            self._end(failure.code(), failure)

    def _end(self, code: grpc.StatusCode, failure: grpc.RpcError | None) -> None:
        with self._changed:
            if failure is None or code in _AGAIN:
                self._lost = code
            else:
                self._failure = errors.from_call(failure)
            self._changed.notify_all()

    def _take(self, response: pb.IngestResponse) -> None:
        if response.HasField("opened"):
            self._opened = self._connection.has_answered = True
            durable = response.opened.last_batch_number
            self._next = max(self._next, durable + 1)
        else:
            acknowledged = response.acknowledgement
            durable = acknowledged.batch_number
            self.rows += acknowledged.rows
            self.rejects_total += acknowledged.rejects_total
            self.rejects.extend(Rejected(r.batch_number, r.index, r.message) for r in acknowledged.rejects)
            self._connection.sequence = max(self._connection.sequence, acknowledged.position.sequence)
        while self._waiting and self._waiting[0].batch_number <= durable:
            self._waiting.popleft()


def _by_column(values: Any, rows: int) -> list[float]:
    """All of the first column, then all of the second ... ValueError: it has not that many rows of one length."""
    table = values.to_numpy() if hasattr(values, "to_numpy") else values
    if hasattr(table, "shape"):
        if len(table.shape) != 2 or table.shape[0] != rows:
            raise ValueError(f"{rows} times, and values of the shape {tuple(table.shape)}: it needs a row for each time")
        return table.T.astype(float).ravel().tolist()
    lists = [list(row) for row in table]
    if len(lists) != rows or len({len(row) for row in lists}) > 1:
        raise ValueError(f"{rows} times, and values with {len(lists)} rows of {sorted({len(row) for row in lists})} "
                         "columns: it needs a row for each time, all of one length")
    return [math.nan if v is None else float(v) for column in zip(*lists) for v in column]


def _column(path: str, values: Iterable[Any]) -> pb.SampleColumn:
    items = [v.item() if hasattr(v, "item") else v for v in values]
    present = [v for v in items if v is not None and v == v]
    if all(isinstance(v, float) for v in present):
        return pb.SampleColumn(path=path, doubles=[float("nan") if v is None else v for v in items])
    return pb.SampleColumn(path=path, values=[to_value(None if v is None or v != v else v) for v in items])
