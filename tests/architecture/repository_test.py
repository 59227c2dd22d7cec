#!/usr/bin/env python3
"""Fails when the documents say something of the repository that is not so."""
import os
import pathlib
import re
import tempfile
import unittest

ROOT = pathlib.Path(__file__).parents[2]


def files(root):
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in ("build", ".git", ".cache", "__pycache__"))
        for name in sorted(names):
            yield pathlib.Path(folder, name).relative_to(root)


def documents(root):
    return [f for f in files(root) if f.suffix == ".md"]


def dead_links(root):
    """Relative links of the documents lead to files."""
    for document in documents(root):
        text = re.sub(r"```.*?```|`[^`\n]*`", "", (root / document).read_text(), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if "://" not in target and not (root / document.parent / target).exists():
                yield f"{document}: no file {target}"


def dead_commands(root):
    """Commands in the documents' sh blocks that start with a path name a program that exists."""
    targets = {name for f in files(root) if f.name == "CMakeLists.txt"
               for name in re.findall(r"(?:twin_program|add_executable)\((\w+)", (root / f).read_text())}
    for document in documents(root):
        for block in re.findall(r"^```sh\n(.*?)^```", (root / document).read_text(), re.DOTALL | re.M):
            for command in re.findall(r"^(?:\$ )?(\S*/\S+)", block, re.M):
                built = re.fullmatch(r"build/\w+/bin/(\w+)", command)
                known = built.group(1) in targets if built else os.access(root / command, os.X_OK)
                if not known:
                    yield f"{document}: no program {command}"


def misnumbered_decisions(root):
    """docs/decisions/NNNN-*.md count from 0001 without a gap or a double."""
    names = sorted(f.name for f in (root / "docs/decisions").glob("*.md"))
    for number, name in enumerate(names, 1):
        if not name.startswith(f"{number:04}-"):
            yield f"docs/decisions/{name}: expected number {number:04}"


def wrong_folders(root):
    """The folder list of docs/architecture.md ("```folders") is the tree, two levels deep; what its
    list "```planned" names is not there yet. A folder that holds nothing but CMakeLists.txt and
    folders needs no line."""
    text = (root / "docs/architecture.md").read_text()

    def listed(kind):
        block = re.search(rf"^```{kind}\n(.*?)^```", text, re.DOTALL | re.M)
        return set(re.findall(r"^(\S+)/ ", block.group(1), re.M)) if block else set()

    tree = {"/".join(f.parts[:-1][:2]) for f in files(root) if f.name != "CMakeLists.txt"} - {""}
    for folder in sorted(tree - listed("folders")):
        yield f"docs/architecture.md: {folder}/ is not in its list"
    for folder in sorted(listed("folders") - tree):
        yield f"docs/architecture.md: {folder}/ does not exist"
    for folder in sorted(listed("planned") & tree):
        yield f"docs/architecture.md: {folder}/ exists and is listed as planned"


def unsorted_glossary(root):
    """The terms of docs/glossary.md are in alphabetical order, each once."""
    terms = re.findall(r"^\| (.+?) \|", (root / "docs/glossary.md").read_text(), re.M)[1:]
    for term, following in zip(terms, terms[1:]):
        if term.lower() >= following.lower():
            yield f"docs/glossary.md: {following} stands after {term}"


def unused_terms(root):
    """Each term of docs/glossary.md is a word of another document, or of a header."""
    texts = [(root / f).read_text().lower() for f in files(root)
             if f.suffix in (".md", ".h", ".proto") and f.as_posix() != "docs/glossary.md"]
    for term in re.findall(r"^\| (.+?) \|", (root / "docs/glossary.md").read_text(), re.M)[1:]:
        word = re.compile(rf"(?<![a-z]){re.escape(term.lower())}")
        if not any(word.search(text) for text in texts):
            yield f"docs/glossary.md: {term} is used nowhere"


def incomplete_decisions(root):
    """What CONTRIBUTING asks of a decision, by whatever name its parts have."""
    for document in sorted((root / "docs/decisions").glob("*.md")):
        text = document.read_text()
        for part in ("Problem", "Criteria|What was weighed", "Choice", "Cost|What it costs",
                     "Would change our mind|What would change our mind"):
            if not re.search(rf"^(?:## |\*\*)(?:{part})", text, re.M):
                yield f"{document.relative_to(root)}: no {part.split('|', maxsplit=1)[0]}"


def unlisted_locks(root):
    """Each class with a mutex has its place in the lock order of docs/architecture.md."""
    order = re.search(r"^Lock order, (.*?)^## ", (root / "docs/architecture.md").read_text(), re.M | re.DOTALL).group(1)
    for file in files(root):
        if file.suffix not in (".h", ".cc") or re.search(r"_(test|bench|fixture)\.|^tests/", file.as_posix()):
            continue
        lines = (root / file).read_text().splitlines()
        for number, line in enumerate(lines):
            member = re.match(r"( +)(?:mutable )?Mutex \w+;", line)
            if member:
                owner = innermost_class(lines[:number], len(member.group(1)))
                if owner and not re.search(rf"\b{re.escape(owner)}\b", order):
                    yield f"{file}:{number + 1}: {owner} is not in the lock order"


def innermost_class(lines, indent):
    """The class around what stands below the lines, indented so far; None: it is a function's."""
    for line in reversed(lines):
        opened = re.match(r"( *)(?:class|struct) (?:ABSL_\w+(?:\([^)]*\))? )?([\w:]+)[^;]*$", line)
        if opened and len(opened.group(1)) < indent:
            return opened.group(2)
        if line.startswith("}"):
            return None
    return None


RULES = (dead_links, dead_commands, misnumbered_decisions, wrong_folders, unsorted_glossary, unused_terms,
         incomplete_decisions, unlisted_locks)


class RepositoryTest(unittest.TestCase):
    def test_this_repository(self):
        for rule in RULES:
            with self.subTest(rule.__name__):
                self.assertEqual(list(rule(ROOT)), [])

    def test_each_rule_can_fail(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in {
                "README.md": "[a](docs/b.md) [c](docs/d.md#e) [web](https://f)\n`[g](h)`\n"
                             "```sh\n./run\n./walk --far\nbuild/release/bin/p x\nbuild/dev/bin/q\n```\n",
                "run": "",
                "docs/b.md": "",
                "docs/decisions/0001-a.md": "**Problem.**\n**Criteria.**\n**Choice.**\n**Would change our mind.**",
                "docs/decisions/0003-b.md": "## Problem\n## What was weighed\n## Choice\n## What it costs\n"
                                            "## What would change our mind\n",
                "docs/architecture.md": "```folders\ndocs/  d\ndocs/decisions/  d\ngone/  g\n```\n"
                                        "```planned\nclients/p/  p\nlater/  l\n```\n"
                                        "Lock order, first to last: `A`\n\n## More\n",
                "docs/c.md": "a whole B, and abc\n",
                "docs/glossary.md": "| term | area |\n|---|---|\n| b | x |\n| A | x |\n| zz | x |\n| ZZ | x |\n",
                "clients/CMakeLists.txt": "",
                "clients/p/CMakeLists.txt": "twin_program(p SOURCES main.cc)",
                "clients/p/main.cc": "class A {\n  Mutex mutex_;\n};\nclass B {\n  struct C {\n    Mutex mutex;\n  };\n"
                                     "};\nvoid F() {\n  Mutex mutex;\n}\n",
            }.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            (root / "run").chmod(0o755)
            self.assertEqual([list(rule(root)) for rule in RULES], [
                ["README.md: no file docs/d.md"],
                ["README.md: no program ./walk", "README.md: no program build/dev/bin/q"],
                ["docs/decisions/0003-b.md: expected number 0002"],
                ["docs/architecture.md: clients/p/ is not in its list",
                 "docs/architecture.md: gone/ does not exist",
                 "docs/architecture.md: clients/p/ exists and is listed as planned"],
                ["docs/glossary.md: A stands after b", "docs/glossary.md: ZZ stands after zz"],
                ["docs/glossary.md: zz is used nowhere", "docs/glossary.md: ZZ is used nowhere"],
                ["docs/decisions/0001-a.md: no Cost"],
                ["clients/p/main.cc:6: C is not in the lock order"],
            ])


if __name__ == "__main__":
    unittest.main()
