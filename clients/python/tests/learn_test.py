#!/usr/bin/env python3
"""Splits, intervals, training and evaluation, on cells made here."""
import concurrent.futures
import contextlib
import dataclasses
import gzip
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import numpy as np
import pandas as pd
import xgboost

from twingraph import train
from twingraph.evaluate import __main__ as evaluate, coulomb, datasets, make_trained, plan, tasks, trained
from twingraph.learn import booster, conformal, features, folds, similarity, validation
from twingraph.predictors import CardError, load, units

DATA = os.environ.get("TWINGRAPH_DATA")
UNITS_FILE = pathlib.Path(__file__).resolve().parents[3] / "models/dtdl/quantities_units.inc"


def made_cells(count, rows=60, seed=3):
    """Cells that fade, each at its own pace and from its own start; their charges show it with noise."""
    random = np.random.RandomState(seed)
    parts = []
    for cell in range(count):
        pace, first = random.uniform(0.1, 0.4), random.uniform(0.95, 1.05)
        soh = 100 - pace * np.arange(rows)
        parts.append(pd.DataFrame({
            "cell_id": f"cell-{cell}", "row": np.arange(rows), "capacity_ah": 1.1 * soh / 100,
            "cc_time_s": first * 10 * soh + random.normal(0, 2, rows), "v_mean": 3.4 + first * 0.01 - soh / 1e4,
            "n_cycles_total": rows}))
    return pd.concat(parts, ignore_index=True)


class LackingTest(unittest.TestCase):
    def test_an_interpreter_without_the_packages(self):
        for module in ("twingraph.train", "twingraph.evaluate", "twingraph.predictors"):
            # -S: without what Debian's packages installed.
            done = subprocess.run([sys.executable, "-S", "-m", module, *{
                "twingraph.train": ["/dev/null", "--target", "x", "--out", "/nowhere/new"],
                "twingraph.evaluate": ["/"], "twingraph.predictors": ["show", "/nowhere"]}[module]],
                capture_output=True, text=True, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertRegex(done.stderr, r"has no module numpy; on Debian: apt-get install python3-numpy, and use /usr/bin/python3$")


class FoldsTest(unittest.TestCase):
    def test_a_cell_is_in_one_fold(self):
        cells = np.repeat([f"c{i}" for i in range(11)], 7)
        numbers = folds.fold_numbers(cells, 4)
        self.assertEqual({len(set(numbers[cells == c])) for c in set(cells)}, {1})
        self.assertEqual(sorted(set(numbers)), [0, 1, 2, 3])

    def test_one_cell_cannot_be_divided(self):
        with self.assertRaisesRegex(ValueError, "not trained on"):
            folds.fold_numbers(np.array(["a"] * 9), 3)


class FeaturesTest(unittest.TestCase):
    def test_they_do_not_look_ahead(self):
        rows = made_cells(2)
        whole = features.history_features(rows, ["cc_time_s", "v_mean"])
        for count in (1, 4, 30):
            part = rows[rows.row < count]
            pd.testing.assert_frame_equal(features.history_features(part, ["cc_time_s", "v_mean"]), whole.loc[part.index])


class BoosterTest(unittest.TestCase):
    def test_threads_may_share_one_that_nobody_has_used(self):
        random = np.random.RandomState(5)
        rows = random.uniform(size=(400, 3))
        trained = booster.fit(rows, rows.sum(axis=1), np.repeat(np.arange(20), 20), booster.Settings(trees=20))
        saved, expected = trained.save_raw("json"), booster.predict(trained, rows)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for _ in range(10):
                fresh = xgboost.Booster(model_file=saved)
                for got in pool.map(lambda _, fresh=fresh: booster.predict(fresh, rows), range(200)):
                    np.testing.assert_array_equal(got, expected)


class ConformalTest(unittest.TestCase):
    def test_as_many_lie_inside_as_it_says(self):
        random = np.random.RandomState(5)
        value = random.uniform(50, 100, 20_000)
        truth = value + random.normal(0, 1, 20_000) * (110 - value) / 10
        cells = np.repeat(np.arange(200), 100)
        half = len(value) // 2
        interval = conformal.calibrate(truth[:half], value[:half], cells[:half])
        lo, hi = interval.bounds(value[half:])
        self.assertAlmostEqual(np.mean((lo <= truth[half:]) & (truth[half:] <= hi)), 0.9, delta=0.02)
        self.assertGreater(interval.half_width(60), 1.5 * interval.half_width(95))  # old cells are less certain


class ValidationTest(unittest.TestCase):
    def test_no_model_has_seen_what_it_is_asked_about(self):
        """A label that is the cell's name in disguise cannot be known of another cell."""
        random = np.random.RandomState(1)
        cells = np.repeat([f"c{i}" for i in range(12)], 30)
        secret = np.repeat(random.normal(0, 1, 12), 30)
        problem = validation.Problem(secret[:, None] + np.zeros((360, 1)), np.repeat(random.normal(0, 1, 12), 30), cells)
        held = validation.cross_validate(problem, folds=6)
        self.assertGreater(np.sqrt(np.mean((held.value - problem.truth) ** 2)), 0.5)
        again = validation.cross_validate(problem, folds=6)
        np.testing.assert_array_equal(held.value, again.value)

    def test_two_cells_are_too_few(self):
        problem = validation.Problem(np.zeros((4, 1)), np.zeros(4), np.array(["a", "a", "b", "b"]))
        with self.assertRaisesRegex(ValueError, "3 cells"):
            validation.cross_validate(problem)


class SimilarityTest(unittest.TestCase):
    def test_the_same_history_slower(self):
        cycles = np.arange(0, 1000, 5.0)
        library = [similarity.history("a", cycles, 1.1 - 0.3 * (cycles / 1000) ** 2, 1000.0),
                   similarity.history("b", cycles, 1.1 - 0.3 * (cycles / 1000), 1000.0)]
        slow = np.arange(0, 600, 5.0)
        seen = similarity.history("c", slow, 1.1 - 0.3 * (slow / 1200) ** 2)
        self.assertAlmostEqual(similarity.remaining_life(seen, library, neighbours=1), 600, delta=40)

    def test_nothing_alike(self):
        cycles = np.arange(0, 50, 5.0)
        library = [similarity.history("a", cycles, 1 - cycles / 100, 50.0)]
        seen = similarity.history("b", np.arange(0, 500, 5.0), np.ones(100))
        self.assertTrue(np.isnan(similarity.remaining_life(seen, library)))


class TrainTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.rows = made_cells(12).drop(columns=["n_cycles_total"])
        self.rows.to_csv(self.folder / "data.csv", index=False)

    def train(self, *more, out="soh-made"):
        text = io.StringIO()
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            code = train.main([str(self.folder / "data.csv"), "--target", "capacity_ah", "--scale", str(100 / 1.1),
                               "--features", "cc_time_s:second!", "v_mean:volt", "--trees", "60", "--limits", "0", "110",
                               "--out", str(self.folder / out), *more])
        return code, text.getvalue()

    def test_a_model_with_its_card(self):
        code, text = self.train("--history")
        self.assertEqual(code, 0, text)
        card = json.loads((self.folder / "soh-made/card.json").read_text())
        metrics = card["predictor"]["held_out_metrics"]
        self.assertEqual((metrics["cells"], metrics["points"]), (12, 720))
        self.assertLess(metrics["rmse"], 2)
        self.assertGreater(metrics["coverage"], 0.8)
        self.assertEqual(card["split"]["unit"], "cell")
        self.assertEqual(card["predictor"]["features"][0],
                         {**card["predictor"]["features"][0], "name": "cc_time_s", "unit": "second", "required": True})
        predictor = load(self.folder / "soh-made")
        self.assertEqual(len(predictor.description.features), 2 * 7)

    def test_what_it_refuses(self):
        self.assertEqual(self.train()[0], 0)
        with self.assertRaises(SystemExit):
            self.train()
        code, text = self.train("--cell", "vin", out="other")
        self.assertEqual((code, "no column vin" in text), (1, True), text)
        code, text = self.train("--where", "cell_id == 'cell-1'", out="other")
        self.assertEqual((code, "3 cells are needed" in text or "not trained on" in text), (1, True), text)
        self.assertFalse((self.folder / "other").exists())

    def test_unusable_tables(self):
        code, text = self.train("--folds", "2", out="other")
        self.assertEqual((code, "--folds 2" in text), (1, True), text)
        code, text = self.train("--features", "cc_time_s:secnd", out="other")
        self.assertEqual((code, "did you mean second?" in text), (1, True), text)
        code, _ = self.train("--features", "cc_time_s", out="plain")
        self.assertEqual(code, 0)
        self.rows.assign(capacity_ah="much").to_csv(self.folder / "data.csv", index=False)
        self.assertEqual(self.train(out="other")[0], 1)
        self.rows.head(0).to_csv(self.folder / "data.csv", index=False)
        code, text = self.train(out="other")
        self.assertEqual((code, "no row with a number" in text), (1, True), text)

    def test_damaged_folders(self):
        self.assertEqual(self.train()[0], 0)
        folder = self.folder / "soh-made"
        card = json.loads((folder / "card.json").read_text())
        for change, message in [({"card_version": 2}, "card_version 2"), ({"model": {}}, "card.json"),
                                ({"outputs": [{**card["outputs"][0], "transform": "cube"}]}, "cube"),
                                ({"predictor": {**card["predictor"], "feature_schema_hash": "0"}}, "feature_schema_hash")]:
            (folder / "card.json").write_text(json.dumps({**card, **change}))
            with self.subTest(message), self.assertRaisesRegex(CardError, message):
                load(folder)
        (folder / "card.json").write_text(json.dumps(card))
        (folder / "model.json").write_text((folder / "model.json").read_text() + " ")
        with self.assertRaisesRegex(CardError, "not the file"):
            load(folder)
        with self.assertRaisesRegex(CardError, "card.json"):
            load(self.folder)


class UnitsTest(unittest.TestCase):
    @unittest.skipUnless(UNITS_FILE.is_file(), "not beside the server's source")
    def test_they_are_the_servers(self):
        self.assertEqual(units.UNITS, set(re.findall(r'^\s*{"(\w+)"', UNITS_FILE.read_text(), re.MULTILINE)))


class TrainedTest(unittest.TestCase):
    """Models of some cells, beside an evaluation of others."""

    SETTINGS = booster.Settings(trees=30)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self._enter(mock.patch.object(trained, "FOLDER", self.folder))
        self.known = self.labelled(made_cells(9, rows=40))
        trained.save_model("soh", self.known, *tasks.soh_problem(self.known), self.SETTINGS, self.folder)

    def _enter(self, manager):
        manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)

    @staticmethod
    def labelled(rows):
        return datasets._labelled(rows, 1.1, "x")

    def begun(self, rows):
        features, problem = tasks.soh_problem(rows)
        return trained.begin_with("soh", rows, features, problem)

    def test_a_cell_that_trained_it_is_known_again(self):
        random = np.random.RandomState(2)
        for change in (lambda rows: rows, lambda rows: rows.assign(cell_id="z" + rows.cell_id),
                       lambda rows: rows[rows.row < 9], lambda rows: rows[random.uniform(size=len(rows)) < 0.3],
                       lambda rows: rows.assign(capacity_ah=rows.capacity_ah.round(5))):
            self.assertIsNone(self.begun(self.labelled(change(made_cells(9, rows=40)))).prior)

    def test_others_begin_with_it(self):
        rows = self.labelled(made_cells(4, rows=40, seed=8))
        problem = self.begun(rows)
        self.assertEqual(problem.prior.cells, 9)
        self.assertLess(np.sqrt(np.mean((problem.prior.value - problem.truth) ** 2)), 2)
        alone = tasks.soh_problem(rows)[1]

        def error(of):
            return np.sqrt(np.mean((validation.cross_validate(of, self.SETTINGS).value - of.truth) ** 2))
        self.assertLess(error(problem), error(alone))

    def test_a_mixture(self):
        both = pd.concat([made_cells(9, rows=40), made_cells(4, rows=40, seed=8).assign(cell_id=lambda r: "new" + r.cell_id)])
        rows = self.labelled(both)
        value = self.begun(rows).prior.value
        self.assertEqual(rows.cell_id[~np.isnan(value)].nunique(), 4)

    def test_one_that_is_no_good_is_not_used(self):
        rows = self.labelled(made_cells(12, rows=40, seed=8))
        alone = tasks.soh_problem(rows)[1]
        bad = validation.Prior(np.random.RandomState(4).uniform(0, 120, len(rows)), 50, conformal.Interval(0.9, 1, 0, 1))
        begun = dataclasses.replace(alone, prior=bad)
        expected = validation.cross_validate(alone, self.SETTINGS)
        np.testing.assert_array_equal(validation.cross_validate(begun, self.SETTINGS).value, expected.value)

    def test_few_cells_have_its_interval(self):
        problem = self.begun(self.labelled(made_cells(4, rows=40, seed=8)))
        wide = dataclasses.replace(problem, prior=dataclasses.replace(problem.prior, interval=conformal.Interval(0.9, 30, 0, 30)))
        held, wider = (validation.cross_validate(of, self.SETTINGS) for of in (problem, wide))
        np.testing.assert_array_equal(held.value, wider.value)
        self.assertGreater((wider.hi - wider.lo).mean(), (held.hi - held.lo).mean() + 10)

    def test_made_lives(self):
        trained.save_lives("lives", self.known, tasks.lives_of(self.known), self.folder)
        lives, unseen = trained.made_lives("lives", self.known)
        self.assertEqual((len(lives), unseen), (trained.MADE_LIVES, set()))
        self.assertTrue(all(np.isfinite(life.health).all() and life.life > 0 for life in lives))
        other = self.labelled(made_cells(3, rows=40, seed=8))
        self.assertEqual(len(trained.made_lives("lives", other)[1]), 3)

    def test_another_format_is_refused(self):
        file = self.folder / "soh.json.gz"
        kept = json.loads(gzip.decompress(file.read_bytes()))
        file.write_bytes(gzip.compress(json.dumps({**kept, "format": "x"}).encode()))
        with self.assertRaisesRegex(ValueError, "make it anew"):
            self.begun(self.labelled(made_cells(4, rows=40, seed=8)))

    def test_early_life_without_training_cells(self):
        trained.save_line("line", trained.Line(-0.5, 1.5, 41), self.folder)
        (self.folder / "severson_mit").mkdir()
        lives, curves = [], []
        for cell in range(4):
            change = np.linspace(0, 1, 10) * (cell + 1) / 50
            for cycle, curve in ((10, np.zeros(10)), (100, change)):
                if cell < 3 or cycle == 10:  # the last has none of cycle 100
                    curves.append({"cell_id": f"c{cell}", "cycle": cycle, **{f"q_{i}": q for i, q in enumerate(curve)}})
            life = 10 ** (1.5 - 0.5 * np.log10(pd.Series(change).var()))
            lives.append({"cell_id": f"c{cell}", "split": "test1", "cycle_life": life})
        pd.DataFrame(curves).to_csv(self.folder / "severson_mit/test_qv_curves.csv", index=False)
        pd.DataFrame(lives).to_csv(self.folder / "severson_mit/test_cycle_life.csv", index=False)
        datasets.left_out()
        figures = tasks.early_life(self.folder, None, "line")
        self.assertEqual([(f.task, f.cells) for f in figures], [("early life Severson, test1", 3)])
        self.assertAlmostEqual(figures[0].value, 0, places=6)
        self.assertIn("1 cells without curves of cycles 10 and 100", "".join(datasets.left_out()))
        with self.assertRaisesRegex(datasets.Missing, "--train DIR"):
            tasks.early_life(self.folder, None)

    def test_those_of_the_package(self):
        self._enter(mock.patch.object(trained, "FOLDER", pathlib.Path(trained.__file__).with_name("trained_models")))
        for name in (*plan.SOH_TRAINED.values(), plan.RUL_TRAINED, plan.LIVES_TRAINED, plan.EARLY_LIFE_TRAINED):
            self.assertIsNotNone(trained._load(name), name)
        self.assertGreater(trained.load_line(plan.EARLY_LIFE_TRAINED).trained_on, 8)
        with contextlib.redirect_stderr(io.StringIO()), self.assertRaises(SystemExit):
            make_trained.main([])


class EvaluateTest(unittest.TestCase):
    def run_on(self, folder, *more):
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            code = evaluate.main([str(folder), *more])
        return code, out.getvalue()

    def test_a_folder_of_its_form(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "hust_lfp").mkdir()
            made_cells(9, rows=40).to_csv(folder / "hust_lfp/per_5th_cycle_features.csv", index=False)
            code, text = self.run_on(folder, "--json", "--quick")
            report = json.loads(text)
            tasks = {figure["task"] for figure in report["figures"]}
            self.assertIn("SoH HUST", tasks)
            self.assertIn("RUL HUST, any age", tasks)
            self.assertIn("no xjtu_ncm/per_cycle_features.csv", report["skipped"])
            self.assertEqual(code, int(any(f.get("passed") is False for f in report["figures"])))

    def test_what_cannot_be_used_is_skipped(self):
        rows = made_cells(9, rows=40)
        cells = rows.cell_id.unique()
        for broken, reason in (
                (rows[rows.cell_id == cells[0]].to_csv(index=False), "has 1 cells with a capacity, fewer than 3"),
                (rows[rows.cell_id.isin(cells[:2])].to_csv(index=False), "has 2 cells with a capacity, fewer than 3"),
                (rows.head(0).to_csv(index=False), "has 0 cells with a capacity, fewer than 3"),
                (rows.drop(columns="capacity_ah").to_csv(index=False), "has no column capacity_ah"),
                ("", "cannot be read: No columns to parse from file"),
                (rows.assign(capacity_ah="much").to_csv(index=False), "360 rows without a usable capacity_ah")):
            with self.subTest(reason), tempfile.TemporaryDirectory() as name:
                folder = pathlib.Path(name)
                for source, file, text in (("xjtu_ncm", "per_cycle_features.csv", broken),
                                           ("nasa_pcoe", "per_cycle_capacity.csv", "cell_id,cycle,capacity_ah\nB,1,2\nB,2,2\n"),
                                           ("nasa_pcoe", "B_discharge_curves.csv", self.discharges())):
                    (folder / source).mkdir(exist_ok=True)
                    (folder / source / file).write_text(text)
                code, text = self.run_on(folder, "--json", "--quick")
                report = json.loads(text)
                self.assertEqual([f["task"] for f in report["figures"]], ["SoH NASA, counted on a discharge"], report)
                self.assertEqual(len([s for s in report["skipped"] if reason in s]), 1, report["skipped"])
                self.assertNotEqual(code, 2)

    def test_imperfect_rows_are_left_out_and_counted(self):
        rows = made_cells(4, rows=12).drop(columns="n_cycles_total")
        bad = rows.assign(note="x", empty=np.nan).astype({"row": object})
        bad.loc[0, "cell_id"] = np.nan
        bad.loc[1, "capacity_ah"] = np.inf
        bad.loc[2, "row"] = "2x"
        bad = pd.concat([bad, bad.tail(1)]).iloc[::-1]
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name) / "xjtu_ncm"
            folder.mkdir()
            for file in ("per_cycle_features.csv", "per_cycle_features.csv.gz"):
                bad.to_csv(folder / file, index=False)
            datasets.left_out()
            found, said = datasets.xjtu(folder.parent), "\n".join(datasets.left_out())
            self.assertEqual(len(found), len(rows) - 3)
            self.assertTrue(found.groupby("cell_id").row.apply(lambda r: r.is_monotonic_increasing).all())
            for text in ("1 rows without a usable cell_id", "1 rows without a usable capacity_ah", "1 rows without a usable row",
                         "1 rows whose cell_id and row", "columns without numbers: empty, note", "without .gz"):
                self.assertIn(text, said)

    def test_names_and_columns_change_nothing(self):
        rows = made_cells(4, rows=12)
        new = rows.assign(cell_id=rows.cell_id.map({f"cell-{i}": f"z{9 - i}" for i in range(4)}))[sorted(rows, reverse=True)]
        pd.testing.assert_frame_equal(datasets._labelled(rows[sorted(rows)], 1.1, "x"), datasets._labelled(new, 1.1, "x"))

    def test_training_cells_that_are_tested_are_left_out(self):
        rows = made_cells(5, rows=12)
        more = pd.concat([rows[rows.cell_id == "cell-1"].assign(cell_id="other"), made_cells(2, rows=12, seed=8)])
        found = datasets._labelled(rows, 1.1, "x", more)
        self.assertEqual(found.groupby("cell_id").train_only.first().sum(), 2)
        self.assertEqual(found[~found.train_only].cell_id.nunique(), 5)

    @staticmethod
    def discharges():
        """Two, of 2 A for an hour."""
        return "cycle,time_s,current_a,voltage_v\n" + "".join(
            f"{cycle},{i * 36},-2,{4.2 - 0.015 * i}\n" for cycle in (1, 2) for i in range(101))

    def test_cells_of_another_folder_train(self):
        with tempfile.TemporaryDirectory() as name:
            for part, cells in (("tested", made_cells(4, rows=30)), ("training", made_cells(9, rows=30, seed=8))):
                (pathlib.Path(name) / part / "hust_lfp").mkdir(parents=True)
                cells.to_csv(pathlib.Path(name) / part / "hust_lfp/per_5th_cycle_features.csv", index=False)
            found = {}
            for more in ((), ("--train", f"{name}/training")):
                _, text = self.run_on(pathlib.Path(name) / "tested", "--json", "--quick", "--alone", *more)
                found[bool(more)] = next(f for f in json.loads(text)["figures"] if (f["task"], f["name"]) == ("SoH HUST", "RMSE"))
            self.assertEqual([found[more]["cells"] for more in (False, True)], [4, 4])
            self.assertLess(found[True]["value"], found[False]["value"])

    def test_curves_in_any_order_of_time(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name) / "nasa_pcoe"
            folder.mkdir()
            (folder / "per_cycle_capacity.csv").write_text("cell_id,cycle,capacity_ah\nB,1,2\nB,2,2\n")
            values = []
            for _ in range(2):
                head, *lines = self.discharges().strip().split("\n")
                lines = lines if not values else lines[::-1]
                (folder / "B_discharge_curves.csv").write_text("\n".join([head, *lines]) + "\n")
                values.append(next(iter(coulomb.nasa(pathlib.Path(name)))).value)
            self.assertEqual(values[0], values[1])

    def test_nothing_to_measure(self):
        with tempfile.TemporaryDirectory() as folder:
            code, text = self.run_on(folder)
            self.assertEqual((code, "0 bars held" in text), (2, True), text)

    @unittest.skipUnless(DATA, "TWINGRAPH_DATA is not set")
    def test_the_bars(self):
        code, text = self.run_on(pathlib.Path(DATA) / "battery", "--quick")
        self.assertEqual(code, 0, text)


if __name__ == "__main__":
    unittest.main()
