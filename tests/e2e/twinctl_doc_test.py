#!/usr/bin/env python3
"""docs/twinctl.md: its examples print what it says, and it has every command and option.

A block "```json NAME" is a file; a block "```console" has commands after "$ " and what they print, on both
streams. TWIN_UPDATE=1 rewrites what they print."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

DOCUMENT = pathlib.Path(__file__).parents[2] / "docs/twinctl.md"
BIN = os.environ["TWIN_BIN_DIR"]


def run_console(block, folder):
    """The block with what its commands print now."""
    printed, code = [], 0
    for command in re.findall(r"^\$ (.*)", block, re.M):
        done = subprocess.run(["bash", "-c", f"(exit {code}); {command}"], cwd=folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
                              env={"PATH": f"{BIN}:{os.environ['PATH']}"})
        code = done.returncode
        printed.append(f"$ {command}\n{done.stdout}")
    return "".join(printed)


def run_examples(text):
    with tempfile.TemporaryDirectory() as folder:
        def replace(match):
            kind, name, block = match.groups()
            if kind == "json" and name:
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block, encoding="utf-8")
            elif kind == "console":
                block = run_console(block, folder)
            return f"```{kind}{' ' + name if name else ''}\n{block}```"
        return re.sub(r"```(\w+)(?: (\S+))?\n(.*?)```", replace, text, flags=re.DOTALL)


def helps(command=()):
    """Each command with its help."""
    text = subprocess.run([f"{BIN}/twinctl", *command, "--help"], capture_output=True, encoding="utf-8",
                          check=True).stdout
    yield " ".join(["twinctl", *command]), text
    listed = re.search(r"^Commands:\n((?:  .*\n)+)", text, re.M)
    for name in re.findall(r"^  (\S+)", listed.group(1), re.M) if listed else ():
        yield from helps((*command, name))


class DocumentTest(unittest.TestCase):
    def test_examples_print_what_the_document_says(self):
        text = DOCUMENT.read_text(encoding="utf-8")
        now = run_examples(text)
        if os.environ.get("TWIN_UPDATE"):
            DOCUMENT.write_text(now, encoding="utf-8")
            return
        self.maxDiff = None
        self.assertEqual(now, text, "TWIN_UPDATE=1 rewrites the document")

    def test_every_command_and_option_is_there(self):
        text = DOCUMENT.read_text(encoding="utf-8")
        sections = dict(re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.M))
        for command, help_text in helps():
            if "\nCommands:\n" not in help_text:
                self.assertIn(command, sections)
            place = sections["Conventions"] + sections.get(command, "")
            for option in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", help_text):
                self.assertIn(f"`{option}", place.replace(" `", "`"), f"{command} {option}")

    def test_every_exit_code_is_there(self):
        header = (DOCUMENT.parents[1] / "clients/twinctl/console.h").read_text(encoding="utf-8")
        codes = set(re.findall(r"^  kExit\w+ = (\d+)", header, re.M))
        self.assertEqual(codes, set(re.findall(r"^\| (\d+) \|", DOCUMENT.read_text(encoding="utf-8"), re.M)))


if __name__ == "__main__":
    unittest.main()
