"""What calls raise: one class a status code, with the server's message and the details it gave."""
from __future__ import annotations

import functools
from typing import Mapping

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


class Error(Exception):
    """A call that the server refused, or that did not reach it.

    code: the status; reason and metadata: google.rpc.ErrorInfo of the server, empty if it gave none.
    """

    code = grpc.StatusCode.UNKNOWN

    def __init__(self, message: str, code: grpc.StatusCode | None = None, reason: str = "",
                 metadata: Mapping[str, str] | None = None):
        super().__init__(message)
        self.code = code or type(self).code
        self.reason = reason
        self.metadata = dict(metadata or {})


class InvalidArgument(Error):
    """The request is wrong; the message names the field and the way out. Of a query metadata has the place."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class NotFound(Error):
    """What the message names is not there."""

    code = grpc.StatusCode.NOT_FOUND


class AlreadyExists(Error):
    """The id is taken."""

    code = grpc.StatusCode.ALREADY_EXISTS


class FailedPrecondition(Error):
    """The model or the state forbids it."""

    code = grpc.StatusCode.FAILED_PRECONDITION


class Aborted(Error):
    """Another writer was first: the etag has changed. Read again, decide again."""

    code = grpc.StatusCode.ABORTED


class OutOfRange(Error):
    """What was asked for is no longer kept."""

    code = grpc.StatusCode.OUT_OF_RANGE


class ResourceExhausted(Error):
    """A limit, which the message names."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class Unavailable(Error):
    """Nobody answers, or the server is stopping."""

    code = grpc.StatusCode.UNAVAILABLE


class DeadlineExceeded(Error):
    """The call took longer than its timeout."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED


_BY_CODE = {kind.code: kind for kind in Error.__subclasses__()}


@functools.lru_cache(maxsize=None)
def _messages():
    """google.rpc.Status and ErrorInfo in a pool of their own: other packages may bring theirs."""
    file = descriptor_pb2.FileDescriptorProto(name="status.proto", package="google.rpc", syntax="proto3")
    field = descriptor_pb2.FieldDescriptorProto

    def add(message, name, number, kind, label=field.LABEL_OPTIONAL, type_name=None):
        message.field.add(name=name, number=number, type=kind, label=label, type_name=type_name)

    detail = file.message_type.add(name="Detail")  # google.protobuf.Any
    add(detail, "type_url", 1, field.TYPE_STRING)
    add(detail, "value", 2, field.TYPE_BYTES)
    status = file.message_type.add(name="Status")
    add(status, "details", 3, field.TYPE_MESSAGE, field.LABEL_REPEATED, ".google.rpc.Detail")
    entry = file.message_type.add(name="Entry")
    add(entry, "key", 1, field.TYPE_STRING)
    add(entry, "value", 2, field.TYPE_STRING)
    info = file.message_type.add(name="ErrorInfo")
    add(info, "reason", 1, field.TYPE_STRING)
    add(info, "metadata", 3, field.TYPE_MESSAGE, field.LABEL_REPEATED, ".google.rpc.Entry")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)

    def message_class(name):
        descriptor = pool.FindMessageTypeByName(f"google.rpc.{name}")
        if hasattr(message_factory, "GetMessageClass"):  # Protobuf 4.22 and later
            return message_factory.GetMessageClass(descriptor)
        return message_factory.MessageFactory(pool).GetPrototype(descriptor)

    return message_class("Status"), message_class("ErrorInfo")


def _error_info(call: grpc.RpcError) -> tuple[str, dict[str, str]]:
    for key, value in call.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status_class, info_class = _messages()
            for detail in status_class.FromString(value).details:
                if detail.type_url.endswith("/google.rpc.ErrorInfo"):
                    info = info_class.FromString(detail.value)
                    return info.reason, {entry.key: entry.value for entry in info.metadata}
    return "", {}


# gRPC's words for calls that ended on this side.
_ENDED_HERE = ("Locally cancelled by application!", "Channel closed!")


def _was_dropped(call: grpc.RpcError) -> bool:
    """Whether a server that was stopping dropped the call: nobody here cancelled it, and no service answered."""
    return (call.code() is grpc.StatusCode.CANCELLED and call.details() not in _ENDED_HERE and not _error_info(call)[0])


def from_call(call: grpc.RpcError) -> Error:
    """The error of a failed call."""
    code = call.code()
    if _was_dropped(call):
        return Unavailable("the server dropped the call: it is stopping")
    reason, metadata = _error_info(call)
    return _BY_CODE.get(code, Error)(call.details() or code.name, code, reason, metadata)
