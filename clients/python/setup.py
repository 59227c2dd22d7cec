"""pyproject.toml has it all, but for the generated package twingraph.v1: it is made from proto/ when the wheel is built."""
import pathlib
import sys

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = pathlib.Path(__file__).parent.resolve()
sys.path.insert(0, str(HERE))
from generate_stubs import generate  # noqa: E402


class BuildWithStubs(build_py):
    def run(self):
        super().run()
        generate(HERE.parents[1] / "proto", pathlib.Path(self.build_lib).resolve())


setup(cmdclass={"build_py": BuildWithStubs})
