"""DTDL models of a server."""
from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Any, Iterable, Iterator, Mapping, Sequence

from .connection import Connection, request_id
from .v1 import model_service_pb2 as pb, model_service_pb2_grpc as rpc


@dataclasses.dataclass(frozen=True)
class Model:
    id: str
    display_name: str
    description: str
    decommissioned: bool
    twins: int              # of exactly this model
    bases: tuple[str, ...]  # DTMIs that it extends


def _texts(documents: Iterable[Any]) -> list[bytes]:
    found = []
    for document in documents:
        if isinstance(document, (str, pathlib.Path)):
            path = pathlib.Path(document)
            files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
            if not files:
                raise FileNotFoundError(f"no *.json in {path}")
            found += [file.read_bytes() for file in files]
        else:
            found.append(json.dumps(document).encode())
    return found


class Models:
    """`client.models`."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._stub = rpc.ModelServiceStub(connection.channel)

    def create(self, *documents: Any) -> Sequence[Model]:
        """Creates all of them or none. Each is a file, a folder (read whole), or the interface(s) as dict or list.

        AlreadyExists: an id is taken. InvalidArgument: the message has a line per finding.
        """
        response = self._connection.call(
            self._stub.CreateModels, pb.CreateModelsRequest(texts=_texts(documents), request_id=request_id()))
        return [_model(model) for model in response.models]

    def list(self) -> Iterator[Model]:
        token = ""
        while True:
            page = self._connection.call(self._stub.ListModels, pb.ListModelsRequest(page_token=token))
            yield from map(_model, page.models)
            token = page.next_page_token
            if not token:
                return

    def get(self, model_id: str) -> Model:
        return _model(self._connection.call(self._stub.GetModel, pb.GetModelRequest(id=model_id)))

    def text(self, model_id: str) -> Mapping[str, Any]:
        """The interface as it was created."""
        return json.loads(self._connection.call(self._stub.GetModel, pb.GetModelRequest(id=model_id, with_text=True)).text)

    def decommission(self, model_id: str, decommissioned: bool = True) -> None:
        """New twins of it are refused from then on."""
        self._connection.call(self._stub.DecommissionModel,
                              pb.DecommissionModelRequest(id=model_id, decommissioned=decommissioned))

    def delete(self, model_id: str, forget_past: bool = False) -> None:
        """FailedPrecondition: twins or other models use it, or the past holds twins of it (unless `forget_past`)."""
        self._connection.call(self._stub.DeleteModel, pb.DeleteModelRequest(id=model_id, forget_past=forget_past),
                              repeatable=False)


def _model(message: pb.Model) -> Model:
    return Model(message.id, message.display_name, message.description, message.decommissioned, message.twins,
                 tuple(message.bases))
