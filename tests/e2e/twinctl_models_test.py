#!/usr/bin/env python3
"""twinctl as a user meets it: the built program over files, exit codes and both streams."""
import csv
import io
import json
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import tempfile
import textwrap
import time
import unittest

TWINCTL = pathlib.Path(os.environ["TWIN_BIN_DIR"], "twinctl")
CONTEXT = "dtmi:dtdl:context;3"


def interface(name, *contents, version=1, **members):
    return {"@context": CONTEXT, "@id": f"dtmi:com:example:{name};{version}", "@type": "Interface",
            "contents": list(contents), **members}


def prop(name, schema, **members):
    return {"@type": "Property", "name": name, "schema": schema, **members}


class TwinctlTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return name

    def run_it(self, *arguments, stdin="", env=None, code=0):
        """The finished process; fails unless it exits with `code`."""
        done = subprocess.run([TWINCTL, *arguments], input=stdin, capture_output=True, text=True,
                              cwd=self.root, encoding="utf-8",
                              env={"PATH": os.environ["PATH"], "LC_ALL": "C", **(env or {})})
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done

    def on_terminal(self, *arguments, columns=80, env=None):
        """What a terminal of that width shows: both streams in the order of writing."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.root)
            os.environ.update({"TERM": "xterm", **(env or {})})
            subprocess.run(["stty", "cols", str(columns), "-onlcr"], check=True)
            os.execv(TWINCTL, [TWINCTL, *arguments])
        shown = b""
        while True:
            try:
                part = os.read(terminal, 65536)
            except OSError:  # Linux says EIO when the other side is closed.
                break
            if not part:
                break
            shown += part
        os.waitpid(pid, 0)
        os.close(terminal)
        return shown.decode()


class ValidateTest(TwinctlTest):
    def test_a_valid_set(self):
        self.write("a.json", interface("A", extends="dtmi:com:example:B;1"))
        self.write("b.json", [interface("B"), interface("C", prop("p", "double"))])
        done = self.run_it("models", "validate", "a.json", "b.json")
        self.assertEqual((done.stdout, done.stderr), ("3 interfaces valid (DTDL 3)\n", ""))
        done = self.run_it("models", "validate", "a.json", "b.json", "--quiet")
        self.assertEqual((done.stdout, done.stderr), ("", ""))

    def test_folders_are_read_whole(self):
        self.write("models/b/c.json", interface("C"))
        self.write("models/a.json", interface("A", extends="dtmi:com:example:C;1"))
        self.write("models/notes.txt", "no model")
        self.write("models/.git/x.json", "no model")
        self.assertEqual(self.run_it("models", "validate", "models").stdout, "2 interfaces valid (DTDL 3)\n")
        # A file that is named twice is read once.
        self.run_it("models", "validate", "models", "models/a.json", "./models")
        self.assertIn("models/b/c.json:1:", self.break_file("models/b/c.json", "models"))

    def break_file(self, name, *paths):
        self.write(name, "nonsense")
        return self.run_it("models", "validate", *paths, code=1).stderr

    def test_stdin(self):
        done = self.run_it("models", "validate", "-", stdin=json.dumps(interface("A")))
        self.assertEqual(done.stdout, "1 interface valid (DTDL 3)\n")
        done = self.run_it("models", "validate", "-", stdin="[", code=1)
        self.assertIn("<stdin>:1:2: error: ", done.stderr)

    def finding(self, *paths):
        """The only finding, as JSON."""
        data = json.loads(self.run_it("models", "validate", *paths, "-o", "json", code=1).stdout)
        self.assertEqual(len(data["errors"]), 1)
        return data["errors"][0]

    def test_a_finding_shows_the_place(self):
        text = textwrap.dedent("""\
            {
              "@context": "dtmi:dtdl:context;3",
              "@id": "dtmi:com:example:Cell;1",
              "@type": "Interface",
              "contents": [
            \t{"description": "電池", "@type": "Property", "name": "voltage", "schema": "doubl"}
              ]
            }
            """)
        self.write("cell.json", text)
        self.write("good.json", interface("Good"))
        found = self.finding("cell.json", "good.json")
        self.assertEqual((found["file"], found["line"], found["column"]), ("cell.json", 6, 74))
        self.assertEqual(found["id"], "dtmi:com:example:Cell:_contents:__voltage;1")
        self.assertEqual(found["severity"], "error")
        self.assertIn("double", found["hint"])
        done = self.run_it("models", "validate", "cell.json", "good.json", code=1)
        self.assertEqual(done.stderr, textwrap.dedent(f"""\
            cell.json:6:74: error: {found["message"]} [{found["code"]}]
              in dtmi:com:example:Cell:_contents:__voltage;1
                6 |     {{"description": "電池", "@type": "Property", "name": "voltage", "schema": "doubl"}}
                  |                                                                               ^~~~~~~
              hint: {found["hint"]}

            """))
        self.assertEqual(done.stdout, "1 error in 1 of 2 files\n")
        done = self.run_it("models", "validate", "cell.json", "-q", code=1)
        self.assertEqual(done.stdout, "")
        self.assertIn("cell.json:6:74: error", done.stderr)

    def test_one_bad_file_hides_nothing_of_another(self):
        self.write("a.json", "{")
        self.write("b.json", interface("B", prop("p", "nonsense")))
        self.write("c.json", interface("C", prop("p", "nonsense")))
        done = self.run_it("models", "validate", "a.json", "b.json", "c.json", code=1)
        for file in "abc":
            self.assertIn(f"\n{file}.json:1:", "\n" + done.stderr)
        self.assertEqual(done.stdout, "3 errors in 3 of 3 files\n")

    def test_long_lines_are_cut_to_the_terminal(self):
        self.write("long.json", interface("A", *[prop(f"p{i}", "double") for i in range(500)], prop("q", "doubl")))
        for columns in (60, 100):
            lines = self.on_terminal("models", "validate", "long.json", "--color=never", columns=columns).splitlines()
            line, mark = lines[2], lines[3]
            self.assertEqual(len(line), columns)
            self.assertEqual(line[mark.index("^"):mark.rindex("~") + 1], '"doubl"')

    def test_every_format_says_the_same(self):
        self.write("a.json", interface("A", prop("p", "nonsense"), prop("q", "nonsense, too"), extends="dtmi:z;1"))
        done = self.run_it("models", "validate", "a.json", "-o", "json", code=1)
        data = json.loads(done.stdout)
        self.assertEqual(done.stderr, "twinctl: 2 errors, 1 undefined id in 1 of 1 file\n")
        self.assertEqual(list(data), ["verdict", "errors", "warnings", "unresolved", "references", "dropped",
                                      "interfaces"])
        self.assertEqual((data["verdict"], data["warnings"], data["unresolved"], data["interfaces"]),
                         ("invalid", [], ["dtmi:z;1"], 1))
        rows = data["errors"]
        self.assertEqual(list(rows[0]), ["code", "id", "message", "hint", "file", "line", "column", "severity"])
        self.assertEqual([row["id"][-5:] for row in rows], ["__p;1", "__q;1"])

        lines = self.run_it("models", "validate", "a.json", "-o", "ndjson", code=1).stdout.splitlines()
        self.assertEqual([json.loads(line) for line in lines[:2]], rows)
        unresolved = json.loads(lines[2])
        self.assertEqual((unresolved["severity"], unresolved["id"], len(lines)), ("unresolved", "dtmi:z;1", 3))

        table = list(csv.DictReader(io.StringIO(
            self.run_it("models", "validate", "a.json", "-o", "csv", code=1).stdout)))
        self.assertEqual(table[:2], [{k: str(v) for k, v in row.items()} for row in rows])
        try:
            import yaml
        except ImportError:
            self.skipTest("no yaml module: the YAML output is not read back")
        self.assertEqual(yaml.safe_load(self.run_it("models", "validate", "a.json", "--output=yaml", code=1).stdout),
                         data)

    def test_a_valid_set_as_data(self):
        self.write("a.json", interface("A"))
        data = json.loads(self.run_it("models", "validate", "a.json", "-o", "json").stdout)
        self.assertEqual((data["verdict"], data["errors"], data["interfaces"]), ("valid", [], 1))
        self.assertEqual(self.run_it("models", "validate", "a.json", "-o", "ndjson").stdout, "")

    def test_an_incomplete_set_names_what_is_missing_and_where(self):
        self.write("a.json", json.dumps(interface("A", extends="dtmi:com:example:Base;1"), indent=1))
        self.write("b.json", interface("B", {"@type": "Component", "name": "c", "schema": "dtmi:com:example:Base;1"}))
        done = self.run_it("models", "validate", "a.json", "b.json", code=1)
        self.assertEqual(done.stdout, "incomplete: 1 undefined id in 2 of 2 files\n")
        self.assertIn("a.json:6:13: unresolved: 'dtmi:com:example:Base;1'", done.stderr)
        self.assertIn('"extends": "dtmi:com:example:Base;1"', done.stderr)
        data = json.loads(self.run_it("models", "validate", "a.json", "b.json", "-o", "json", code=1).stdout)
        self.assertEqual((data["verdict"], data["errors"]), ("incomplete", []))
        self.assertEqual(data["unresolved"], ["dtmi:com:example:Base;1"])
        self.assertEqual([(r["file"], r["line"], r["column"]) for r in data["references"]],
                         [("a.json", 6, 13), ("b.json", 1, data["references"][1]["column"])])

    def test_options_of_the_language(self):
        self.write("a.json", {**interface("A"), "@context": [CONTEXT, "dtmi:com:example:ext;1"]})
        self.run_it("models", "validate", "a.json", code=1)
        self.run_it("models", "validate", "a.json", "--undefined-extensions", "allow")
        self.run_it("models", "validate", "a.json", "--undefined-extensions", "disallow", code=1)
        self.write("b.json", interface("B"))
        self.run_it("models", "validate", "b.json", "--max-dtdl-version", "2", code=1)
        self.write("c.json", {**interface("C"), "@context": ["dtmi:dtdl:context;4#limitless",
                                                             "dtmi:dtdl:limits:onvif;1"]})
        self.run_it("models", "validate", "c.json", code=1)
        self.run_it("models", "validate", "c.json", "--limits", "aio", code=1)
        for limits in ("onvif", "aio,onvif", "dtmi:dtdl:limits:onvif", "dtmi:dtdl:limits:onvif;1"):
            self.run_it("models", "validate", "--limits", limits, "c.json")

    def test_warnings_do_not_refuse(self):
        self.write("a.json", {**interface("A"), "@context": ["dtmi:dtdl:context;2", "dtmi:com:example:ext;1"]})
        done = self.run_it("models", "validate", "a.json")
        self.assertRegex(done.stdout, r"^1 interface valid \(DTDL 2\), \d+ warnings?\n$")
        self.assertIn(": warning: ", done.stderr)
        done = self.run_it("models", "validate", "a.json", "-q")
        self.assertEqual((done.stdout, done.stderr), ("", ""))


class CasesTest(TwinctlTest):
    def test_answers_line_by_line(self):
        subject = "dtmi:dtdl:instance:Schema:integer;2"
        cases = [
            {"id": "valid", "models": [interface("A"), interface("B", extends="dtmi:com:example:A;1")],
             "options": {"undefined_extensions": "default"},
             "instances": [{"subject": subject, "submit": text} for text in ("3", "3.0", "{")]},
            {"id": "invalid", "models": [interface("A", prop("p", "nonsense"))],
             "instances": [{"subject": subject, "submit": "3"}]},
            {"id": "incomplete", "models": [interface("A", extends="dtmi:z;1")]},
            {"id": "refused", "models": [], "options": {"quirks": ["x"]}},
            {"id": "version", "models": [interface("A")], "options": {"max_dtdl_version": 2}},
        ]
        text = "".join(json.dumps(case) + "\n" for case in cases) + "\nnonsense\n"
        self.write("cases.jsonl", text)
        for arguments, stdin in ((["--jsonl", "-"], text), (["--jsonl"], text), (["--jsonl", "cases.jsonl"], ""),
                                 (["cases.jsonl", "--jsonl"], ""), (["--jsonl=cases.jsonl"], "")):
            with self.subTest(arguments):
                done = self.run_it("models", "validate", *arguments, stdin=stdin, code=1)
                answers = [json.loads(line) for line in done.stdout.splitlines()]
                self.assertEqual([a["id"] for a in answers],
                                 ["valid", "invalid", "incomplete", "refused", "version", None])
                self.assertEqual([a.get("verdict") for a in answers],
                                 ["valid", "invalid", "incomplete", None, "invalid", None])
                self.assertEqual(answers[0], {"id": "valid", "verdict": "valid", "errors": [], "unresolved": [],
                                              "instances": [{"subject": subject, "conforms": c}
                                                            for c in (True, False, False)]})
                self.assertEqual(sorted(answers[1]["errors"][0]), ["code", "id", "message"])
                self.assertEqual(answers[1]["instances"], [{"subject": subject, "conforms": None}])
                self.assertEqual(answers[2]["unresolved"], ["dtmi:z;1"])
                self.assertIn("'quirks'", answers[3]["error"])
                self.assertIn("not JSON", answers[5]["error"])
                self.assertIn("2 of 6 lines could not be answered", done.stderr)

    def test_verdicts_are_data(self):
        self.run_it("models", "validate", "--jsonl", "-", stdin='{"id":1,"models":[1]}\n')
        self.run_it("models", "validate", "--jsonl", "-", "-o", "csv", stdin="", code=2)
        self.run_it("models", "validate", "--jsonl", "nowhere.jsonl", code=2)

    def test_answers_are_streamed(self):
        """An answer leaves while more cases arrive, once the buffer is full: memory does not grow."""
        line = json.dumps({"id": "x" * 1000, "models": []}) + "\n"
        with subprocess.Popen([TWINCTL, "models", "validate", "--jsonl", "-"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as process:
            process.stdin.write(line * 40)  # more than its buffer, less than a pipe holds
            process.stdin.flush()
            self.assertIn('"verdict":"valid"', process.stdout.readline())
            process.stdin.close()
            self.assertEqual(len(process.stdout.readlines()), 39)


class DiffTest(TwinctlTest):
    def setUp(self):
        super().setUp()
        self.write("v1/cell.json", interface("Cell", prop("voltage", "double"), prop("gone", "integer")))
        self.write("v1/pack.json", interface("Pack"))
        self.write("v2/cell.json", interface("Cell", prop("voltage", "double", description="in V"),
                                             prop("soh", "double"), version=2))
        self.write("v2/pack.json", interface("Pack", prop("serial", "string")))

    def test_breaking(self):
        done = self.run_it("models", "diff", "v1", "v2", code=1)
        self.assertEqual(done.stderr, "")
        self.assertRegex(done.stdout, r"dtmi:com:example:Cell;1 → dtmi:com:example:Cell;2: breaking\n")
        self.assertRegex(done.stdout, r"\n  ! breaking +gone +\w")
        self.assertRegex(done.stdout, r"\n  \+ additive +soh +\w")
        self.assertRegex(done.stdout, r"\n  ~ documentation +voltage +\w")
        self.assertRegex(done.stdout, r"\nbreaking: 1 breaking, 2 additive, 1 documentation changes in 2 models\n$")
        self.run_it("models", "diff", "v1", "v2", "--fail-on", "breaking", code=1)

    def test_additive(self):
        for fail_on, code in (("any", 1), ("additive", 1), ("breaking", 0)):
            done = self.run_it("models", "diff", "v1/pack.json", "v2/pack.json", "--fail-on", fail_on, code=code)
            self.assertIn("dtmi:com:example:Pack;1: additive\n", done.stdout)

    def test_documentation(self):
        self.write("a.json", interface("A"))
        self.write("b.json", interface("A", description="more words"))
        for fail_on, code in (("any", 1), ("additive", 0), ("breaking", 0)):
            done = self.run_it("models", "diff", "a.json", "b.json", "--fail-on", fail_on, code=code)
            self.assertTrue(done.stdout.endswith("documentation: 1 documentation change in 1 model\n"))

    def test_no_difference(self):
        self.assertEqual(self.run_it("models", "diff", "v1", "v1").stdout, "no difference\n")
        data = json.loads(self.run_it("models", "diff", "v1", "v1", "-o", "json").stdout)
        self.assertEqual(data, {"compatibility": "none", "added": [], "removed": [], "models": []})

    def test_added_and_removed(self):
        self.write("v2/more.json", interface("More"))
        data = json.loads(self.run_it("models", "diff", "v1", "v2", "-o", "json", code=1).stdout)
        self.assertEqual((data["added"], data["removed"]), (["dtmi:com:example:More;1"], []))
        data = json.loads(self.run_it("models", "diff", "v2", "v1", "-o", "json", code=1).stdout)
        self.assertEqual((data["added"], data["removed"]), ([], ["dtmi:com:example:More;1"]))
        self.assertEqual(data["compatibility"], "breaking")

    def test_every_format_says_the_same(self):
        data = json.loads(self.run_it("models", "diff", "v1", "v2", "-o", "json", code=1).stdout)
        self.assertEqual([(m["old"][-6:], m["new"][-6:], m["compatibility"]) for m in data["models"]],
                         [("Cell;1", "Cell;2", "breaking"), ("Pack;1", "Pack;1", "additive")])
        rows = [{"compatibility": c["compatibility"], "old": m["old"], "new": m["new"],
                 **{k: c[k] for k in ("path", "what", "migration")}} for m in data["models"] for c in m["changes"]]
        self.assertEqual({row["path"] for row in rows}, {"gone", "soh", "voltage", "serial"})
        lines = self.run_it("models", "diff", "v1", "v2", "-o", "ndjson", code=1).stdout.splitlines()
        self.assertEqual([json.loads(line) for line in lines], rows)
        table = self.run_it("models", "diff", "v1", "v2", "-o", "csv", code=1).stdout
        self.assertEqual(list(csv.DictReader(io.StringIO(table))), rows)

    def test_selection(self):
        done = self.run_it("models", "diff", "v1", "v2", "--old-model", "dtmi:com:example:Pack", code=1)
        self.assertNotIn("Cell", done.stdout)
        done = self.run_it("models", "diff", "v1", "v2", "--old-model", "dtmi:com:example:Pack;1", "--new-model",
                           "dtmi:com:example:Cell;2", code=1)
        self.assertIn("dtmi:com:example:Pack;1 → dtmi:com:example:Cell;2: breaking\n", done.stdout)
        done = self.run_it("models", "diff", "v1", "v2", "--new-model", "dtmi:com:example:Pakc;1", code=2)
        self.assertIn("did you mean 'dtmi:com:example:Pack;1'?", done.stderr)

    def test_single_models_are_compared_whatever_their_ids(self):
        self.write("other.json", interface("Other"))
        done = self.run_it("models", "diff", "v1/pack.json", "other.json", code=1)
        self.assertIn("dtmi:com:example:Pack;1 → dtmi:com:example:Other;1: breaking\n", done.stdout)

    def test_a_side_that_is_not_valid(self):
        self.write("bad.json", interface("Bad", prop("p", "nonsense")))
        for arguments in (("bad.json", "v1"), ("v1", "bad.json")):
            done = self.run_it("models", "diff", *arguments, code=1)
            self.assertEqual(done.stdout, "")
            self.assertIn("bad.json:1:", done.stderr)
            self.assertIn("twinctl: nothing was compared: 'bad.json' is not valid: 1 error", done.stderr)

    def test_stdin(self):
        text = (self.root / "v1/pack.json").read_text()
        self.run_it("models", "diff", "-", "v1/pack.json", stdin=text)
        self.run_it("models", "diff", "-", "-", stdin=text, code=2)


class UsageTest(TwinctlTest):
    def test_wrong_usage(self):
        self.write("a.json", interface("A"))
        self.write("empty/x.txt", "")
        for arguments, message in (
                (["modles"], "unknown command 'modles'; did you mean 'models'?"),
                (["models", "vaildate"], "unknown command 'vaildate'; did you mean 'validate'?"),
                (["models", "validate", "--jsnol"], "unknown option '--jsnol'; did you mean '--jsonl'?"),
                (["models", "validate", "a.json", "-o", "yml"], "did you mean 'yaml'?"),
                (["models", "validate", "a.json", "-o"], "option --output needs a value"),
                (["models", "validate", "a.json", "--limits", "onviv"], "did you mean 'onvif'?"),
                (["models", "validate"], "no PATH is given"),
                (["models", "validate", "x"], "cannot read 'x': No such file or directory"),
                (["models", "validate", "empty"], "cannot read 'empty': no *.json file in this folder"),
                (["models", "diff", "a.json"], "NEW is required"),
                (["models", "diff", "a.json", "a.json", "b"], "unexpected argument 'b'"),
                (["models", "diff", "a.json", "x"], "cannot read 'x': No such file or directory"),
                (["completion", "tcsh"], "is not one of bash, zsh, fish")):
            with self.subTest(arguments):
                done = self.run_it(*arguments, code=2)
                self.assertEqual(done.stdout, "")
                self.assertTrue(done.stderr.startswith("twinctl: "), done.stderr)
                self.assertIn(message, done.stderr.splitlines()[0])
        self.assertIn("Commands:", self.run_it(code=2).stderr)
        self.assertIn("validate", self.run_it("models", code=2).stderr)

    def test_version_and_help(self):
        self.assertRegex(self.run_it("--version").stdout, r"^twinctl \d+\.\d+\.\d+\n$")
        for command in ([], ["models"], ["models", "validate"], ["models", "diff"], ["completion"]):
            for flag in ("--help", "-h"):
                done = self.run_it(*command, flag)
                self.assertEqual(done.stderr, "")
                self.assertIn(f"\n  {' '.join(['twinctl', *command])} ", done.stdout)
                self.assertLessEqual(max(map(len, done.stdout.splitlines())), 100)
            if len(command) > 1:
                self.assertIn("\nExamples:\n", done.stdout)

    def test_an_unreadable_file(self):
        self.write("a.json", interface("A"))
        (self.root / "a.json").chmod(0)
        if os.access(self.root / "a.json", os.R_OK):
            self.skipTest("root reads everything")
        self.assertIn("Permission denied", self.run_it("models", "validate", "a.json", code=2).stderr)

    def test_a_full_disk(self):
        self.write("a.json", interface("A"))
        with open("/dev/full", "w") as full:
            done = subprocess.run([TWINCTL, "models", "validate", "a.json"], cwd=self.root, stdout=full,
                                  stderr=subprocess.PIPE, text=True)
        self.assertEqual((done.returncode, done.stderr),
                         (1, "twinctl: cannot write to stdout: No space left on device\n"))

    def test_interrupted(self):
        with subprocess.Popen([TWINCTL, "models", "validate", "--jsonl", "-"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            process.stdin.write(b'{"id":1,"models":[]}\n' * 500)  # more than its buffer, less than a pipe holds
            process.stdin.flush()
            process.stdout.read(1)  # It runs.
            time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(10), 130)


class ColourTest(TwinctlTest):
    def test_colour_is_for_terminals(self):
        self.write("a.json", interface("A", prop("p", "nonsense")))
        arguments = ("models", "validate", "a.json")
        escape = "\x1b["
        self.assertIn(escape, self.on_terminal(*arguments))
        self.assertNotIn(escape, self.on_terminal(*arguments, env={"NO_COLOR": "1"}))
        self.assertNotIn(escape, self.on_terminal(*arguments, env={"TERM": "dumb"}))
        self.assertNotIn(escape, self.on_terminal(*arguments, "--color", "never"))
        self.assertIn(escape, self.on_terminal(*arguments, "--color", "always", env={"NO_COLOR": "1"}))
        done = self.run_it(*arguments, code=1)
        self.assertNotIn(escape, done.stdout + done.stderr)
        done = self.run_it(*arguments, "--color=always", env={"NO_COLOR": "1"}, code=1)
        self.assertIn(escape, done.stdout)
        self.assertIn(escape, done.stderr)

    def test_nothing_of_a_model_steers_the_terminal(self):
        self.write("a\x1b[2Jb.json", '{"x\x9b\u202e": "\x7f"}')
        done = self.run_it("models", "validate", "a\x1b[2Jb.json", code=1)
        for character in "\x1b\x7f\x9b\u202e":
            self.assertNotIn(character, done.stderr)


class CompletionTest(TwinctlTest):
    def complete(self, line):
        """What bash offers at the end of the line."""
        words = line.replace("=", " = ").split() + ([""] if line.endswith(" ") else [])
        quoted = " ".join(f"'{word}'" for word in words)
        previous, current = words[-2], words[-1]
        script = (f"source <('{TWINCTL}' completion bash); COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; "
                  f"_twinctl twinctl '{current}' '{previous}'; echo \"${{COMPREPLY[*]}}\"")
        done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=True)
        return done.stdout.split()

    def test_bash_offers_what_may_come_next(self):
        formats = ["table", "json", "ndjson", "csv", "yaml"]
        commands = ["models", "twins", "relationships", "query", "queries", "telemetry", "history", "watch", "subscriptions", "predictors", "import", "export", "status", "top", "checkpoint", "compact",
                    "backup", "check", "context", "completion", "help"]
        of_models = ["validate", "diff", "create", "list", "get", "decommission", "delete", "migrate"]
        for line, expected in (("twinctl ", commands),
                               ("twinctl mo", ["models"]),
                               ("twinctl models ", of_models),
                               ("twinctl --color never models di", ["diff"]),
                               ("twinctl models validate -o ", formats),
                               ("twinctl models validate x --output=", formats),
                               ("twinctl models validate x --output=nd", ["ndjson"]),
                               ("twinctl models validate --j", ["--jsonl"]),
                               ("twinctl models validate models --q", ["--quiet"]),
                               ("twinctl models validate ", []),
                               ("twinctl completion z", ["zsh"])):
            with self.subTest(line):
                self.assertEqual(self.complete(line), expected)

    def test_scripts_are_correct(self):
        for shell, check in (("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "--no-execute"])):
            with self.subTest(shell):
                name = self.write(shell, self.run_it("completion", shell).stdout)
                if shutil.which(check[0]) is None:
                    self.skipTest(f"{shell} is not installed")
                subprocess.run([*check, name], cwd=self.root, check=True)


if __name__ == "__main__":
    unittest.main()
