"""The client: one connection, and what can be asked of it."""
from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Iterator, Mapping

from .connection import TIMEOUT_S, Connection
from .events import Events
from .history import History
from .models import Models
from .queries import Queries
from .reconnection import PATIENCE_S
from .registry import Predictors
from .standing_queries import QueryWatch, watch_query
from .subscriptions import Subscriptions
from .telemetry import Telemetry
from .twins import Twins
from .v1 import admin_service_pb2, admin_service_pb2_grpc

if TYPE_CHECKING:
    import pandas

DEFAULT_ADDRESS = "127.0.0.1:7480"


class Client:
    """A connection to a server. Thread-safe, except iterators and streams: each is for one thread.

    What this client wrote, its later reads see. Errors are of twingraph.Error.
    """

    def __init__(self, address: str = "", *, timeout: float = TIMEOUT_S):
        self._connection = Connection(address or os.environ.get("TWINCTL_ADDRESS") or DEFAULT_ADDRESS, timeout)
        self._queries = Queries(self._connection)
        self.models = Models(self._connection)
        self.twins = Twins(self._connection)
        self.telemetry = Telemetry(self._connection)
        self.events = Events(self._connection)
        self.subscriptions = Subscriptions(self._connection)
        self.history = History(self._connection)
        self.predictors = Predictors(self._connection)

    @property
    def address(self) -> str:
        return self._connection.address

    def query(self, text: str, parameters: Mapping[str, Any] | None = None, *, now: Any = None, dialect: str = "tql",
              timeout: float | None = None) -> "pandas.DataFrame":
        """The rows of a statement as a DataFrame (needs pandas).

        parameters: by name, without the @; a timedelta is a length of time (LAST @window). Columns have the pandas type of the query's: times datetime64[ns, UTC],
        durations timedelta64, integers with NULLs Int64, objects and twins Python values. attrs: "units" by
        column, "sequence" that it saw, "notices"; "unrecorded" (values that AS OF left out because their changes
        are not recorded), "rolled_up" and "rolled_up_left_out" (hours or minutes of HISTORY whose samples are gone:
        answered from roll-ups; left out). InvalidArgument: metadata has line and column.
        """
        return self._queries.frame(text, parameters, now, dialect, timeout)

    def rows(self, text: str, parameters: Mapping[str, Any] | None = None, *, now: Any = None, dialect: str = "tql",
             timeout: float | None = None) -> Iterator[dict[str, Any]]:
        """The rows one by one as they come, as JSON has them: times are ISO 8601 strings. Needs no pandas."""
        return self._queries.rows(text, parameters, now, dialect, timeout)

    def explain(self, text: str, parameters: Mapping[str, Any] | None = None, *, dialect: str = "tql") -> str:
        """The plan of a statement."""
        return self._queries.explain(text, parameters, dialect)

    def watch_query(self, text: str, parameters: Mapping[str, Any] | None = None, *, dialect: str = "tql",
                    interval_ms: int = 0, patience_s: float = PATIENCE_S) -> QueryWatch:
        """A standing query: its result, and then the rows that come, change and go, at most once an interval (0: 1 s).

        Errors come with the first change.
        """
        return watch_query(self._connection, text, parameters, dialect, interval_ms, patience_s)

    def status(self) -> admin_service_pb2.StatusResponse:
        return self._connection.call(admin_service_pb2_grpc.AdminServiceStub(self._connection.channel).Status,
                                     admin_service_pb2.StatusRequest())

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self.close()


def connect(address: str = "", *, timeout: float = TIMEOUT_S) -> Client:
    """A client of the server at "host:port"; by default of TWINCTL_ADDRESS, else of 127.0.0.1:7480.

    Returns at once; the first call fails with Unavailable if nobody answers. timeout: of each call, in seconds.
    """
    return Client(address, timeout=timeout)
