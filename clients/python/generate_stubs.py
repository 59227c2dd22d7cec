#!/usr/bin/env python3
"""generate_stubs.py PROTO_DIR OUT_DIR: writes the package twingraph.v1 into OUT_DIR, with protoc and its gRPC plugin."""
import pathlib
import shutil
import subprocess
import sys


def generate(protos: pathlib.Path, out: pathlib.Path) -> None:
    plugin = shutil.which("grpc_python_plugin")
    if not shutil.which("protoc") or not plugin:
        raise SystemExit("protoc or grpc_python_plugin is missing: apt-get install protobuf-compiler protobuf-compiler-grpc")
    files = sorted(str(file.relative_to(protos)) for file in protos.glob("twingraph/v1/*.proto"))
    if not files:
        raise SystemExit(f"no twingraph/v1/*.proto in {protos}")
    out.mkdir(parents=True, exist_ok=True)
    subprocess.run(["protoc", "-I", str(protos), f"--python_out={out}", f"--grpc_out={out}",
                    f"--plugin=protoc-gen-grpc={plugin}", *files], check=True)
    (out / "twingraph/v1/__init__.py").write_text('"""The wire contract, generated from proto/twingraph/v1."""\n')


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    generate(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
