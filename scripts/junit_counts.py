#!/usr/bin/env python3
"""Prints "passed failed skipped" of a JUnit file that ctest wrote.

A test that could not start (its program was not built) has failed: ctest itself files it with those
that chose to be skipped.
"""
import sys
import xml.etree.ElementTree


def counts(path):
    passed = failed = skipped = 0
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        reason = case.find("skipped")
        message = "" if reason is None else reason.get("message", "")
        if case.get("status") == "run":
            passed += 1
        elif case.get("status") == "disabled" or message.startswith("SKIP_"):
            skipped += 1
        else:
            failed += 1
    return passed, failed, skipped


if __name__ == "__main__":
    print(*counts(sys.argv[1]))
