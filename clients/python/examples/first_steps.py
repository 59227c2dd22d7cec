"""Models, a pack of four cells, a minute of telemetry, a question of graph and history."""
import datetime
import pathlib

import numpy as np
import twingraph
from twingraph import Relationship, Twin
from twingraph.telemetry import Column

MODELS = pathlib.Path(__file__).parents[3] / "models/battery"
PACK, MODULE, CELL = (f"dtmi:twingraph:battery:{name};1" for name in ("BatteryPack", "BatteryModule", "BatteryCell"))

with twingraph.connect() as graph:  # TWINCTL_ADDRESS, or 127.0.0.1:7480
    if not list(graph.models.list()):
        graph.models.create(MODELS)
    cells = [f"demo-c{i}" for i in range(4)]
    graph.twins.write([Twin("demo", PACK), Twin("demo-m", MODULE), *(Twin(cell, CELL) for cell in cells),
                       Relationship("demo", "hasModule", "demo-m", "m1"),
                       *(Relationship("demo-m", "hasCell", cell, cell) for cell in cells)])

    graph.telemetry.layout("demo", [Column(cell, "voltage") for cell in cells])
    begin = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)
    times = [begin + datetime.timedelta(seconds=i) for i in range(60)]
    voltages = 3.7 + 0.01 * np.arange(4) + 0.001 * np.arange(60)[:, None]
    with graph.telemetry.stream("demo-source") as stream:
        stream.frames("demo", times, voltages)

    spread = graph.query("""SELECT p.$dtId AS pack, MAX(c.voltage) - MIN(c.voltage) AS spread
                            FROM DIGITALTWINS MATCH (p:BatteryPack)-[:hasModule|hasCell*2]->(c:BatteryCell)
                            WHERE p.$dtId = @pack GROUP BY p.$dtId""", {"pack": "demo"})
    print(spread.to_string(index=False))
    print(graph.history.frame(cells, ["voltage"]).groupby("twin").voltage.agg(["count", "min", "max"]).to_string())
