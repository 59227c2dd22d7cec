"""Twins and relationships of a server."""
from __future__ import annotations

import dataclasses
import json
from typing import Any, Iterable, Iterator, Mapping, Sequence

from .connection import Connection, request_id
from .values import from_map, to_map, to_nanos, to_value
from .v1 import twin_service_pb2 as pb, twin_service_pb2_grpc as rpc, types_pb2

BATCH_OPERATIONS = 5_000  # of one call; the server takes 10,000


@dataclasses.dataclass
class Twin:
    """A twin. contents: properties by name, components as mappings; times are datetimes."""

    id: str
    model_id: str
    contents: dict[str, Any] = dataclasses.field(default_factory=dict)
    etag: str = ""


@dataclasses.dataclass
class Relationship:
    source_id: str
    name: str
    target_id: str
    id: str
    contents: dict[str, Any] = dataclasses.field(default_factory=dict)
    etag: str = ""


def _twin(message: types_pb2.Twin) -> Twin:
    return Twin(message.id, message.model_id, from_map(message.contents), message.etag)


def _relationship(message: types_pb2.Relationship) -> Relationship:
    return Relationship(message.source_id, message.name, message.target_id, message.id, from_map(message.contents),
                        message.etag)


def _twin_message(twin: Twin) -> types_pb2.Twin:
    return types_pb2.Twin(id=twin.id, model_id=twin.model_id, contents=to_map(twin.contents))


def _relationship_message(relationship: Relationship) -> types_pb2.Relationship:
    return types_pb2.Relationship(source_id=relationship.source_id, id=relationship.id, name=relationship.name,
                                  target_id=relationship.target_id, contents=to_map(relationship.contents))


class Twins:
    """`client.twins`."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._stub = rpc.TwinServiceStub(connection.channel)

    def put(self, twin: Twin, *, create_only: bool = False, if_match: str = "", time: Any = None) -> str:
        """Creates the twin, or replaces its model and contents; returns the etag.

        AlreadyExists: with create_only. Aborted: if_match is not its etag. time: when it became so at the source.
        """
        request = pb.CreateTwinRequest(twin=_twin_message(twin), create_only=create_only, if_match=if_match,
                                       request_id=request_id())
        if time is not None:
            request.source_time_unix_nano = to_nanos(time)
        return self._connection.call(self._stub.CreateTwin, request).etag

    def get(self, twin_id: str, *, telemetry: bool = False) -> Twin:
        """telemetry: with the latest values of telemetry. NotFound."""
        request = pb.GetTwinRequest(id=twin_id, with_telemetry=telemetry, min_sequence=self._connection.sequence)
        return _twin(self._connection.call(self._stub.GetTwin, request).twin)

    def get_many(self, twin_ids: Sequence[str], *, telemetry: bool = False) -> dict[str, Twin]:
        """Those that exist, by id."""
        found = {}
        for start in range(0, len(twin_ids), BATCH_OPERATIONS):
            request = pb.BatchGetTwinsRequest(ids=twin_ids[start:start + BATCH_OPERATIONS], with_telemetry=telemetry,
                                              min_sequence=self._connection.sequence)
            found.update((t.id, _twin(t)) for t in self._connection.call(self._stub.BatchGetTwins, request).twins)
        return found

    def list(self, model_id: str = "", *, exact: bool = False) -> Iterator[Twin]:
        """All, or those of a model and of models that extend it (exact: of it alone)."""
        token = ""
        while True:
            page = self._connection.call(self._stub.ListTwins, pb.ListTwinsRequest(
                model_id=model_id, exact_model=exact, page_token=token, min_sequence=self._connection.sequence))
            yield from map(_twin, page.twins)
            token = page.next_page_token
            if not token:
                return

    def patch(self, twin_id: str, changes: Mapping[str, Any] | Sequence[Mapping[str, Any]], *, if_match: str = "",
              time: Any = None) -> str:
        """Changes properties and returns the etag.

        changes: {"soh.value": 97.5, "note": None} sets paths (missing parents appear) and removes where None is
        given; or a JSON Patch (RFC 6902), a list of operations.
        """
        request = pb.UpdateTwinRequest(id=twin_id, if_match=if_match, request_id=request_id())
        if isinstance(changes, Mapping):
            request.edits.extend(_edit(path, value) for path, value in changes.items())
        else:
            request.json_patch = json.dumps(changes).encode()
        if time is not None:
            request.source_time_unix_nano = to_nanos(time)
        return self._connection.call(self._stub.UpdateTwin, request).etag

    def delete(self, twin_id: str, *, tree: bool = False, relationships: bool = False) -> int:
        """Deletes it, with its relationships or with all that it contains (tree); returns how many elements went.

        FailedPrecondition: it has relationships, and neither was asked for.
        """
        request = pb.DeleteTwinRequest(id=twin_id, tree=tree, delete_relationships=relationships or tree,
                                       request_id=request_id())
        return self._connection.call(self._stub.DeleteTwin, request).deleted

    def relate(self, source_id: str, name: str, target_id: str, *, id: str = "",
               contents: Mapping[str, Any] | None = None) -> Relationship:
        """Creates a relationship, or replaces its contents. id: unique for the source; by default "NAME-TARGET"."""
        made = Relationship(source_id, name, target_id, id or f"{name}-{target_id}", dict(contents or {}))
        made.etag = self._connection.call(self._stub.CreateRelationship, pb.CreateRelationshipRequest(
            relationship=_relationship_message(made), request_id=request_id())).etag
        return made

    def relationships(self, twin_id: str, name: str = "", *, incoming: bool = False) -> Iterator[Relationship]:
        """From the twin, or to it (incoming)."""
        method = self._stub.ListIncomingRelationships if incoming else self._stub.ListRelationships
        token = ""
        while True:
            page = self._connection.call(method, pb.ListRelationshipsRequest(
                id=twin_id, name=name, page_token=token, min_sequence=self._connection.sequence))
            yield from map(_relationship, page.relationships)
            token = page.next_page_token
            if not token:
                return

    def unrelate(self, source_id: str, relationship_id: str) -> None:
        self._connection.call(self._stub.DeleteRelationship, pb.DeleteRelationshipRequest(
            source_id=source_id, id=relationship_id, request_id=request_id()))

    def write(self, elements: Iterable[Twin | Relationship]) -> int:
        """Creates or replaces many, twins before relationships to them, a batch a call, each batch whole or not at all.

        Returns how many were written. An error names the element; the batches before stay written.
        """
        written, batch = 0, []
        for element in elements:
            if isinstance(element, Twin):
                batch.append(pb.WriteOperation(create_twin=pb.CreateTwinRequest(twin=_twin_message(element))))
            else:
                batch.append(pb.WriteOperation(create_relationship=pb.CreateRelationshipRequest(
                    relationship=_relationship_message(element))))
            if len(batch) == BATCH_OPERATIONS:
                written, batch = written + self._write(batch), []
        return written + (self._write(batch) if batch else 0)

    def _write(self, operations: Sequence[pb.WriteOperation]) -> int:
        self._connection.call(self._stub.BatchWrite, pb.BatchWriteRequest(operations=operations, request_id=request_id()))
        return len(operations)


def _edit(path: str, value: Any) -> types_pb2.Edit:
    pointer = path if path.startswith("/") else "/" + path.replace(".", "/")
    if value is None:
        return types_pb2.Edit(kind=types_pb2.Edit.REMOVE, path=pointer)
    return types_pb2.Edit(kind=types_pb2.Edit.SET, path=pointer, value=to_value(value))
