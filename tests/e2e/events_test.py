#!/usr/bin/env python3
"""Changes as they happen, with the installed programs: twinctl watch in one process, a vehicle's data in another."""
import csv
import datetime
import json
import re
import signal
import subprocess
import threading
import time
import unittest

from server_case import BIN, ROOT, ServerCase

MODEL = {"@context": "dtmi:dtdl:context;3", "@id": "dtmi:t:Cell;1", "@type": "Interface", "contents": [
    {"@type": "Property", "name": "grade", "schema": "integer"},
    {"@type": "Telemetry", "name": "temperature", "schema": "double"}]}


class Watch:
    """twinctl watch in a process of its own; lines() are the events so far."""

    def __init__(self, environment, *arguments):
        self.process = subprocess.Popen([BIN / "twinctl", "watch", *map(str, arguments)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=environment)
        self.events = []
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def wait_for(self, count):
        end = time.monotonic() + 60
        while len(self.events) < count and time.monotonic() < end and self.process.poll() is None:
            time.sleep(0.01)
        return self.events

    def stop(self):
        """Ctrl-C; the cursor with which it goes on."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(60)
        self.thread.join()
        message = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        assert code == 130, (code, message)
        return re.search(r"--from (\S+)", message).group(1)

    def finish(self):
        code = self.process.wait(60)
        self.thread.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return code


class Rows:
    """The result of twinctl watch --query, as its lines make it."""

    def __init__(self):
        self.rows = {}
        self.resets = 0

    def apply(self, lines):
        for line in lines:
            if line["change"] == "reset":
                self.rows = {}
                self.resets += 1
            elif line["change"] == "removed":
                del self.rows[line["key"]]
            else:
                assert (line["key"] in self.rows) == (line["change"] == "changed"), line
                self.rows[line["key"]] = line["row"]
        return sorted(self.rows.values(), key=json.dumps)


def recording(count):
    """Header and rows of a car with four cells and two probes, as GB/T 32960 records it."""
    start = datetime.datetime(2021, 5, 5, 9, 10)
    header = ["time_local", "speed_kmh", "pack_voltage_v", "v1_mv", "v2_mv", "v3_mv", "v4_mv", "t1_c", "t2_c"]
    rows = []
    for i in range(count):
        stamp = (start + datetime.timedelta(seconds=10 * i)).strftime("%Y-%m-%d %H:%M:%S")
        rows.append([stamp, "50.0", "360.0", "3900", "3901", "3902", "3903", f"{20 + i * 7 % 40}.5", f"{30 + i % 25}"])
    return header, rows


def temperatures(events):
    return [change["new"] for event in events for change in event["data"]["changes"]
            if change["path"] == "temperature"]


class EventsTest(ServerCase):
    keeps_port = True

    def setUp(self):
        super().setUp()
        lines = [{"Section": "Header"}, {"fileVersion": "1.0.0"}, {"Section": "Models"}, MODEL, {"Section": "Twins"}]
        lines += [{"$dtId": f"cell-{i}", "$metadata": {"$model": "dtmi:t:Cell;1"}} for i in range(3)]
        (self.path / "graph.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
        self.twinctl("import", self.path / "graph.ndjson")

    def send(self, cell, temperature):
        self.twinctl("telemetry", "send", f"cell-{cell}", json.dumps({"temperature": temperature}))

    def patch(self, twin, path, value):
        self.twinctl("twins", "patch", twin, json.dumps([{"op": "add", "path": f"/{path}", "value": value}]))

    def begin(self, *arguments):
        """A watch that stands: what is sent from now on it sees."""
        watch = Watch(self.environment, *arguments)
        # A first change that is not among those that are counted.
        while not watch.events:
            self.send(0, 1000)
            time.sleep(0.05)
        return watch

    def test_a_condition_is_watched_stopped_and_resumed(self):
        watch = self.begin("new.temperature > 45")
        sent = [40, 46.5, 44, 47, 30, 48]
        for value in sent:
            self.send(1, value)
        hot = [value for value in sent if value > 45]
        while temperatures(watch.events)[-1:] != hot[-1:]:
            watch.wait_for(len(watch.events) + 1)
        self.assertEqual([value for value in temperatures(watch.events) if value != 1000], hot)
        cursor = watch.stop()
        # Nobody watches meanwhile.
        missed = [49, 20, 50.25]
        for value in missed:
            self.send(2, value)
        again = Watch(self.environment, "new.temperature > 45", "--from", cursor, "--count", 2)
        self.assertEqual(again.finish(), 0)
        self.assertEqual(temperatures(again.events), [49, 50.25])
        # Each line has a cursor of its own.
        rest = Watch(self.environment, "new.temperature > 45", "--from", again.events[0]["cursor"], "--count", 1)
        self.assertEqual(rest.finish(), 0)
        self.assertEqual(temperatures(rest.events), [50.25])
        event = again.events[0]
        self.assertEqual(event["type"], "twingraph.telemetry.v1")
        self.assertEqual(event["subject"], "cell-2")
        self.assertEqual(event["dataschema"], "dtmi:t:Cell;1")

    def test_a_replayed_car_is_watched_stopped_and_resumed(self):
        header, rows = recording(240)
        path = self.path / "car.csv"
        with open(path, "w", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *rows])
        hot = "new.temperature > 45"
        first = self.begin(hot)
        skipped = len(first.events)
        begin = first.events[skipped - 1]["cursor"]
        replay = subprocess.Popen(
            [BIN / "twinsim", "replay", path, "--as", "veh-1", "--models", ROOT / "models/battery", "--speed", "400x",
             "--frames-per-message", "1"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=self.environment)
        first.wait_for(skipped + 30)
        cursor = first.stop()
        events = first.events[skipped:]
        # Stopped and resumed while the car goes on, and once when it stands.
        stands = False
        while not stands:
            stands = replay.poll() is not None
            time.sleep(0.1)
            watch = Watch(self.environment, hot, "--from", cursor)
            while len(watch.events) < 20 and replay.poll() is None:
                time.sleep(0.01)
            if not watch.events:
                self.send(0, 1000)  # the car may have sent its last
            watch.wait_for(1)
            cursor = watch.stop()
            events += watch.events
        message = replay.stderr.read()
        replay.stderr.close()
        self.assertEqual(replay.returncode, 0, message)
        expected = {}
        for row in rows:
            for probe, text in zip(("veh-1-m01-p1", "veh-1-m02-p1"), row[-2:]):
                if float(text) > 45:
                    expected.setdefault(probe, []).append(float(text))
        self.send(0, 2000)  # behind all of the car's
        rest = Watch(self.environment, hot, "--from", cursor)
        while temperatures(rest.events)[-1:] != [2000]:
            rest.wait_for(len(rest.events) + 1)
        rest.stop()
        events += rest.events
        found = {}
        for event in events:
            if event["subject"] in expected:
                found.setdefault(event["subject"], []).extend(temperatures([event]))
        self.assertEqual(found, expected)
        # In one piece it is the same, event by event.
        whole = Watch(self.environment, hot, "--from", begin, "--count", len(events))
        self.assertEqual(whole.finish(), 0)
        self.assertEqual(whole.events, events)

    def test_a_killed_server_loses_nothing_on_the_way(self):
        watch = self.begin("--path", "temperature")
        expected = []
        for restart in range(3):
            for i in range(5):
                value = 100 * restart + i
                self.send(1 + i % 2, value)
                expected.append(value)
            self.restart()
        self.send(1, -1)
        expected.append(-1)
        end = time.monotonic() + 60
        while temperatures(watch.events)[-1:] != [-1] and time.monotonic() < end:
            time.sleep(0.02)
        self.assertEqual([value for value in temperatures(watch.events) if value != 1000], expected)
        watch.stop()

    def test_where_a_watch_begins(self):
        def refused(*arguments):
            found = subprocess.run([BIN / "twinctl", "watch", *arguments], capture_output=True, text=True, env=self.environment,
                                   timeout=60)
            self.assertNotIn("to go on from here", found.stderr)
            return found.returncode, found.stderr

        for arguments, message in ((("--from", ""), "without --from it begins now"), (("--from", "2026-13-01"), "is no time"),
                                   (("--count", "0"), "--count: give at least 1"), (("--count=-1",), "--count: give at least 1"),
                                   (("--query", "SELECT c FROM DIGITALTWINS MATCH (c:Cell)", "--path", "grade"), "--query: "),
                                   (("--query", "SELECT c FROM DIGITALTWINS MATCH (c:Cell)", "--state"), "--query: ")):
            code, text = refused(*arguments)
            self.assertEqual((code, message in text), (2, True), text)
        self.assertNotEqual(refused("--from", "garbage")[0], 0)
        # Everything that the server has is what it was told, from whatever beginning.
        self.send(1, 77)
        for place in ("oldest", "1970-01-01"):
            watch = Watch(self.environment, "new.temperature = 77", "--from", place, "--count", 1)
            self.assertEqual(watch.finish(), 0)
            self.assertEqual(temperatures(watch.events), [77])

    def test_a_named_subscription_goes_on_where_it_was_worked_off(self):
        out = self.twinctl("subscriptions", "create", "alarms", "new.temperature > 45")
        self.assertRegex(out, r"subscription alarms created, from sequence \d+ on: new.temperature > 45")
        for value in (50, 20, 51, 52):
            self.send(1, value)
        watch = Watch(self.environment, "--subscription", "alarms", "--count", 2)
        self.assertEqual(watch.finish(), 0)
        self.assertEqual(temperatures(watch.events), [50, 51])
        self.assertGreater(json.loads(self.twinctl("subscriptions", "show", "alarms", "-o", "json"))["lagSequences"], 0)
        # What was printed does not come again, whatever happens to the server.
        self.restart()
        self.send(1, 53)
        watch = Watch(self.environment, "--subscription", "alarms", "--consumer", "night")
        self.assertEqual(temperatures(watch.wait_for(2)), [52, 53])
        shown = json.loads(self.twinctl("subscriptions", "show", "alarms", "-o", "json"))
        self.assertEqual([consumer["name"] for consumer in shown["consumers"]], ["night"])
        self.assertEqual(shown["filter"], {"condition": "new.temperature > 45"})
        status = json.loads(self.twinctl("status", "-o", "json"))["events"]
        self.assertEqual((status["subscribers"], status["namedSubscriptions"], status["lags"][0]["name"]), (1, 1, "alarms"))
        self.assertIn("1 subscriber, 0 behind", self.twinctl("status"))
        # Ctrl-C: what was printed is stored.
        watch.process.send_signal(signal.SIGINT)
        self.assertEqual(watch.finish(), 130)
        listed = json.loads(self.twinctl("subscriptions", "list", "-o", "json"))
        self.assertEqual([(each["name"], each["lagSequences"], each["consumers"]) for each in listed], [("alarms", 0, [])])
        # Back, and again.
        self.twinctl("subscriptions", "seek", "alarms", "oldest")
        watch = Watch(self.environment, "--subscription", "alarms", "--count", 4)
        self.assertEqual(watch.finish(), 0)
        self.assertEqual(temperatures(watch.events), [50, 51, 52, 53])
        self.assertIn("alarms", self.twinctl("subscriptions", "list"))
        self.twinctl("subscriptions", "delete", "alarms")
        self.assertEqual(json.loads(self.twinctl("subscriptions", "list", "-o", "json")), [])

    def test_consumers_share_the_twins(self):
        self.twinctl("subscriptions", "create", "work", "--path", "grade")
        watches = [Watch(self.environment, "--subscription", "work", "--consumer", name) for name in ("a", "b")]
        end = time.monotonic() + 60
        while time.monotonic() < end:
            consumers = json.loads(self.twinctl("subscriptions", "show", "work", "-o", "json"))["consumers"]
            if len(consumers) == 2:
                break
        self.assertEqual([consumer["sharePercent"] for consumer in consumers], [50, 50])
        for value in range(1, 6):
            for cell in range(3):
                self.patch(f"cell-{cell}", "grade", value)
        while sum(len(watch.events) for watch in watches) < 15 and time.monotonic() < end:
            time.sleep(0.01)
        for watch in watches:
            watch.process.send_signal(signal.SIGINT)
            self.assertEqual(watch.finish(), 130)
        grades = {}
        for watch in watches:
            of_watch = {}
            for event in watch.events:
                of_watch.setdefault(event["subject"], []).append(event["data"]["changes"][0]["new"])
            self.assertFalse(set(grades) & set(of_watch))
            grades.update(of_watch)
        self.assertEqual(grades, {f"cell-{cell}": [1, 2, 3, 4, 5] for cell in range(3)})

    def test_a_standing_query_follows_and_begins_anew(self):
        hot = "SELECT c.$dtId AS cell, c.temperature FROM DIGITALTWINS MATCH (c:Cell) WHERE c.temperature > @least"
        count = "SELECT COUNT() AS cells, MAX(c.temperature) AS hottest FROM DIGITALTWINS MATCH (c:Cell)"
        watches = [Watch(self.environment, "--query", hot, "--param", "least=45", "--interval", "100ms"),
                   Watch(self.environment, "--query", count, "--interval", "100ms")]

        def expect(hot_rows, count_row):
            for watch, expected in zip(watches, (hot_rows, [count_row])):
                end = time.monotonic() + 60
                while Rows().apply(watch.events) != expected and time.monotonic() < end:
                    time.sleep(0.02)
                self.assertEqual(Rows().apply(watch.events), expected)

        expect([], {"cells": 3, "hottest": None})
        self.send(1, 46)
        self.send(2, 44)
        expect([{"cell": "cell-1", "temperature": 46.0}], {"cells": 3, "hottest": 46.0})
        self.send(2, 50)
        self.send(1, 20)
        expect([{"cell": "cell-2", "temperature": 50.0}], {"cells": 3, "hottest": 50.0})
        self.restart()
        self.twinctl("twins", "delete", "cell-2")
        expect([], {"cells": 2, "hottest": 20.0})
        for watch in watches:
            rows = Rows()
            rows.apply(watch.events)
            self.assertEqual(rows.resets, 2)
            watch.process.send_signal(signal.SIGINT)
            self.assertEqual(watch.finish(), 130)
        refused = self.twinctl("watch", "--query", "SELECT c.$dtId FROM DIGITALTWINS c LIMIT 3", code=1)
        self.assertIn("ORDER BY", refused)

    def test_state_filters_and_forms(self):
        state = Watch(self.environment, "--state", "--count", 3)
        self.assertEqual(state.finish(), 0)
        self.assertEqual({event["subject"] for event in state.events}, {"cell-0", "cell-1", "cell-2"})
        self.assertEqual({event["type"] for event in state.events}, {"twingraph.twin.state.v1"})
        begin = state.events[-1]["cursor"]
        self.patch("cell-1", "grade", 3)
        self.patch("cell-1", "grade", 4)
        self.twinctl("twins", "delete", "cell-2")
        for arguments, expected in (([], ["cell-1", "cell-1", "cell-2"]), (["--type", "twin.deleted"], ["cell-2"]),
                                    (["--twin", "cell-1"], ["cell-1", "cell-1"]),
                                    (["old.grade = 3"], ["cell-1"])):
            with self.subTest(arguments):
                watch = Watch(self.environment, *arguments, "--from", begin, "--count", len(expected))
                self.assertEqual(watch.finish(), 0)
                self.assertEqual([event["subject"] for event in watch.events], expected)
        watch = Watch(self.environment, "old.grade = 3", "--from", begin, "--count", 1, "-o", "adt")
        self.assertEqual(watch.finish(), 0)
        self.assertEqual(watch.events[0]["type"], "Microsoft.DigitalTwins.Twin.Update")
        self.assertEqual(watch.events[0]["data"],
                         {"modelId": "dtmi:t:Cell;1", "patch": [{"value": 4, "path": "/grade", "op": "replace"}]})
        self.assertEqual(json.loads(self.twinctl("watch", "--from", "oldest", "--count", 1))["type"],
                         "twingraph.model.created.v1")
        text = self.twinctl("watch", "--from", begin, "--count", 2, "-o", "text")
        self.assertRegex(text, r"(?m)^\S+Z  cell-1  grade 3\n\S+Z  cell-1  grade 3 → 4\n")

    def test_what_is_wrong_is_said(self):
        for arguments, code, message in ((["new.temprature > 45"], 1, "did you mean 'temperature'"),
                                         (["--from", "nonsense"], 1, "resume token"),
                                         (["--path", "temprature"], 1, "did you mean 'temperature'"),
                                         (["--model", "Cel"], 1, "did you mean 'dtmi:t:Cell;1'"),
                                         (["--type", "twin.changed"], 2, "twin.updated"),
                                         (["--model", "dtmi:t:Nothing;1"], 1, "dtmi:t:Nothing;1"),
                                         (["--interval", "1ms"], 1, "event_interval_ms_min"),
                                         (["--subscription", "none"], 1, "there is no subscription none"),
                                         (["--subscription", "none", "--state"], 2, "only --consumer"),
                                         (["--consumer", "a"], 2, "--subscription")):
            with self.subTest(arguments):
                said = self.twinctl("watch", *arguments, code=code)
                self.assertIn(message, said)
                self.assertNotIn("to go on from here", said)


if __name__ == "__main__":
    unittest.main()
