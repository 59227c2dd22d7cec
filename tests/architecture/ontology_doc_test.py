#!/usr/bin/env python3
"""Fails when docs/ontology.md and models/battery disagree, or the models break what the page promises.

With the repository's root as argument it prints the disagreements; without, it runs its unit tests."""
import json
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).parents[2]
NONE = "–"
ESTIMATE = ["value", "lo", "hi", "level", "method", "source", "modelVersion", "asOf", "status"]
# What a query has to write as [[name]], in any case.
RESERVED = set("all and as asc avg by count desc devices ends_with false from group in is_bool is_defined is_null "
               "is_number is_object is_of_model is_primitive is_string join match max min not not_in null or order "
               "select starts_with sum top true where".split())
NAMED = ("contents", "schemas", "fields", "enumValues", "properties", "mapKey", "mapValue")


def listed(value):
    return value if isinstance(value, list) else [value]


def label(dtmi):
    """The last label of a DTMI, or the term itself."""
    return dtmi.split(":")[-1].split(";")[0]


def material(element):
    return listed(element["@type"])[0]


def read_models(root):
    models = {}
    for file in sorted((root / "models/battery").glob("*.json")):
        interface = json.loads(file.read_text())
        models[file.stem] = interface
    return models


def read_sections(text):
    """Of each "### Name": the rows of its table by name, and its shapes by name."""
    sections = {}
    for part in re.split(r"^### ", text, flags=re.M)[1:]:
        name, _, body = part.partition("\n")
        body = re.split(r"^## ", body, flags=re.M)[0]
        rows = {}
        for line in body.splitlines():
            cells = [c.strip() for c in line.strip("|").split("|")]
            if len(cells) == 8 and cells[0].startswith("`"):
                rows.setdefault(cells[0].strip("`"), []).append(cells)
        shapes = dict(re.findall(r"^- `(\w+)`: (.*)$", body, flags=re.M))
        sections[name.strip()] = (rows, shapes)
    return sections


def unit_of(content, schemas):
    """The unit in which a content's value is told: its own, or that of the value of an estimate."""
    if "unit" in content:
        return content["unit"]
    for field in schemas.get(label(content.get("schema", "")), {}).get("fields", []):
        if field["name"] == "value" and "unit" in field:
            return field["unit"]
    return NONE


def expected_row(content, schemas):
    """Name, kind, schema, unit, Historized as the table has to show them."""
    if material(content) == "Relationship":
        target = label(content["target"]) if "target" in content else "any twin"
        return [f"`{content['name']}`", "Relationship", f"→ {target}", NONE, NONE]
    kind = material(content) + (", writable" if content.get("writable") else "")
    historized = "yes" if "Historized" in listed(content["@type"]) else NONE
    return [f"`{content['name']}`", kind, f"`{label(content['schema'])}`", unit_of(content, schemas), historized]


def needed_in_note(content):
    if "maxMultiplicity" in content:
        yield f"at most {content['maxMultiplicity']}"
    if "index: equality" in content.get("comment", ""):
        yield "indexed"
    for prop in content.get("properties", []):
        yield f"`{prop['name']}`"


def wrong_rows(root):
    """Every content has one row with its kind, schema, unit, history, target; no row has no content."""
    sections = read_sections((root / "docs/ontology.md").read_text())
    for name, interface in read_models(root).items():
        if name not in sections:
            yield f"docs/ontology.md: no section ### {name}"
            continue
        rows = sections[name][0]
        schemas = {label(s["@id"]): s for s in interface.get("schemas", [])}
        contents = {c["name"]: c for c in interface["contents"]}
        for extra in sorted(rows.keys() - contents.keys()):
            yield f"docs/ontology.md: {name}.{extra} is in the table, not in the model"
        for content in contents.values():
            found = rows.get(content["name"], [])
            if len(found) != 1:
                yield f"docs/ontology.md: {name}.{content['name']} has {len(found)} rows, needs one"
                continue
            expected = expected_row(content, schemas)
            if found[0][:5] != expected:
                yield (f"docs/ontology.md: {name}.{content['name']} says {' | '.join(found[0][:5])}; "
                       f"the model says {' | '.join(expected)}")
            for words in needed_in_note(content):
                if words not in found[0][7]:
                    yield f"docs/ontology.md: the note of {name}.{content['name']} lacks {words}"
            for words in re.findall(r"in (?:volts|degrees Celsius)", content["description"]):
                if label(content.get("schema", "")).endswith("Array") and words not in found[0][7]:
                    yield f"docs/ontology.md: the note of {name}.{content['name']} lacks {words}"


def wrong_shapes(root):
    """Every schema of an interface is listed, with its fields, values and units."""
    sections = read_sections((root / "docs/ontology.md").read_text())
    for name, interface in read_models(root).items():
        shapes = sections.get(name, ({}, {}))[1]
        schemas = {label(s["@id"]): s for s in interface.get("schemas", [])}
        for extra in sorted(shapes.keys() - schemas.keys()):
            yield f"docs/ontology.md: {name} has no shape {extra}"
        for shape, schema in schemas.items():
            if shape not in shapes:
                yield f"docs/ontology.md: {name} lacks its shape {shape}"
                continue
            said = shapes[shape]
            needed = [f"`{v['enumValue']}`" for v in schema.get("enumValues", [])]
            for field in schema.get("fields", []):
                if not shape.endswith("Estimate"):
                    needed.append(f"`{field['name']}`" + (f" in {field['unit']}" if "unit" in field else ""))
                elif field["name"] == "hi":
                    needed.append("`hi` in " + field.get("unit", ""))
            needed += [f"`{schema[part]['name']}`" for part in ("mapKey", "mapValue") if part in schema]
            for words in needed:
                if words not in said:
                    yield f"docs/ontology.md: the shape {shape} of {name} lacks {words}"


def wrong_drawing(root):
    """The mermaid drawing has the relationships of the models, no more and no fewer; the text drawing names them."""
    text = (root / "docs/ontology.md").read_text()
    drawings = dict(re.findall(r"^```(mermaid|text)\n(.*?)^```", text, re.DOTALL | re.M))
    drawn = set(re.findall(r"^  (\w+) -->\|\"?(\w+)[^|]*\| (\w+)", drawings.get("mermaid", ""), re.M))
    real = {(name, c["name"], label(c["target"]) if "target" in c else "Any")
            for name, interface in read_models(root).items() for c in interface["contents"]
            if material(c) == "Relationship"}
    for edge in sorted(drawn ^ real):
        yield f"docs/ontology.md: {' '.join(edge)} is " + ("drawn, not modelled" if edge in drawn else "not drawn")
    for name in sorted({name for edge in real for name in edge if name != "Any"}):
        if not re.search(rf"\b{name}\b", drawings.get("text", "")):
            yield f"docs/ontology.md: the drawing in text lacks {name}"


def wrong_excerpts(root):
    """The lines of a json block stand in this order in the file that the line before it names; … skips some."""
    text = (root / "docs/ontology.md").read_text()
    for file, block in re.findall(r"^From `([^`]+)`:\n\n```json\n(.*?)^```", text, re.DOTALL | re.M):
        lines = iter((root / file).read_text().splitlines()) if (root / file).exists() else iter(())
        for line in block.splitlines():
            if line.strip() != "…" and line not in lines:
                yield f"docs/ontology.md: {file} has no line {line.strip()} there"
                break


def broken_promises(root):
    """What the page says of all models."""
    for name, interface in read_models(root).items():
        if interface["@id"] != f"dtmi:twingraph:battery:{name};1":
            yield f"models/battery/{name}.json: its @id is {interface['@id']}"
        elements = [(name, interface)]
        for path, element in elements:
            for key in ("displayName", "description"):
                if not element.get(key):
                    yield f"models/battery/{name}.json: {path} has no {key}"
            if element.get("name", "").lower() in RESERVED:
                yield f"models/battery/{name}.json: {path} is a reserved word of the query language"
            for key in NAMED:
                elements += [(f"{path}.{e.get('name') or label(e['@id'])}", e) for e in listed(element.get(key, []))]
        schemas = {label(s["@id"]): s for s in interface.get("schemas", [])}
        for content in interface["contents"]:
            whole_frame = content["name"] in ("cellVoltages", "probeTemperatures")
            if material(content) == "Telemetry" and whole_frame == ("Historized" in listed(content["@type"])):
                yield f"models/battery/{name}.json: {content['name']} is a telemetry and " + (
                    "a frame's array: not Historized" if whole_frame else "not Historized")
        for shape, schema in schemas.items():
            if shape.endswith("Estimate"):
                fields = schema["fields"]
                if [f["name"] for f in fields] != ESTIMATE or len({f.get("unit") for f in fields[:3]}) != 1:
                    yield f"models/battery/{name}.json: {shape} is not of the form that every estimate has"


RULES = (wrong_rows, wrong_shapes, wrong_drawing, wrong_excerpts, broken_promises)


class OntologyDocTest(unittest.TestCase):
    def test_this_repository(self):
        for rule in RULES:
            with self.subTest(rule.__name__):
                self.assertEqual(list(rule(ROOT)), [])

    def test_each_rule_can_fail(self):
        doc, cell = "docs/ontology.md", "models/battery/BatteryCell.json"
        for rule, file, old, new, expected in [
            (wrong_rows, doc, "| `charge` | Telemetry | `double` | percent", "| `charge` | Telemetry | `double` | volt",
             "BatteryCell.charge says"),
            (wrong_rows, doc, "| `lot` |", "| `batch` |", "BatteryCell.batch is in the table, not in the model"),
            (wrong_rows, doc, "### BatteryCell\n", "### Cell\n", "no section ### BatteryCell"),
            (wrong_rows, doc, "`since`; at most 1", "`since`", "BatteryCell.sensedBy lacks at most 1"),
            (wrong_rows, cell, '"unit": "milliohm"', '"unit": "ohm"', "BatteryCell.initialResistance says"),
            (wrong_shapes, doc, ", `ownProbe`", "", "TemperatureSource of BatteryCell lacks `ownProbe`"),
            (wrong_shapes, doc, "`hi` in kilometre", "`hi` in mile", "KilometreEstimate of BatteryPack lacks"),
            (wrong_drawing, doc, "  BatteryCell -->", "  BatteryPack -->",
             "BatteryCell sensedBy TemperatureProbe is not drawn"),
            (wrong_drawing, doc, "sensedBy ----", "seenBy ----", "drawing in text lacks sensedBy"),
            (wrong_excerpts, doc, '      "unit": "kilopascal"', '      "unit": "bar"', "no line \"unit\": \"bar\""),
            (broken_promises, cell, '"description": "Production lot of the cell.",', "",
             "BatteryCell.lot has no description"),
            (broken_promises, cell, '"name": "lot"', '"name": "Group"', "BatteryCell.Group is a reserved word"),
            (broken_promises, cell, '["Telemetry", "Voltage", "Historized"]', '["Telemetry", "Voltage"]',
             "voltage is a telemetry and not Historized"),
            (broken_promises, cell, '"name": "hi"', '"name": "high"', "is not of the form"),
        ]:
            with self.subTest(expected), tempfile.TemporaryDirectory() as folder:
                root = pathlib.Path(folder)
                for part in ("models/battery", "tests/data/oem"):
                    shutil.copytree(ROOT / part, root / part)
                (root / "docs").mkdir()
                shutil.copy(ROOT / doc, root / doc)
                text = (root / file).read_text()
                self.assertIn(old, text)
                (root / file).write_text(text.replace(old, new))
                self.assertIn(expected, "\n".join(rule(root)))


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        found = [problem for rule in RULES for problem in rule(pathlib.Path(sys.argv[1]))]
        print("\n".join(found) or "docs/ontology.md and models/battery agree")
        sys.exit(bool(found))
    unittest.main()
