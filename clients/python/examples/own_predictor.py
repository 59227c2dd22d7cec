"""A predictor of one's own: one method. `python3 own_predictor.py [HOST:PORT]` serves it."""
import sys

import numpy as np
from twingraph.predictors import Description, Estimates, Feature, Output, Predictor, serve


class Throughput(Predictor):
    """Health that falls with the charge that went through; the two constants are of nobody's cell."""

    description = Description(
        name="throughput", version="1", method="linear", target_model="dtmi:twingraph:battery:BatteryPack;1",
        description="A line through throughput: an example, not a model.",
        features=[Feature("throughput", "ampereHour", required=True, min=0)],
        outputs=[Output("soh", path="soh", unit="percent")],
        default_query="SELECT p.$dtId AS twin, p.accumulatedChargedThroughput AS throughput FROM DIGITALTWINS MATCH (p:BatteryPack)")

    def predict(self, batch):
        value = np.maximum(100 - batch["throughput"] / 10_000, 0)
        return Estimates(value, value - 5, value + 5)


if __name__ == "__main__":
    server = serve([Throughput()], sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:7490")
    print(f"serving on port {server.port}", flush=True)
    server.wait_for_termination()
