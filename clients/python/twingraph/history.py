"""Recorded samples as DataFrames and files, out and in."""
from __future__ import annotations

import gzip
import json
import pathlib
from typing import TYPE_CHECKING, Any, Iterator, Sequence

from . import errors
from .connection import Connection
from .ingest import ROWS_OF_MESSAGE, _column
from .values import Names, from_value, messages, names, to_nanos
from .v1 import history_service_pb2 as pb, history_service_pb2_grpc as rpc, telemetry_service_pb2

if TYPE_CHECKING:
    import pandas

TIMEOUT_S = 600.0


class History:
    """`client.history`."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._stub = rpc.HistoryServiceStub(connection.channel)

    def frames(self, twin_ids: Names, paths: Names = (), *, start: Any = None,
               end: Any = None) -> Iterator["pandas.DataFrame"]:
        """Samples with start <= time < end, in pieces of one twin each: columns twin, time (UTC), and the paths.

        paths: none means all that is recorded. NotFound: a twin. InvalidArgument: a path that its model lacks.
        """
        import pandas
        request = pb.ExportHistoryRequest(twin_ids=names(twin_ids), paths=names(paths), min_sequence=self._connection.sequence)
        if start is not None:
            request.from_unix_nano = to_nanos(start)
        if end is not None:
            request.to_unix_nano = to_nanos(end)
        for message in self._connection.stream(self._stub.Export, request, timeout=TIMEOUT_S):
            batch = message.samples
            if not batch.times_unix_nano:
                continue
            times = pandas.to_datetime(list(batch.times_unix_nano), utc=True)
            twins = list(batch.twin_ids) if len(batch.twin_ids) > 1 else list(batch.twin_ids) * len(times)
            yield pandas.DataFrame({"twin": twins, "time": times,
                                    **{c.path: _values(c, len(times)) for c in batch.columns}})

    def frame(self, twin_ids: Names, paths: Names = (), *, start: Any = None,
              end: Any = None) -> "pandas.DataFrame":
        """All of it in one DataFrame; a path that a twin has no sample of is missing there."""
        import pandas
        parts = list(self.frames(twin_ids, paths, start=start, end=end))
        return pandas.concat(parts, ignore_index=True) if parts else pandas.DataFrame(columns=["twin", "time", *names(paths)])

    def export(self, file: str | pathlib.Path, twin_ids: Names, paths: Names = (), *, start: Any = None,
               end: Any = None) -> int:
        """Writes samples into a file and returns the number of rows.

        *.parquet needs pyarrow (`pip install pyarrow`); *.csv and *.csv.gz need nothing more, and are what
        `twinctl history import` reads: texts in quotes, lists and maps as JSON after `json:`.
        """
        path = pathlib.Path(file)
        frame = self.frame(twin_ids, paths, start=start, end=end)
        if path.suffix == ".parquet":
            try:
                import pyarrow  # noqa: F401
            except ImportError:
                raise ImportError("Parquet needs pyarrow: pip install pyarrow; or write *.csv.gz") from None
            frame.to_parquet(path, engine="pyarrow", index=False)
        elif path.name.endswith((".csv", ".csv.gz")):
            _write_csv(frame, path)
        else:
            raise ValueError(f"{path.name}: its name must end with .parquet, .csv or .csv.gz")
        return len(frame)

    def write(self, frame: "pandas.DataFrame", *, twin: str = "twin", time: str = "time") -> int:
        """Imports samples of any age: a column of twins, one of times, the others are paths. Returns the rows kept.

        An empty cell (None, NaN, NaT, NA) is no sample, and a row of them is none. ValueError names the first rows
        that were refused; the others are kept.
        """
        for name in (twin, time):
            if name not in frame.columns:
                raise ValueError(f"the frame has no column {name!r}; it has {', '.join(map(str, frame.columns))}")
            if (missing := frame[name].isna().to_numpy()).any():
                raise ValueError(f"row {missing.argmax()}: {name} is missing")
        paths = [name for name in frame.columns if name not in (twin, time)]
        sent: list[int] = []  # rows of the frame, in the order in which they went
        failures: list[Exception] = []  # of what gRPC would only call an exception

        def requests() -> Iterator[pb.ImportHistoryRequest]:
            sent.clear()  # of an attempt before
            try:
                yield from parts()
            except Exception as failure:
                failures.append(failure)
                raise

        def parts() -> Iterator[pb.ImportHistoryRequest]:
            for start in range(0, len(frame), ROWS_OF_MESSAGE):
                part = frame.iloc[start:start + ROWS_OF_MESSAGE].reset_index(drop=True)
                for piece, present in _pieces(part, [twin, time], paths):
                    def message_of(first: int, last: int) -> pb.ImportHistoryRequest:
                        rows = piece.iloc[first:last]
                        return pb.ImportHistoryRequest(samples=telemetry_service_pb2.SampleBatch(
                            twin_ids=rows[twin].tolist(), times_unix_nano=[to_nanos(t) for t in rows[time]],
                            columns=[_column(path, rows[path].tolist()) for path in present]))

                    for first, last, message in messages(len(piece), ROWS_OF_MESSAGE, message_of):
                        sent.extend(start + row for row in piece.index[first:last])
                        yield message

        try:
            response = self._connection.call(lambda _, timeout: self._stub.Import(requests(), timeout=timeout), None,
                                             timeout=TIMEOUT_S)
        except errors.Error:
            if failures:
                raise failures[0] from None
            raise
        if response.rejects_total:
            named = "; ".join(f"row {sent[r.index]}: {r.message}" for r in response.rejects[:3])
            raise ValueError(f"{response.rejects_total} of {len(frame)} rows were refused: {named}")
        return response.rows


def _pieces(part: "pandas.DataFrame", keys: list[str],
            paths: list[str]) -> Iterator[tuple["pandas.DataFrame", list[str]]]:
    """Rows that have values for the same paths, together, with these paths; of one twin and time in their order."""
    if not paths:
        return
    is_present = part[paths].notna()
    number = is_present.groupby(paths, sort=False).ngroup()
    if part.duplicated(keys).any():  # the last one stands: rows stay where they are
        number = (number != number.shift()).cumsum()
    for _, piece in part.groupby(number, sort=False):
        present = [path for path in paths if is_present.at[piece.index[0], path]]
        if present:
            yield piece, present


def _values(column: telemetry_service_pb2.SampleColumn, rows: int) -> Any:
    """What pandas makes a column of: whole numbers, Booleans and times stay what they are beside missing ones."""
    import pandas
    if column.doubles:
        return list(column.doubles)
    items: list[Any] = list(column.ints) or list(column.strings)
    if items:
        for row in column.missing:
            items[row] = None
        return pandas.array(items, dtype="Int64") if column.ints else items
    kinds = {kind for value in column.values if (kind := value.WhichOneof("kind"))}
    if kinds == {"time_unix_nano"}:
        return pandas.to_datetime([v.time_unix_nano if v.WhichOneof("kind") else None for v in column.values], utc=True)
    items = [from_value(v) for v in column.values] or [None] * rows
    if kinds in ({"int_value"}, {"bool_value"}):
        return pandas.array(items, dtype="Int64" if kinds == {"int_value"} else "boolean")
    return items


def _write_csv(frame: "pandas.DataFrame", path: pathlib.Path) -> None:
    columns = [_fields(frame[name], quoted=name not in ("twin", "time")) for name in frame.columns]
    with (gzip.open if path.suffix == ".gz" else open)(path, "wt", encoding="utf-8", newline="") as file:
        file.write(",".join(_quoted(name) if set(name) & set(',"\r\n') else name for name in frame.columns) + "\n")
        file.writelines(",".join(row) + "\n" for row in zip(*columns))


def _fields(values: "pandas.Series", quoted: bool) -> list[str]:
    """Of a column, as a CSV file has them; what is missing is empty."""
    import numpy
    import pandas
    if pandas.api.types.is_datetime64_any_dtype(values):  # with all their nanoseconds
        texts = numpy.char.add(numpy.datetime_as_string(values.to_numpy("datetime64[ns]"), unit="ns"), "Z")
    elif values.dtype == object:
        texts = [_field(value, quoted) for value in values]
    else:
        texts = values.astype(str).str.lower()  # Booleans: true, false
    return numpy.where(values.isna(), "", texts).tolist()


def _field(value: Any, quoted: bool) -> str:
    if isinstance(value, str):
        marked = f"json:{json.dumps(value)}" if value.startswith("json:") else value
        return _quoted(marked) if quoted or set(marked) & set(',"\r\n') else marked
    if isinstance(value, (list, dict)):
        return _quoted("json:" + json.dumps(value, ensure_ascii=False, default=lambda time: time.isoformat()))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
