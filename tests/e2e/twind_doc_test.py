#!/usr/bin/env python3
"""docs/twind.md has every option of twind as its --help has it, and no other."""
import os
import pathlib
import re
import subprocess
import unittest

DOCUMENT = pathlib.Path(__file__).parents[2] / "docs/twind.md"
BIN = os.environ["TWIN_BIN_DIR"]

# "  --segment-bytes BYTES=67108864 (Env:TWIND_SEGMENT_BYTES)   size of a journal file (128 KiB to 1 GiB)"
OPTION = re.compile(r"--([a-z-]+)( [A-Z]+(?:=(\S+))?(?: REQUIRED)?(?: \.\.\.)?)?(?: \(Env:(\w+)\))? +(.*)")
ALLOWED = re.compile(r"(.*) \(([^()]+ (?:to|or) [^()]+)\)")


def helped():
    """Of each option: its section, default, what is allowed, what it is."""
    text = subprocess.run([f"{BIN}/twind", "--help"], capture_output=True, encoding="utf-8", check=True).stdout
    options, section = {}, None
    for line in re.sub(r"\n {20,}", " ", text).splitlines():
        if heading := re.fullmatch(r"(\w+):", line):
            section = "General" if heading.group(1) == "Options" else heading.group(1)
        elif option := OPTION.search(line):
            name, _, default, variable, what = option.groups()
            if name in ("help", "version"):
                continue
            assert variable in (None, "TWIND_" + name.upper().replace("-", "_")), line
            what, allowed = (ALLOWED.fullmatch(what) or re.fullmatch("(.*)()", what)).groups()
            options[name] = (section, default or "", allowed, what)
    return options


def documented():
    options, section = {}, None
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line[3:]
        elif line.startswith("| `--"):
            name, default, allowed, what = [cell.strip() for cell in line.split("|")[1:5]]
            options[name.strip("`-")] = (section, default.split(" (")[0], allowed, what)
    return options


class DocumentTest(unittest.TestCase):
    def test_every_option_as_it_is_helped(self):
        self.maxDiff = None
        self.assertGreater(len(helped()), 80)
        self.assertEqual(documented(), helped())


if __name__ == "__main__":
    unittest.main()
