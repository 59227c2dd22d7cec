"""Python values ↔ the wire's tagged values and times."""
from __future__ import annotations

import datetime
import math
import numbers
from typing import Any, Callable, Iterable, Iterator, Mapping

from .v1 import types_pb2

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
Time = "datetime.datetime | int"
MESSAGE_BYTES = 4 << 20  # of rows that go together; the server takes a record of 32 MiB
Names = "str | Iterable[str]"  # ids, paths or the like: a single one may stand without a list


def count(name: str, value: Any, least: int = 0, most: int = 2**31 - 1) -> int:
    """A whole number from least to most; else ValueError with the argument's name."""
    if not isinstance(value, bool) and hasattr(value, "__index__") and least <= value.__index__() <= most:
        return value.__index__()
    raise ValueError(f"{name}: it is {value!r}; give a whole number from {least} to {most}")


def names(given: Names) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def messages(rows: int, most: int, message_of: Callable[[int, int], Any]) -> Iterator[tuple[int, int, Any]]:
    """first, last, message_of(first, last): rows [0, rows) in messages of at most `most`, fewer where they are long."""
    waiting = [(first, min(first + most, rows)) for first in range(0, rows, most)][::-1]
    while waiting:
        first, last = waiting.pop()
        message = message_of(first, last)
        if last - first > 1 and message.ByteSize() > MESSAGE_BYTES:
            middle = (first + last) // 2
            waiting += [(middle, last), (first, middle)]
        else:
            yield first, last, message


def seconds(name: str, value: Any) -> float:
    """A finite number that is not negative; else ValueError with the argument's name."""
    if isinstance(value, numbers.Real) and math.isfinite(value) and value >= 0:
        return float(value)
    raise ValueError(f"{name}: it is {value!r}; give seconds, 0 or more")


def milliseconds(name: str, value: Any) -> int:
    """Of seconds, as they stand in a message; less than one is one."""
    given = seconds(name, value)
    return count(name, max(round(1000 * given), 1 if given else 0))


def to_nanos(time: Any) -> int:
    """Nanoseconds since 1970 UTC of a datetime (without a zone: UTC), a pandas.Timestamp, or nanoseconds."""
    if time != time:  # NaN, NaT
        raise ValueError(f"{time!r} is no time")
    if isinstance(time, int):
        return time
    if hasattr(time, "value") and hasattr(time, "tz"):  # pandas.Timestamp keeps nanoseconds
        return int(time.value)
    if isinstance(time, datetime.datetime):
        aware = time if time.tzinfo else time.replace(tzinfo=UTC)
        return (aware - EPOCH) // datetime.timedelta(microseconds=1) * 1000
    if hasattr(time, "astype"):  # numpy.datetime64
        return int(time.astype("datetime64[ns]").astype("int64"))
    raise TypeError(f"{time!r} is no time: give a datetime, or nanoseconds since 1970 UTC as int")


def from_nanos(nanos: int) -> datetime.datetime:
    """A datetime in UTC; what is finer than a microsecond is lost."""
    return EPOCH + datetime.timedelta(microseconds=nanos // 1000)


def duration_text(duration: datetime.timedelta) -> str:
    """ISO 8601, as properties have it whose schema is a duration: PT90S, PT0.25S."""
    micros = duration // datetime.timedelta(microseconds=1)
    nanos = 1000 * micros + getattr(duration, "nanoseconds", 0)  # pandas.Timedelta
    return _duration_of(nanos)


def _duration_of(nanos: int) -> str:
    if nanos < 0:
        raise ValueError(f"{nanos / 1e9:g} s is negative: a duration is 0 or more")
    seconds, nanos = divmod(nanos, 1_000_000_000)
    fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
    return f"PT{seconds}{fraction}S"


def to_value(value: Any) -> types_pb2.Value:
    """None is null; bool, int, float, str, those of datetime, sequences and mappings are themselves."""
    if value is None:
        return types_pb2.Value()
    if hasattr(value, "tolist"):  # of numpy: a scalar or an array
        kind = value.dtype.kind
        if kind in "mM" and value.ndim:
            value = list(value)
        elif kind == "M":
            return types_pb2.Value(time_unix_nano=to_nanos(value))
        elif kind == "m":
            if value != value:  # NaT
                raise ValueError(f"{value!r} is no length of time")
            return types_pb2.Value(string_value=_duration_of(int(value.astype("m8[ns]").astype("int64"))))
        else:
            value = value.tolist()
    if isinstance(value, bool):
        return types_pb2.Value(bool_value=value)
    if isinstance(value, int):
        if not -2**63 <= value < 2**63:
            raise ValueError(f"{value} does not fit into 64 bits")
        return types_pb2.Value(int_value=value)
    if isinstance(value, float):
        return types_pb2.Value(double_value=value)
    if isinstance(value, str):
        return types_pb2.Value(string_value=value)
    if isinstance(value, datetime.timedelta):  # a duration of ISO 8601
        return types_pb2.Value(string_value=duration_text(value))
    if isinstance(value, datetime.datetime):
        return types_pb2.Value(time_unix_nano=to_nanos(value))
    if isinstance(value, datetime.date):
        return types_pb2.Value(string_value=value.isoformat())
    if isinstance(value, datetime.time):
        return types_pb2.Value(string_value=value.isoformat() + ("" if value.tzinfo else "Z"))
    if isinstance(value, Mapping):
        return types_pb2.Value(map_value=to_map(value))
    if isinstance(value, (list, tuple)):
        return types_pb2.Value(array_value=types_pb2.ValueArray(values=[to_value(v) for v in value]))
    raise TypeError(f"{type(value).__name__} is no value of a twin")


def to_map(contents: Mapping[str, Any]) -> types_pb2.ValueMap:
    return types_pb2.ValueMap(members=[types_pb2.Member(name=name, value=to_value(v)) for name, v in contents.items()])


def from_value(value: types_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind is None:
        return None
    if kind == "time_unix_nano":
        return from_nanos(value.time_unix_nano)
    if kind == "array_value":
        return [from_value(v) for v in value.array_value.values]
    if kind == "map_value":
        return from_map(value.map_value)
    return getattr(value, kind)


def from_map(contents: types_pb2.ValueMap) -> dict[str, Any]:
    return {member.name: from_value(member.value) for member in contents.members}
