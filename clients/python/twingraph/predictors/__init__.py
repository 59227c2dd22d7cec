"""Predictors of one's own: write one method, get a service that the server can register.

    class Warmth(Predictor):
        description = Description(
            name="warmth", version="1", target_model="dtmi:twingraph:battery:BatteryPack;1",
            features=[Feature("temp_max", unit="degreeCelsius", required=True)],
            outputs=[Output("soh", path="soh", unit="percent")])

        def predict(self, batch):
            value = 100 - 0.1 * batch["temp_max"]
            return Estimates(value, value - 5, value + 5)

    serve([Warmth()], "127.0.0.1:7490").wait_for_termination()

Missing values, limits of features, schema, deadlines, and garbage that predict returns are seen to before and after it.
"""
from ..lacking import advice

try:
    from .description import Description, Feature, Output, Status, schema_hash
    from .model import CardError, ModelPredictor, load
    from .predictor import Batch, Estimates, Predictor
except ModuleNotFoundError as error:
    raise ImportError(advice(error)) from error

__all__ = ["Batch", "CardError", "Description", "Estimates", "Feature", "ModelPredictor", "Output", "Predictor", "Status", "load",
           "schema_hash", "serve"]


def __getattr__(name: str):
    if name != "serve":
        raise AttributeError(f"module twingraph.predictors has no member {name}")
    from .service import serve  # which needs gRPC; training does not
    return serve
