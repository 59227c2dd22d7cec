"""Predictors that a server runs: `client.predictors`. To write one, see twingraph.predictors."""
from __future__ import annotations

from typing import TYPE_CHECKING, Mapping, Sequence

from .connection import Connection
from .v1 import predictor_service_pb2 as pb, predictor_service_pb2_grpc as rpc

if TYPE_CHECKING:
    import pandas

RUN_TIMEOUT_S = 600.0


class Predictors:
    """`client.predictors`. Answers are the messages of predictor_service.proto, which has their meaning."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._stub = rpc.PredictorServiceStub(connection.channel)

    def register(self, name: str, *, address: str = "", builtin: str = "", query: str = "", predictor: str = "",
                 options: Mapping[str, str] | None = None, paths: Mapping[str, str] | None = None, interval_s: float = 0,
                 change_paths: Sequence[str] = (), shadow: bool = False, truth_path: str = "", replace: bool = False,
                 validate_only: bool = False) -> pb.PredictorInfo:
        """Registers a predictor service at an address ("host:port"), or a built-in one; see PredictorSpec.

        query: one row a twin (`$dtId AS twin`) and a column of each feature's name; by default the predictor's own.
        """
        if bool(address) == bool(builtin):
            raise ValueError("give an address or the name of a built-in predictor")
        spec = pb.PredictorSpec(name=name, predictor=predictor, options=options, query=query, paths=paths,
                                interval_ms=round(1000 * interval_s), change_paths=change_paths, truth_path=truth_path,
                                role=pb.PredictorSpec.SHADOW if shadow else pb.PredictorSpec.CHAMPION)
        if address:
            spec.address = address
        else:
            spec.builtin = builtin
        return self._connection.call(self._stub.RegisterPredictor, pb.RegisterPredictorRequest(
            spec=spec, replace=replace, validate_only=validate_only), repeatable=False)

    def list(self) -> Sequence[pb.PredictorInfo]:
        return self._connection.call(self._stub.ListPredictors, pb.ListPredictorsRequest()).predictors

    def get(self, name: str) -> pb.PredictorInfo:
        return self._connection.call(self._stub.GetPredictor, pb.GetPredictorRequest(name=name))

    def run(self, name: str, twin_ids: Sequence[str] = ()) -> pb.PredictorRun:
        """Runs it now for these twins, or all, and waits for the end. A failed run is an answer: see `state`."""
        run = self._connection.call(self._stub.RunNow, pb.RunNowRequest(name=name, twin_ids=twin_ids),
                                    repeatable=False, timeout=RUN_TIMEOUT_S)
        return run

    def runs(self, name: str = "", limit: int = 0) -> Sequence[pb.PredictorRun]:
        """The latest first."""
        return self._connection.call(self._stub.ListRuns, pb.ListRunsRequest(name=name, limit=limit)).runs

    def pause(self, name: str) -> pb.PredictorInfo:
        return self._connection.call(self._stub.PausePredictor, pb.PausePredictorRequest(name=name))

    def resume(self, name: str) -> pb.PredictorInfo:
        return self._connection.call(self._stub.ResumePredictor, pb.ResumePredictorRequest(name=name))

    def delete(self, name: str, *, mark_stale: bool = False) -> None:
        self._connection.call(self._stub.DeletePredictor, pb.DeletePredictorRequest(name=name, mark_stale=mark_stale),
                              repeatable=False)

    def forecasts(self, twin_id: str, *, path: str = "", name: str = "") -> "pandas.DataFrame":
        """What was predicted for a twin, and when it was: the latest first."""
        import pandas
        found = self._connection.call(self._stub.ListForecasts, pb.ListForecastsRequest(
            twin_id=twin_id, path=path, name=name)).forecasts
        return pandas.DataFrame([{
            "predictor": f.predictor, "path": f.path, "time": pandas.Timestamp(f.time_unix_nano, tz="UTC"),
            "as_of": pandas.Timestamp(f.as_of_unix_nano, tz="UTC"), "value": f.value, "lo": f.lo, "hi": f.hi,
            "level": f.level, "method": f.method, "model_version": f.model_version, "shadow": f.shadow}
            for f in found])
