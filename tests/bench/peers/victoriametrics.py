"""VictoriaMetrics: samples as InfluxDB's lines, questions in MetricsQL. It keeps no graph: labels stand for it."""
import json
import time
import urllib.parse

from fleet import BEGIN, CELLS, CELLS_PER_MODULE, STEP_S, vehicle_id
from peer import BUCKET_FRAMES, Figure, Peer, rounded
from tools import answers, bytes_in, fetch, free_port, wait_until

BEGIN_S = int(BEGIN.timestamp())


class VictoriaMetrics(Peer):
    name = "VictoriaMetrics"
    durability = "none for the last seconds: no log; written to disk every few seconds"
    configuration = "defaults; retention 10 years"

    def start(self):
        self.port = free_port()
        self._run()
        self.version = self.tools.debian_version("victoria-metrics")

    def _run(self):
        self.process = self.tools.spawn(
            [self.tools.program("victoria-metrics"), f"-httpListenAddr=127.0.0.1:{self.port}",
             f"-storageDataPath={self.folder}/data", "-retentionPeriod=10y", "-search.maxUniqueTimeseries=10000000",
             "-search.latencyOffset=0s"], self.folder / "log")
        wait_until(lambda: answers(self.port), self.process, "VictoriaMetrics")

    def stop(self):
        self.tools.end(self.process)

    def _url(self, path, **parameters):
        return f"http://127.0.0.1:{self.port}/{path}?{urllib.parse.urlencode(parameters)}"

    def _ask(self, path, **parameters):
        return json.loads(fetch(self._url(f"api/v1/{path}", nocache=1, **parameters)))["data"]["result"]

    def ingest(self):
        size, seconds = self.fleet.size, 0.0
        labels = [f"cell,id={n},vehicle={vehicle_id(n // CELLS)},module={n % CELLS // CELLS_PER_MODULE + 1} "
                  for n in range(size.history_vehicles * CELLS)]
        for first in range(0, size.frames, 10):
            lines = []
            for frame in range(first, min(first + 10, size.frames)):
                time_ns = (BEGIN_S + STEP_S * frame) * 1_000_000_000
                _, values = self.fleet.samples(frame)
                lines += [f"{label}voltage={v:g},temperature={t:g},soc={s:g} {time_ns}"
                          for label, (v, t, s) in zip(labels, values.tolist())]
            body = "\n".join(lines).encode()
            begin = time.perf_counter()
            fetch(self._url("write"), body)
            seconds += time.perf_counter() - begin
        fetch(self._url("internal/force_flush"))
        self.tools.end(self.process)
        self.stored = bytes_in(f"{self.folder}/data")
        self._run()
        window = f"{size.frames * STEP_S}s"
        rows = self._ask("query", query=f"sum(count_over_time(cell_voltage[{window}]))", time=self._end())
        return Figure(size.values / seconds, "/s", int(rows[0]["value"][1]),
                      "InfluxDB's lines, ten frames of all vehicles a request")

    def _end(self):
        return BEGIN_S + STEP_S * self.fleet.size.frames - 0.001

    def bytes_per_value(self):
        return Figure(self.stored / self.fleet.size.values, "bytes", note="with its index")

    def minutes_of_one_vehicle(self):
        selector = f'cell_temperature{{vehicle="{vehicle_id(self.fleet.size.history_vehicles // 2)}"}}[1m]'
        first, last = BEGIN_S + 59.999, BEGIN_S + BUCKET_FRAMES * STEP_S - 0.001

        def ask():
            found = {}
            for function in ("avg", "max"):
                query = f"{function}({function}_over_time({selector})) by (module)"
                for series in self._ask("query_range", query=query, start=first, end=last, step=60):
                    module = int(series["metric"]["module"])
                    for stamp, value in series["values"]:
                        found.setdefault((module, round(stamp - 59.999)), []).append(float(value))
            return [(*key, *values) for key, values in found.items()]

        answer, micros = self.timed(ask)
        return Figure(micros / 1000, "ms", rounded(answer), "two requests: avg and max")

    def warmest_cells(self):
        query = f"topk(20, avg_over_time(cell_temperature[{self.fleet.size.frames * STEP_S}s]))"
        answer, micros = self.timed(lambda: [(float(series["value"][1]),)
                                        for series in self._ask("query", query=query, time=self._end())])
        return Figure(micros / 1000, "ms", rounded(answer))

    def restart(self):
        self.stop()
        begin = time.perf_counter()
        self._run()
        if not self._ask("query", query='cell_voltage{id="0"}', time=self._end()):
            raise AssertionError("the first answer is empty")
        return Figure(time.perf_counter() - begin, "s")
