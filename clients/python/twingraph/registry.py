"""Predictors that a server runs: `client.predictors`. To write one, see twingraph.predictors."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

from .connection import Connection
from .values import Names, count, milliseconds, names, to_nanos
from .v1 import predictor_pb2, predictor_service_pb2 as pb, predictor_service_pb2_grpc as rpc

if TYPE_CHECKING:
    import pandas

RUN_TIMEOUT_S = 600.0


class Predictors:
    """`client.predictors`. Answers are the messages of predictor_service.proto, which has their meaning."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._stub = rpc.PredictorServiceStub(connection.channel)

    def _all(self, method: Any, request: Any, field: str) -> list[Any]:
        """What all pages of a list have."""
        items: list[Any] = []
        while True:
            page = self._connection.call(method, request)
            items += getattr(page, field)
            if not page.next_page_token:
                return items
            request.page_token = page.next_page_token

    def register(self, name: str, *, address: str = "", builtin: str = "", query: str = "", predictor: str = "",
                 options: Mapping[str, str] | None = None, paths: Mapping[str, str] | None = None, interval_s: float = 0,
                 change_paths: Names = (), change_delay_s: float = 0, batch_rows: int = 0,
                 batches_in_flight: int = 0, deadline_s: float = 0, shadow: bool = False, truth_path: str = "",
                 replace: bool = False, validate_only: bool = False) -> pb.PredictorInfo:
        """Registers a predictor service at an address ("host:port"), or a built-in one; see PredictorSpec.

        query: one row a twin (`$dtId AS twin`) and a column of each feature's name; by default the predictor's own.
        Without interval_s and change_paths it runs on demand only. 0: as PredictorSpec says.
        """
        if bool(address) == bool(builtin):
            raise ValueError("give an address or the name of a built-in predictor")
        spec = pb.PredictorSpec(name=name, predictor=predictor, options=options, query=query, paths=paths,
                                interval_ms=milliseconds("interval_s", interval_s), change_paths=names(change_paths),
                                change_delay_ms=milliseconds("change_delay_s", change_delay_s),
                                batch_rows=count("batch_rows", batch_rows),
                                batches_in_flight=count("batches_in_flight", batches_in_flight),
                                deadline_ms=milliseconds("deadline_s", deadline_s),
                                truth_path=truth_path,
                                role=pb.PredictorSpec.SHADOW if shadow else pb.PredictorSpec.CHAMPION)
        if address:
            spec.address = address
        else:
            spec.builtin = builtin
        return self._connection.call(self._stub.RegisterPredictor, pb.RegisterPredictorRequest(
            spec=spec, replace=replace, validate_only=validate_only), repeatable=False)

    def list(self) -> Sequence[pb.PredictorInfo]:
        return self._all(self._stub.ListPredictors, pb.ListPredictorsRequest(), "predictors")

    def get(self, name: str) -> pb.PredictorInfo:
        return self._connection.call(self._stub.GetPredictor, pb.GetPredictorRequest(name=name))

    def run(self, name: str, twin_ids: Names = (), *, now: Any = None,
            timeout: float = RUN_TIMEOUT_S) -> pb.PredictorRun:
        """Runs it now for these twins, or all, and waits for the end. A failed run is an answer: see `state`.

        now: what NOW() is in the feature query, and asOf in the estimates, for recorded data. After DeadlineExceeded
        the run goes on: see `runs`.
        """
        request = pb.RunNowRequest(name=name, twin_ids=names(twin_ids))
        if now is not None:
            request.now_unix_nano = to_nanos(now)
        return self._connection.call(self._stub.RunNow, request, repeatable=False, timeout=timeout)

    def runs(self, name: str = "", limit: int = 0) -> Sequence[pb.PredictorRun]:
        """The latest first."""
        return self._all(self._stub.ListRuns, pb.ListRunsRequest(name=name, limit=count("limit", limit)), "runs")

    def pause(self, name: str) -> pb.PredictorInfo:
        return self._connection.call(self._stub.PausePredictor, pb.PausePredictorRequest(name=name))

    def resume(self, name: str) -> pb.PredictorInfo:
        return self._connection.call(self._stub.ResumePredictor, pb.ResumePredictorRequest(name=name))

    def delete(self, name: str, *, mark_stale: bool = False) -> None:
        self._connection.call(self._stub.DeletePredictor, pb.DeletePredictorRequest(name=name, mark_stale=mark_stale),
                              repeatable=False)

    def forecasts(self, twin_id: str, *, path: str = "", name: str = "", limit: int = 0) -> "pandas.DataFrame":
        """What was predicted for a twin, and when it was: the latest first. limit: of each path and predictor; 0: 100."""
        import pandas
        found = self._all(self._stub.ListForecasts, pb.ListForecastsRequest(
            twin_id=twin_id, path=path, name=name, limit=count("limit", limit)), "forecasts")
        rows = [(f.predictor, f.path, pandas.Timestamp(f.time_unix_nano, tz="UTC"),
                 pandas.Timestamp(f.as_of_unix_nano, tz="UTC"), f.value, f.lo, f.hi, f.level,
                 predictor_pb2.OutputColumns.Status.Name(f.status), f.method, f.model_version, f.shadow) for f in found]
        return pandas.DataFrame(rows, columns=["predictor", "path", "time", "as_of", "value", "lo", "hi", "level", "status",
                                               "method", "model_version", "shadow"])
