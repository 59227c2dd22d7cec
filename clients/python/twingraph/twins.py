"""Twins and relationships of a server."""
from __future__ import annotations

import dataclasses
import json
from typing import Any, Iterable, Iterator, Mapping, Sequence

from .connection import Connection, request_id
from .errors import NotFound
from .values import MESSAGE_BYTES, Names, from_map, names, to_map, to_nanos, to_value
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
        _set_time(request, time)
        return self._connection.call(self._stub.CreateTwin, request).etag

    def get(self, twin_id: str, *, telemetry: bool = False) -> Twin:
        """telemetry: with the latest values of telemetry. NotFound."""
        request = pb.GetTwinRequest(id=twin_id, with_telemetry=telemetry, min_sequence=self._connection.sequence)
        return _twin(self._connection.call(self._stub.GetTwin, request).twin)

    def get_many(self, twin_ids: Names, *, telemetry: bool = False) -> dict[str, Twin]:
        """Those that exist, by id."""
        found = {}
        twin_ids = names(twin_ids)
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
        _set_time(request, time)
        return self._connection.call(self._stub.UpdateTwin, request).etag

    def delete(self, twin_id: str, *, tree: bool = False, relationships: bool = False, time: Any = None) -> int:
        """Deletes it, with its relationships or with all that it contains (tree); returns how many elements went.

        FailedPrecondition: it has relationships, and neither was asked for. time: when it ended at the source.
        """
        request = pb.DeleteTwinRequest(id=twin_id, tree=tree, delete_relationships=relationships or tree,
                                       request_id=request_id())
        _set_time(request, time)
        return self._connection.call(self._stub.DeleteTwin, request).deleted

    def relate(self, source_id: str, name: str, target_id: str, *, id: str = "",
               contents: Mapping[str, Any] | None = None, time: Any = None) -> Relationship:
        """Creates a relationship, or replaces its contents. id: unique for the source; by default "NAME-TARGET".

        time: when it began, or became so, at the source.
        """
        made = Relationship(source_id, name, target_id, id or f"{name}-{target_id}", dict(contents or {}))
        request = pb.CreateRelationshipRequest(relationship=_relationship_message(made), request_id=request_id())
        _set_time(request, time)
        made.etag = self._connection.call(self._stub.CreateRelationship, request).etag
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

    def unrelate(self, source_id: str, relationship_id: str, *, time: Any = None) -> None:
        """time: when it ended at the source."""
        request = pb.DeleteRelationshipRequest(source_id=source_id, id=relationship_id, request_id=request_id())
        _set_time(request, time)
        self._connection.call(self._stub.DeleteRelationship, request)

    def replace_module(self, pack_id: str, old_id: str, new_id: str, *, mounted_at: Any = None,
                       name: str = "hasModule", time: Any = None) -> Relationship:
        """Puts a module in the place of another, in one step: the relationship to the old one ends, and one to the new
        one begins, with the same contents and a mountedAt of its own.

        NotFound: the old one is not mounted in the pack. Aborted: another call has replaced it meanwhile.
        """
        old = next((r for r in self.relationships(pack_id, name) if r.target_id == old_id), None)
        if old is None:
            raise NotFound(f"no relationship '{name}' leads from '{pack_id}' to '{old_id}'")
        contents = {key: value for key, value in old.contents.items() if key != "mountedAt"}
        if mounted_at is not None:
            contents["mountedAt"] = mounted_at
        made = Relationship(pack_id, name, new_id, f"{name}-{new_id}", contents)
        unmount = pb.DeleteRelationshipRequest(source_id=pack_id, id=old.id, if_match=old.etag)
        mount = pb.CreateRelationshipRequest(relationship=_relationship_message(made), create_only=True)
        for request in (unmount, mount):
            _set_time(request, time)
        self._write([pb.WriteOperation(delete_relationship=unmount), pb.WriteOperation(create_relationship=mount)])
        return made

    def write(self, elements: Iterable[Twin | Relationship]) -> int:
        """Creates or replaces many, twins before relationships to them, a batch a call, each batch whole or not at all.

        Returns how many were written. An error names the element; the batches before stay written.
        """
        written, batch, bytes_of_batch = 0, [], 0
        for element in elements:
            if isinstance(element, Twin):
                batch.append(pb.WriteOperation(create_twin=pb.CreateTwinRequest(twin=_twin_message(element))))
            else:
                batch.append(pb.WriteOperation(create_relationship=pb.CreateRelationshipRequest(
                    relationship=_relationship_message(element))))
            bytes_of_batch += batch[-1].ByteSize()
            if len(batch) == BATCH_OPERATIONS or bytes_of_batch >= MESSAGE_BYTES:
                written, batch, bytes_of_batch = written + self._write(batch), [], 0
        return written + (self._write(batch) if batch else 0)

    def _write(self, operations: Sequence[pb.WriteOperation]) -> int:
        self._connection.call(self._stub.BatchWrite, pb.BatchWriteRequest(operations=operations, request_id=request_id()))
        return len(operations)


def _set_time(request: Any, time: Any) -> None:
    if time is not None:
        request.source_time_unix_nano = to_nanos(time)


def _edit(path: str, value: Any) -> types_pb2.Edit:
    pointer = path if path.startswith("/") else "/" + path.replace(".", "/")
    if value is None:
        return types_pb2.Edit(kind=types_pb2.Edit.REMOVE, path=pointer)
    return types_pb2.Edit(kind=types_pb2.Edit.SET, path=pointer, value=to_value(value))
