#!/usr/bin/env python3
"""What ./test counts as passed, failed and skipped, on files in the form that ctest 3.25 writes."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts/junit_counts.py"
CASES = """<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="Linux-c++" tests="6" failures="1" disabled="1" skipped="3">
  <testcase name="a" status="run"><system-out>status=&quot;fail&quot;</system-out></testcase>
  <testcase name="b" status="run"/>
  <testcase name="c" status="fail"><failure message="Failed"/></testcase>
  <testcase name="d_NOT_BUILT" status="notrun">
    <skipped message="Unable to find executable: d"/></testcase>
  <testcase name="e" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/></testcase>
  <testcase name="f" status="disabled"><skipped message="Disabled"/></testcase>
</testsuite>
"""


def run(text):
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
        file.write(text)
        file.flush()
        return subprocess.run([sys.executable, "-B", SCRIPT, file.name], capture_output=True, text=True)


class JunitCountsTest(unittest.TestCase):
    def test_counts_a_test_that_could_not_start_as_failed(self):
        self.assertEqual(run(CASES).stdout, "2 2 2\n")

    def test_refuses_a_broken_file(self):
        self.assertNotEqual(run(CASES[:200]).returncode, 0)


if __name__ == "__main__":
    unittest.main()
