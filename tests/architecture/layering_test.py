#!/usr/bin/env python3
"""Fails when a file includes a module that docs/layers.txt does not grant to its module."""
import graphlib
import os
import pathlib
import re
import tempfile
import unittest

ROOT = pathlib.Path(__file__).parents[2]


def read_layers(root):
    """The granted modules of each module, and those granted to every unit test and its fixture."""
    granted = {}
    for line in (root / "docs/layers.txt").read_text().splitlines():
        name, colon, modules = line.split("#")[0].strip().partition(":")
        if colon:
            granted[name] = set(modules.split())
    return granted, granted.pop("*_test.cc *_fixture.h", set())


def sources(root):
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if f != "build" and not f.startswith("."))
        for file in sorted(files):
            if file.endswith((".h", ".cc", ".inc")):
                yield pathlib.Path(folder, file).relative_to(root).as_posix()


def problems(root):
    granted, for_tests = read_layers(root)
    errors, used = [], set()

    def module_of(path):
        if path.startswith(("twingraph/v1/", "google/rpc/")):  # generated from proto/
            path = "proto/" + path
        return max((m for m in granted if path.startswith(m + "/")), key=len, default=None)

    for path in sources(root):
        module = module_of(path)
        if module is None:
            errors.append(f"{path}: its folder is not in docs/layers.txt")
            continue
        for number, line in enumerate((root / path).read_text().splitlines(), 1):
            include = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not include:
                continue
            target = module_of(include.group(1))
            if target is None and (root / path).parent.joinpath(include.group(1)).exists():
                errors.append(f"{path}:{number}: write the include from the repository's top")
            if target in (None, module) or (path.endswith(("_test.cc", "_fixture.h")) and target in for_tests):
                continue
            used.add((module, target))
            if target not in granted[module]:
                errors.append(f"{path}:{number}: {module} may not include {target}")

    errors += [f"docs/layers.txt: {m} -> {t} is granted but unused"
               for m in granted for t in sorted(granted[m]) if (m, t) not in used]
    errors += [f"docs/layers.txt: there is no folder {m}" for m in granted if not (root / m).is_dir()]
    try:
        graphlib.TopologicalSorter(granted).prepare()
    except graphlib.CycleError as error:
        errors.append("docs/layers.txt: a circle: " + " -> ".join(error.args[1]))
    return errors


class LayeringTest(unittest.TestCase):
    def test_this_repository(self):
        self.assertEqual(problems(ROOT), [])

    def test_each_rule_can_fail(self):
        for layers, file, text, expected in [
            ("a:\nb:", "a/x.cc", '#include "b/y.h"', "a/x.cc:1: a may not include b"),
            ("a:\nb:", "c/x.h", "", "c/x.h: its folder is not in docs/layers.txt"),
            ("a: b\nb:", "a/x.cc", "", "docs/layers.txt: a -> b is granted but unused"),
            ("a:\nb:\nc:", "a/x.cc", "", "docs/layers.txt: there is no folder c"),
            ("a:\nb:", "b/x.h", '\n#include "y.h"',
             "b/x.h:2: write the include from the repository's top"),
            ("a: b\nb: a", "a/x.cc", "", "docs/layers.txt: a circle: a -> b -> a"),
            ("a:\nb:\n*_test.cc *_fixture.h: b", "a/x.cc", '#include "b/y.h"', "a/x.cc:1: a may not include b"),
            ("a:\nb:\n*_test.cc *_fixture.h: b", "a/x_fixture.h", '#include "b/y.h"', None),
            ("a:\nb:\n*_test.cc *_fixture.h: b", "a/x_test.cc", '#include "b/y.h"', None),
            ("a: b\nb:", "a/x.cc", '#include "b/y.h"\n#include <vector>', None),
        ]:
            with self.subTest(expected), tempfile.TemporaryDirectory() as folder:
                root = pathlib.Path(folder)
                for name in ("a", "b", "docs", pathlib.Path(file).parent.name):
                    (root / name).mkdir(exist_ok=True)
                (root / "docs/layers.txt").write_text(layers)
                (root / "b/y.h").touch()
                (root / file).write_text(text)
                if expected:
                    self.assertIn(expected, problems(root))
                else:
                    self.assertEqual(problems(root), [])


if __name__ == "__main__":
    unittest.main()
