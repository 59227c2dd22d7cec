#!/usr/bin/env python3
"""Compiles sources with clang, warnings and thread-safety analysis on, without making code.

analyse.py COMPILE_COMMANDS FILE...: prints what clang says; exits 1 if some file has a finding.
"""
import concurrent.futures
import json
import os
import re
import subprocess
import sys


def analyse(entry):
    """What clang says of one file; nothing if all is well."""
    command = re.sub(r" -o \S+ -c ", " -fsyntax-only ", entry["command"])
    command = re.sub(r"^\S*ccache ", "", command)
    run = subprocess.run(command, shell=True, cwd=entry["directory"], text=True, check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return run.returncode, run.stdout


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        entries = json.load(file)
    wanted = {os.path.abspath(path) for path in sys.argv[2:]}
    entries = [entry for entry in entries if entry["file"] in wanted]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for status, text in pool.map(analyse, entries):
            failed += status != 0
            print(text, end="", flush=True)
    print(f"{len(entries)} files, {failed} with findings")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
