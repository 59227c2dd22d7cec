"""Waits for a cell that gets warm, through lost connections, and says which one."""
import twingraph

with twingraph.connect() as graph, graph.events.watch("new.temperature > 45", models=["dtmi:twingraph:battery:BatteryCell;1"]) as watch:
    print("watching", flush=True)
    for event in watch:
        print(event.subject, event.changes[0].new, flush=True)
        break
