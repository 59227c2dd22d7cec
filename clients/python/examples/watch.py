"""Waits for a cell that gets warm, through lost connections, and says which one."""
import sys
import threading

import twingraph

with twingraph.connect() as graph, graph.events.watch("new.temperature > 45", models=["dtmi:twingraph:battery:BatteryCell;1"],
                                                      starting_state="--state" in sys.argv) as watch:
    print("watching", flush=True)
    threading.Timer(60, watch.close).start()
    for event in watch:
        if event.type == "TELEMETRY":
            print(event.subject, event.changes[0].new, flush=True)
            break
