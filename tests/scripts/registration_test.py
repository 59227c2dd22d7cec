#!/usr/bin/env python3
"""Configuring fails on a test file that no target runs (cmake/TwinRegistered.cmake)."""
import pathlib
import subprocess
import tempfile
import unittest

MODULE = pathlib.Path(__file__).parents[2] / "cmake/TwinRegistered.cmake"


class RegistrationTest(unittest.TestCase):
    def refuse_unregistered(self, files, registered):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder).resolve()
            for file in files:
                (root / file).parent.mkdir(parents=True, exist_ok=True)
                (root / file).touch()
            paths = ";".join(str(root / file) for file in registered)
            (root / "CMakeLists.txt").write_text(
                "cmake_minimum_required(VERSION 3.25)\nproject(trial LANGUAGES NONE)\n"
                f'include({MODULE})\ntwin_refuse_unregistered({root} "{paths}")\n')
            return subprocess.run(["cmake", "-G", "Ninja", "-S", root, "-B", root / "build"],
                                  capture_output=True, text=True)

    def test_every_kind_is_found(self):
        for file in ("a/b/x_test.cc", "a/x_bench.cc", "a/x_fuzz.cc", "tests/c/x_test.py"):
            with self.subTest(file):
                refused = self.refuse_unregistered([file, "a/y_test.cc"], ["a/y_test.cc"])
                self.assertNotEqual(refused.returncode, 0)
                self.assertIn(file, refused.stderr)
                self.assertNotIn("y_test.cc", refused.stderr)

    def test_registered_and_other_files_are_fine(self):
        fine = self.refuse_unregistered(["a/x_test.cc", "a/x.cc", "build/z_test.cc"], ["a/x_test.cc"])
        self.assertEqual((fine.returncode, fine.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
