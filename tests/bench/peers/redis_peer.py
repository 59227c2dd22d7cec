"""Redis: hashes for twins, sets for relationships; asked by redis-benchmark where speed is what counts."""
import csv
import io
import threading
import time

import redis

from fleet import CELLS, MODULES, module_id, pack_id, vehicle_id
from peer import EVENT_RATE, Figure, Peer, latency
from tools import answers, free_port, wait_until


class Redis(Peer):
    name = "Redis"
    durability = "appendonly, appendfsync always"
    configuration = "save \"\" (no snapshots beside the log)"

    def start(self):
        self.port, self.process = free_port(), None
        self._run()
        self.version = self.client.info()["redis_version"]

    def _run(self):
        command = [self.tools.program("redis-server"), "--port", self.port, "--bind", "127.0.0.1", "--dir", self.folder,
                   "--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        self.process = self.tools.spawn(command, self.folder / "log")
        wait_until(lambda: answers(self.port), self.process, "Redis")
        self.client = redis.Redis(port=self.port)
        wait_until(self._loaded, self.process, "Redis")

    def _loaded(self):
        try:
            return self.client.ping()
        except redis.exceptions.BusyLoadingError:
            return False

    def stop(self):
        self.tools.end(self.process)

    def load(self):
        size, cells = self.fleet.size, list(self.fleet.cells())
        begin = time.perf_counter()
        pipe = self.client.pipeline(transaction=False)
        for vehicle in range(size.vehicles):
            pipe.hset(f"twin:{vehicle_id(vehicle)}", "model", "Vehicle")
            pipe.hset(f"twin:{pack_id(vehicle)}", "model", "Pack")
            pipe.sadd(f"hasPack:{vehicle_id(vehicle)}", pack_id(vehicle))
            for module in range(MODULES):
                pipe.hset(f"twin:{module_id(vehicle, module)}", "position", module + 1)
                pipe.sadd(f"hasModule:{pack_id(vehicle)}", module_id(vehicle, module))
            for number, _, _, module, index, voltage, temperature, soc in cells[vehicle * CELLS:(vehicle + 1) * CELLS]:
                pipe.hset(f"cell:{number:012}", mapping={"seriesIndex": index, "voltage": voltage,
                                                         "temperature": temperature, "soc": soc, "sent": 0})
                pipe.sadd(f"hasCell:{module_id(vehicle, module % MODULES)}", number)
            if vehicle % 20 == 19:
                pipe.execute()
        pipe.execute()
        seconds = time.perf_counter() - begin
        # Beside the cells: hashes of vehicles, packs and modules, and the sets of their relationships.
        others = size.vehicles * 2 * (2 + MODULES)
        return Figure(size.twins / seconds, "/s", self.client.dbsize() - others, "pipelines of a Python client")

    def _benchmark(self, clients, count, *command, pipeline=1):
        """(commands a second, median µs)."""
        printed = self.tools.run([self.tools.program("redis-benchmark"), "-p", self.port, "-c", clients,
                                  "-n", self.times(count), "-P", pipeline, "-r", self.fleet.size.cells, "--csv",
                                  *command])
        row = list(csv.DictReader(io.StringIO(printed)))[-1]
        return float(row["rps"]), float(row["p50_latency_ms"]) * 1000

    _READ = ("HGETALL", "cell:__rand_int__")
    _UPDATE = ("HSET", "cell:__rand_int__", "sent", "1")

    def read_one(self):
        return Figure(self._benchmark(1, 20_000, *self._READ)[1], "µs", note="redis-benchmark")

    def read_16_clients(self):
        return Figure(self._benchmark(16, 200_000, *self._READ)[0], "/s")

    def update_one_client(self):
        return Figure(self._benchmark(1, 3_000, *self._UPDATE)[0], "/s", note="redis-benchmark")

    def update_64_in_flight(self):
        return Figure(self._benchmark(64, 100_000, *self._UPDATE)[0], "/s", note="64 connections")

    def update_batches(self):
        return Figure(self._benchmark(1, 500_000, *self._UPDATE, pipeline=1000)[0], "/s", note="pipelines of 1,000")

    def notify(self):
        count, spans, ready = self.times(2_000), [], threading.Event()

        def listen():
            channel = redis.Redis(port=self.port).pubsub(ignore_subscribe_messages=True)
            channel.subscribe("changes")
            ready.set()
            for message in channel.listen():
                spans.append(time.perf_counter() - float(message["data"]))
                if len(spans) == count:
                    return

        thread = threading.Thread(target=listen)
        thread.start()
        ready.wait()
        time.sleep(0.2)
        begin = time.perf_counter()
        for i in range(count):
            time.sleep(max(0.0, begin + i / EVENT_RATE - time.perf_counter()))
            pipe = self.client.pipeline(transaction=True)
            sent = repr(time.perf_counter())
            pipe.hset(f"cell:{i % CELLS:012}", "sent", sent).publish("changes", sent)
            pipe.execute()
        thread.join()
        median, late = latency(spans)
        return Figure(median, "µs", note="HSET and PUBLISH in MULTI; who is away misses it; Python's threads; "
                                         f"p99 {late:.0f} µs")

    def restart(self):
        self.stop()
        begin = time.perf_counter()
        self._run()
        return Figure(time.perf_counter() - begin, "s")
