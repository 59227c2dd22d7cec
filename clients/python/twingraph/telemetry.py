"""Telemetry into a server: single messages, layouts, streams."""
from __future__ import annotations

import dataclasses
from typing import Any, Iterator, Mapping, Sequence

from .connection import Connection
from .ingest import IN_FLIGHT_MAX, IngestStream
from .values import to_map, to_nanos
from .v1 import telemetry_service_pb2 as pb, telemetry_service_pb2_grpc as rpc


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of a layout: where its values go. value = raw * scale + offset; a negative scale turns the sign."""

    twin_id: str
    path: str
    scale: float = 0.0  # 0: 1
    offset: float = 0.0


class Telemetry:
    """`client.telemetry`."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._stub = rpc.TelemetryServiceStub(connection.channel)

    def publish(self, twin_id: str, values: Mapping[str, Any], *, time: Any = None) -> None:
        """Samples of one twin, durable when it returns. Numbers of telemetry that is `double` may be ints."""
        request = pb.PublishRequest(twin_id=twin_id, contents=to_map(values))
        if time is not None:
            request.source_time_unix_nano = to_nanos(time)
        # Sent twice with a time it is the same sample; without one the server's time makes it another.
        self._connection.call(self._stub.Publish, request, repeatable=time is not None)

    def layout(self, layout_id: str, columns: Sequence[Column]) -> int:
        """Registers what frames of a source carry; returns its version. The same again changes nothing."""
        layout = pb.Layout(id=layout_id, columns=[
            pb.LayoutColumn(targets=[pb.LayoutTarget(twin_id=c.twin_id, path=c.path)], scale=c.scale, offset=c.offset)
            for c in columns])
        return self._connection.call(self._stub.RegisterLayout, pb.RegisterLayoutRequest(layout=layout)).version

    def layouts(self) -> Iterator[str]:
        """Ids of all layouts."""
        token = ""
        while True:
            page = self._connection.call(self._stub.ListLayouts, pb.ListLayoutsRequest(page_token=token))
            yield from (version.layout.id for version in page.layouts)
            token = page.next_page_token
            if not token:
                return

    def stream(self, producer: str, *, in_flight_max: int = IN_FLIGHT_MAX) -> IngestStream:
        """A stream of frames and samples; see IngestStream. producer: the source's name, up to 128 characters."""
        return IngestStream(self._connection, producer, in_flight_max)
