"""Mosquitto: a change is a message of MQTT, QoS 1."""
import threading
import time

import paho.mqtt.client as mqtt

from peer import EVENT_RATE, Figure, Peer, latency
from tools import answers, free_port, wait_until


class Mosquitto(Peer):
    name = "Mosquitto"
    durability = "none: messages are kept in memory"
    configuration = "defaults, set_tcp_nodelay"

    def start(self):
        self.port = free_port()
        file = self.folder / "mosquitto.conf"
        file.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n")
        self.process = self.tools.spawn([self.tools.program("mosquitto"), "-c", file], self.folder / "log")
        wait_until(lambda: answers(self.port), self.process, "Mosquitto")
        self.version = (self.folder / "log").read_text().partition("mosquitto version ")[2].split()[0]

    def stop(self):
        self.tools.end(self.process)

    def _client(self):
        client = mqtt.Client()
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        return client

    def notify(self):
        count, spans, subscribed, done = self.times(2_000), [], threading.Event(), threading.Event()

        def receive(*arguments):
            spans.append(time.perf_counter() - float(arguments[2].payload))
            if len(spans) == count:
                done.set()

        listener, sender = self._client(), self._client()
        listener.on_message = receive
        listener.on_subscribe = lambda *_: subscribed.set()
        listener.subscribe("changes", qos=1)
        subscribed.wait(10)
        begin = time.perf_counter()
        for i in range(count):
            time.sleep(max(0.0, begin + i / EVENT_RATE - time.perf_counter()))
            sender.publish("changes", repr(time.perf_counter()), qos=1)
        done.wait(60)
        for client in (listener, sender):
            client.disconnect()
            client.loop_stop()
        median, late = latency(spans)
        return Figure(median, "µs", note=f"no store behind it; Python's threads; p99 {late:.0f} µs")
