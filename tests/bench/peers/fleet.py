"""The fleet that every peer is given: the same twins, the same frames, from one seed.

A vehicle has a pack of 12 modules of 12 cells. Cells have a voltage, a temperature and a state of charge, as sensors
report them: in millivolts, and in tenths of a degree and of a percent. driver.cc names and numbers the same."""
import dataclasses
import datetime
import json

import numpy

MODULES, CELLS_PER_MODULE = 12, 12
CELLS = MODULES * CELLS_PER_MODULE
BEGIN = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)
STEP_S = 10
QUANTITIES = (("voltage", 1000), ("temperature", 10), ("soc", 10))  # and how many of the frame's integers make one

MODELS = [{
    "@context": ["dtmi:dtdl:context;3", "dtmi:dtdl:extension:historization;1"],
    "@id": f"dtmi:bench:{name};1", "@type": "Interface",
    "contents": [{"@type": ["Property", "Historized"] if schema == "double" else "Property", "name": content,
                  "schema": schema} for content, schema in properties.items()]
    + ([{"@type": "Relationship", "name": relationship}] if relationship else []),
} for name, properties, relationship in (
    ("Vehicle", {}, "hasPack"), ("Pack", {}, "hasModule"), ("Module", {"position": "integer"}, "hasCell"),
    ("Cell", {"seriesIndex": "integer", **{name: "double" for name, _ in QUANTITIES}, "sent": "long"}, None))]


def vehicle_id(vehicle):
    return f"veh-{vehicle + 1:06}"


def pack_id(vehicle):
    return f"{vehicle_id(vehicle)}-p"


def module_id(vehicle, module):
    return f"{vehicle_id(vehicle)}-m{module + 1:02}"


def cell_id(vehicle, cell):
    return f"{module_id(vehicle, cell // CELLS_PER_MODULE)}-c{cell % CELLS_PER_MODULE + 1:02}"


@dataclasses.dataclass(frozen=True)
class Size:
    vehicles: int  # in the graph
    history_vehicles: int  # of them: those that send frames
    frames: int  # of each, every 10 s

    @property
    def cells(self):
        return self.vehicles * CELLS

    @property
    def twins(self):
        return self.vehicles * (2 + MODULES + CELLS)

    @property
    def samples(self):
        """Rows of history: a cell, a time, three values."""
        return self.history_vehicles * CELLS * self.frames

    @property
    def values(self):
        return 3 * self.samples


class Fleet:
    """values: of every cell, now, as [cell][quantity] in units; frames: [vehicle][frame][quantity][cell], integers."""

    def __init__(self, size, seed=1):
        self.size = size
        random = numpy.random.default_rng(seed)
        shape = (size.history_vehicles, size.frames)
        offsets = random.integers(-20, 21, (size.vehicles, 1, CELLS))
        offsets[:, 0, 0] -= random.integers(0, 120, size.vehicles)  # some have a weak cell
        walk = numpy.cumsum(random.integers(-3, 4, (*shape, 1)), axis=1)
        voltage = 3700 + walk + offsets[:size.history_vehicles] + random.integers(-1, 2, (*shape, CELLS))
        warm = random.integers(150, 350, (size.vehicles, 1, 1)) + numpy.repeat(
            random.integers(-15, 16, (size.vehicles, 1, MODULES)), CELLS_PER_MODULE, axis=2)
        drift = numpy.cumsum(random.random((*shape, 1)) < 0.05, axis=1)
        temperature = warm[:size.history_vehicles] + drift + (random.random((*shape, CELLS)) < 0.1)
        emptied = numpy.arange(size.frames)[None, :, None] // 20
        soc = 800 - emptied + random.integers(-3, 4, (size.history_vehicles, 1, CELLS))
        self.frames = numpy.stack([voltage, temperature, soc], axis=2).astype(numpy.int16)
        now = numpy.stack([3700 + random.integers(-300, 301, (size.vehicles, 1)) + offsets[:, 0],
                           warm[:, 0] + random.integers(0, 3, (size.vehicles, CELLS)),
                           numpy.full((size.vehicles, CELLS), 700)], axis=2)
        now[:size.history_vehicles] = self.frames[:, -1].transpose(0, 2, 1)
        self.values = now.reshape(-1, 3) / numpy.array([scale for _, scale in QUANTITIES])

    def cells(self):
        """(number, id, vehicle, module's number, series index, voltage, temperature, soc) of each cell."""
        values = self.values.tolist()
        for vehicle in range(self.size.vehicles):
            for cell in range(CELLS):
                number = vehicle * CELLS + cell
                yield (number, cell_id(vehicle, cell), vehicle, vehicle * MODULES + cell // CELLS_PER_MODULE, cell + 1,
                       *values[number])

    def time(self, frame):
        return BEGIN + datetime.timedelta(seconds=STEP_S * frame)

    def samples(self, frame):
        """Of one time: numbers of the cells, and their three values, as [cell][quantity]."""
        scale = numpy.array([scale for _, scale in QUANTITIES])
        values = self.frames[:, frame].transpose(0, 2, 1).reshape(-1, 3) / scale
        return numpy.arange(len(values)), values

    def write_frames(self, path):
        """As driver.cc reads them: by vehicle, frame and column, quantity by quantity."""
        self.frames.reshape(self.size.history_vehicles, self.size.frames, -1).tofile(path)

    def write_import(self, path):
        """As `twinctl import` takes it. Cells that send frames have no values yet: the last frame brings them."""
        with open(path, "w", encoding="utf-8") as file:
            def section(name, items):
                file.write(json.dumps({"Section": name}) + "\n")
                file.writelines(json.dumps(item, separators=(",", ":")) + "\n" for item in items)
            section("Header", [{"fileVersion": "1.0.0"}])
            section("Models", MODELS)
            section("Twins", self._twins())
            section("Relationships", self._relationships())

    def _twins(self):
        def twin(id_, model, **values):
            return {"$dtId": id_, "$metadata": {"$model": f"dtmi:bench:{model};1"}, **values}
        cells = self.cells()
        for vehicle in range(self.size.vehicles):
            yield twin(vehicle_id(vehicle), "Vehicle")
            yield twin(pack_id(vehicle), "Pack")
            for module in range(MODULES):
                yield twin(module_id(vehicle, module), "Module", position=module + 1)
            for _ in range(CELLS):
                _, id_, _, _, index, *values = next(cells)
                sends = vehicle < self.size.history_vehicles
                yield twin(id_, "Cell", seriesIndex=index,
                           **({} if sends else {name: value for (name, _), value in zip(QUANTITIES, values)}))

    def _relationships(self):
        def relationship(source, name, target):
            return {"$dtId": source, "$relationshipId": target, "$targetId": target, "$relationshipName": name}
        for vehicle in range(self.size.vehicles):
            yield relationship(vehicle_id(vehicle), "hasPack", pack_id(vehicle))
            for module in range(MODULES):
                yield relationship(pack_id(vehicle), "hasModule", module_id(vehicle, module))
            for cell in range(CELLS):
                yield relationship(module_id(vehicle, cell // CELLS_PER_MODULE), "hasCell", cell_id(vehicle, cell))
