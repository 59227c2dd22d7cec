#!/usr/bin/env python3
"""docs/twind.md has every option of twind with its default, and no other."""
import os
import pathlib
import re
import subprocess
import unittest

DOCUMENT = pathlib.Path(__file__).parents[2] / "docs/twind.md"
BIN = os.environ["TWIN_BIN_DIR"]


def helped():
    text = subprocess.run([f"{BIN}/twind", "--help"], capture_output=True, encoding="utf-8", check=True).stdout
    options = re.findall(r"^  (?:-\w,)?--([a-z-]+)(?: [^=\n(]*?(?::[^=\n]*)?=(\S+))?", text, re.M)
    return {name: default for name, default in options if name not in ("help", "version")}


def documented():
    rows = re.findall(r"^\| `--([a-z-]+)` \| ([^|(]*)", DOCUMENT.read_text(encoding="utf-8"), re.M)
    return {name: default.strip() for name, default in rows}


class DocumentTest(unittest.TestCase):
    def test_every_option_with_its_default(self):
        self.maxDiff = None
        self.assertGreater(len(helped()), 80)
        self.assertEqual(documented(), helped())


if __name__ == "__main__":
    unittest.main()
