"""What to say when the interpreter has not the packages: another one than the system's often comes first in the PATH."""
from __future__ import annotations

import sys
from typing import Callable

_PACKAGES = {"grpc": "python3-grpcio", "google": "python3-protobuf", "numpy": "python3-numpy", "pandas": "python3-pandas",
             "xgboost": "python3-xgboost"}


def advice(error: ModuleNotFoundError) -> str:
    """Names what is missing and the way out."""
    module = (error.name or "").partition(".")[0]
    way = f"; on Debian: apt-get install {_PACKAGES[module]}, and use /usr/bin/python3" if module in _PACKAGES else ""
    return f"{sys.executable} has no module {error.name}{way}"


def run(main: Callable[[], int]) -> int:
    """A command's main; exit code 2 where a package is missing."""
    try:
        return main()
    except ModuleNotFoundError as error:
        print(advice(error), file=sys.stderr)
        return 2
