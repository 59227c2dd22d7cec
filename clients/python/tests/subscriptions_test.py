#!/usr/bin/env python3
"""Named subscriptions and standing queries: each change is worked off once, and a result is always that of one state."""
import collections
import concurrent.futures
import threading
import time
import unittest

import grpc
import twingraph
from twingraph import Relationship, Twin
from twingraph.v1 import event_service_pb2 as pb, event_service_pb2_grpc as rpc

import server

PACK, MODULE = (f"dtmi:twingraph:battery:{name};1" for name in ("BatteryPack", "BatteryModule"))


class ServerTest(unittest.TestCase):
    def setUp(self):
        self.server = server.Server()
        self.addCleanup(self.server.close)
        self.graph = twingraph.connect(self.server.address)
        self.addCleanup(lambda: self.graph.close())
        self.graph.models.create(server.ROOT / "models/battery")

    def restart(self):
        self.server.stop()
        self.server.start()


class SubscriptionsTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.graph.twins.write([Twin(f"p{i}", PACK) for i in range(8)])
        self.subscriptions = self.graph.subscriptions
        self.subscriptions.create("health", "new.bmsSoh > 0")

    def report(self, *healths, twin="p0"):
        for health in healths:
            self.graph.twins.patch(twin, {"bmsSoh": health})

    @staticmethod
    def take(consumer, count, acknowledge=True):
        found = []
        for _ in range(count):
            found.append(next(consumer).changes[0].new)
            if acknowledge:
                consumer.acknowledge()
        return found

    def test_they_are_kept(self):
        for i in range(101):
            self.subscriptions.create(f"s{i:03}", types=["TWIN_CREATED"], twins=["p1"])
        self.restart()
        self.assertEqual([s.name for s in self.subscriptions.list()], ["health", *(f"s{i:03}" for i in range(101))])
        self.assertEqual(self.subscriptions.get("s003").filter.twin_ids, ["p1"])
        self.subscriptions.delete("s003")
        with self.assertRaisesRegex(twingraph.NotFound, "s003"):
            self.subscriptions.get("s003")
        with self.assertRaises(twingraph.AlreadyExists):
            self.subscriptions.create("health")
        with self.assertRaises(twingraph.InvalidArgument):
            self.subscriptions.create("not a name")
        with self.assertRaises(ValueError):
            self.subscriptions.seek("health", since=0, oldest=True)
        with self.assertRaises(twingraph.NotFound), self.subscriptions.consume("nobody") as consumer:
            next(consumer)

    def test_what_was_acknowledged_never_comes_again(self):
        self.report(90.0, 91.0, 92.0, 93.0)
        with self.subscriptions.consume("health", credit=1) as consumer:
            self.assertEqual(self.take(consumer, 2), [90.0, 91.0])
            self.assertEqual(self.take(consumer, 1, acknowledge=False), [92.0])
        self.assertRaises(StopIteration, next, consumer)
        self.assertEqual(len(self.subscriptions.get("health").consumers), 0)
        self.restart()
        with self.subscriptions.consume("health") as consumer:
            self.assertEqual(self.take(consumer, 2), [92.0, 93.0])
        self.assertEqual(self.subscriptions.get("health").lag_sequences, 0)

    def test_a_transaction_is_acknowledged_as_a_whole(self):
        self.graph.twins.write([Twin("m", MODULE), Relationship("p0", "hasModule", "m", "m")])
        self.subscriptions.create("gone", types=["TWIN_DELETED"])
        self.graph.twins.delete("p0", tree=True)
        for take in (1, 2):
            with self.subscriptions.consume("gone", credit=1) as consumer:
                found = []
                for _ in range(take):
                    found.append(next(consumer).subject)
                    consumer.acknowledge()
        self.assertEqual(sorted(found), ["m", "p0"])
        self.assertEqual(self.subscriptions.get("gone").lag_sequences, 0)

    def test_nothing_comes_twice_through_a_restart(self):
        with self.subscriptions.consume("health", credit=1) as consumer:
            self.report(90.0, 91.0, 92.0)
            self.assertEqual(self.take(consumer, 1), [90.0])
            self.assertEqual(self.take(consumer, 1, acknowledge=False), [91.0])
            self.restart()
            self.report(93.0)
            self.assertEqual(self.take(consumer, 2), [92.0, 93.0])  # acknowledges 91.0 as well
        with self.subscriptions.consume("health") as consumer:
            self.report(94.0)
            self.assertEqual(self.take(consumer, 1), [94.0])

    def test_a_seek_while_consuming(self):
        with self.subscriptions.consume("health") as consumer:
            self.report(90.0, 91.0)
            self.assertEqual(self.take(consumer, 2), [90.0, 91.0])
            self.subscriptions.seek("health", oldest=True)
            self.assertEqual(self.take(consumer, 2), [90.0, 91.0])
            self.subscriptions.seek("health")
            self.report(92.0)
            self.assertEqual(self.take(consumer, 1), [92.0])

    def test_consumers_share_the_twins(self):
        found = {"a": [], "b": []}
        consumers, ready, done = {}, threading.Barrier(3), threading.Event()

        def work(name):
            with self.subscriptions.consume("health", consumer=name) as consumer:
                consumers[name] = consumer
                ready.wait()
                for event in consumer:
                    consumer.acknowledge()
                    found[name].append(event.subject)
                    if sum(map(len, found.values())) == 80:
                        done.set()

        threads = [threading.Thread(target=work, args=(name,)) for name in found]
        for thread in threads:
            thread.start()
        ready.wait()
        while len(self.subscriptions.get("health").consumers) < 2:
            pass
        for i in range(10):
            for twin in range(8):
                self.report(50.0 + i, twin=f"p{twin}")
        self.assertTrue(done.wait(60))
        for consumer in consumers.values():
            consumer.close()  # from another thread than the one that waits in it
        for thread in threads:
            thread.join()
        self.assertFalse(set(found["a"]) & set(found["b"]))
        self.assertEqual(len(set(found["a"]) | set(found["b"])), 8)

    def test_acknowledged_with_a_token(self):
        kept = self.subscriptions.get("health")
        with self.graph.events.watch("new.bmsSoh > 0", resume_token=kept.resume_token) as watch:
            self.report(90.0, 91.0)
            token = next(watch).resume_token
        self.assertGreater(self.subscriptions.acknowledge("health", token).acknowledged_sequence, kept.acknowledged_sequence)
        with self.subscriptions.consume("health") as consumer:
            self.assertEqual(self.take(consumer, 1), [91.0])


class FakeEvents(rpc.EventServiceServicer):
    """Each connection plays the next of some scripts."""

    def __init__(self, *scripts):
        self.scripts = collections.deque(scripts)

    def StreamEvents(self, requests, context):
        yield from self.scripts.popleft()(requests, context)

    def Subscribe(self, request, context):
        yield from self.scripts.popleft()(request, context)


class ConnectionsThatAreLostTest(unittest.TestCase):
    def connect(self, *scripts):
        played = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        rpc.add_EventServiceServicer_to_server(FakeEvents(*scripts), played)
        port = played.add_insecure_port("127.0.0.1:0")
        played.start()
        self.addCleanup(played.stop, None)
        graph = twingraph.connect(f"127.0.0.1:{port}")
        self.addCleanup(graph.close)
        return graph

    @staticmethod
    def message(delivery, *sequences, acknowledged=0):
        return pb.StreamEventsResponse(delivery=delivery, acknowledged_delivery=acknowledged,
                                       events=[pb.Event(type=pb.TWIN_UPDATED, sequence=s) for s in sequences])

    @staticmethod
    def until_acknowledged(requests, delivery):
        while next(requests).acknowledged_delivery < delivery:
            pass

    def test_what_a_stopping_server_drops_is_made_again(self):
        def dropped(request, context):
            yield pb.SubscribeResponse(events=[pb.Event(type=pb.TWIN_UPDATED, sequence=1)], resume_token="one")
            context.abort(grpc.StatusCode.CANCELLED, "dropped")

        def resumed(request, context):
            self.assertEqual(request.resume_token, "one")
            yield pb.SubscribeResponse(events=[pb.Event(type=pb.TWIN_UPDATED, sequence=2)], resume_token="two")
            context.abort(grpc.StatusCode.NOT_FOUND, "the end")

        with self.connect(dropped, resumed).events.watch() as watch:
            self.assertEqual([next(watch).sequence, next(watch).sequence], [1, 2])
            with self.assertRaises(twingraph.NotFound):
                next(watch)

    def test_an_event_has_what_the_server_said(self):
        def told(request, context):
            self.assertEqual((request.filter.under, list(request.filter.under_relationships)), ("p", ["feeds"]))
            yield pb.SubscribeResponse(events=[
                pb.Event(type=pb.TWIN_UPDATED, sequence=1, model_id=MODULE, old_model_id=PACK, context=pb.Event.CURRENT),
                pb.Event(type=pb.MODEL_UPDATED, sequence=2, decommissioned=True)])

        with self.connect(told).events.watch(under="p", along=["feeds"]) as watch:
            moved, model = next(watch), next(watch)
        self.assertEqual((moved.old_model_id, moved.context, moved.decommissioned), (PACK, "CURRENT", False))
        self.assertEqual((model.old_model_id, model.context, model.decommissioned), ("", "EXACT", True))

    def test_a_call_that_is_cancelled_here_is_not(self):
        def silent(request, context):
            context.send_initial_metadata(())
            while context.is_active():
                time.sleep(0.01)
            yield from ()

        watch = self.connect(silent).events.watch()
        threading.Timer(0.1, watch.close).start()
        with self.assertRaises(StopIteration):
            next(watch)

    def test_what_came_again_twice_is_returned_once(self):
        """The second connection confirms a delivery before that of an event that had come over the first one."""
        message, until = self.message, self.until_acknowledged

        def first(requests, context):
            yield message(1, 1)
            yield message(2, 2)
            until(requests, 2)
            context.abort(grpc.StatusCode.UNAVAILABLE, "lost")

        def second(requests, context):
            yield message(1, 1)
            yield message(2, 2, acknowledged=1)
            until(requests, 2)
            context.abort(grpc.StatusCode.UNAVAILABLE, "lost")

        def third(requests, context):
            yield message(1, 2)
            yield message(2, 3)
            until(requests, 2)

        with self.connect(first, second, third).subscriptions.consume("s") as consumer:
            found = []
            for _ in range(3):
                found.append(next(consumer).sequence)
                consumer.acknowledge()
        self.assertEqual(found, [1, 2, 3])


class StandingQueryTest(ServerTest):
    WEAK = "SELECT p.$dtId AS pack, p.bmsSoh AS soh FROM DIGITALTWINS MATCH (p:BatteryPack) WHERE p.bmsSoh < @limit"

    def setUp(self):
        super().setUp()
        self.graph.twins.write([Twin(f"p{i}", PACK, {"bmsSoh": 70.0 + 10 * i}) for i in range(3)])

    def watch(self, text=WEAK):
        return self.graph.watch_query(text, {"limit": 85.0}, interval_ms=100)

    def test_rows_come_change_and_go(self):
        with self.watch() as watch:
            first = [next(watch) for _ in range(3)]
            self.assertEqual([change.kind for change in first], ["RESET", "ADDED", "ADDED"])
            rows = {change.row["pack"]: change for change in first[1:]}
            self.assertEqual({pack: change.row["soh"] for pack, change in rows.items()}, {"p0": 70.0, "p1": 80.0})
            self.assertEqual([column.name for column in watch.columns], ["pack", "soh"])
            self.assertEqual(watch.evaluated_whole_because, "")
            for health, kind in ((69.0, "CHANGED"), (90.0, "REMOVED"), (60.0, "ADDED")):
                self.graph.twins.patch("p0", {"bmsSoh": health})
                change = next(watch)
                self.assertEqual((change.kind, change.key), (kind, rows["p0"].key))
            self.assertEqual(change.row, {"pack": "p0", "soh": 60.0})
        self.assertRaises(StopIteration, next, watch)

    def test_results_through_a_restart(self):
        with self.watch() as watch:
            results = watch.results()

            def result():
                return sorted((row["pack"], row["soh"]) for row in next(results).values())

            self.assertEqual(result(), [("p0", 70.0), ("p1", 80.0)])
            self.graph.twins.patch("p2", {"bmsSoh": 84.0})
            self.assertEqual(result(), [("p0", 70.0), ("p1", 80.0), ("p2", 84.0)])
            self.restart()
            self.graph.twins.delete("p0")
            while (found := result()) != [("p1", 80.0), ("p2", 84.0)]:
                self.assertEqual(found, [("p0", 70.0), ("p1", 80.0), ("p2", 84.0)])
            for name in ("p1", "p2"):
                self.graph.twins.delete(name)
            while result():
                pass
        self.assertRaises(StopIteration, next, results)

    def test_a_result_without_rows_is_one(self):
        with self.watch("SELECT m FROM DIGITALTWINS MATCH (m:BatteryModule)") as watch:
            results = watch.results()
            self.assertEqual(next(results), {})
            self.graph.twins.write([Twin("m", MODULE), Relationship("p0", "hasModule", "m", "m")])
            self.assertEqual([row["m"]["$dtId"] for row in next(results).values()], ["m"])

    def test_closed_by_another_thread(self):
        with self.watch() as watch:
            for _ in range(3):
                next(watch)
            threading.Timer(0.1, watch.close).start()
            self.assertRaises(StopIteration, next, watch)

    def test_what_is_refused(self):
        with self.assertRaises(twingraph.InvalidArgument) as raised, self.watch("SELECT x FROM DIGITALTWINS") as watch:
            next(watch)
        self.assertIn("line", raised.exception.metadata)
        with self.assertRaises(twingraph.InvalidArgument), self.watch(self.WEAK + " LIMIT 1") as watch:
            next(watch)
        self.assertRaises(ValueError, self.graph.watch_query, self.WEAK, dialect="sql")


if __name__ == "__main__":
    unittest.main()
