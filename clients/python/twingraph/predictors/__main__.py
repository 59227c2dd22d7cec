"""python3 -m twingraph.predictors serve FOLDER…: trained models as a predictor service."""
from __future__ import annotations

import argparse
import signal
import sys

from ..lacking import run


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m twingraph.predictors",
                                     description="Serves trained models, or shows what they are.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("serve", help="serve models until Ctrl-C; prints one line when ready")
    command.add_argument("folders", metavar="FOLDER", nargs="+", help="as python3 -m twingraph.train writes it")
    command.add_argument("--listen", metavar="HOST:PORT", default="127.0.0.1:7490", help="default %(default)s; port 0: a free one")
    command.add_argument("--workers", metavar="N", type=int, default=4, help="batches at once, default %(default)s")
    command = commands.add_parser("show", help="what a model wants, and how good it is")
    command.add_argument("folder", metavar="FOLDER")
    options = parser.parse_args(arguments)
    from .model import CardError, load
    try:
        return _show(options.folder) if options.command == "show" else _serve(options)
    except (CardError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def _serve(options: argparse.Namespace) -> int:
    from .model import load
    from .service import serve
    predictors = [load(folder) for folder in options.folders]
    server = serve(predictors, options.listen, workers=options.workers)

    def stop(*_) -> None:
        server.stop(grace=5)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    names = ", ".join(f"{p.description.name} {p.description.version}" for p in predictors)
    print(f"serving {names} on {options.listen.rpartition(':')[0]}:{server.port}", flush=True)
    server.wait_for_termination()
    return 0


def _show(folder: str) -> int:
    from .model import load
    predictor = load(folder)
    described, metrics = predictor.description, predictor.card["predictor"].get("held_out_metrics", {})
    print(f"{described.name} {described.version}: {described.description}")
    for feature in described.features:
        limits = "" if feature.min is None else f"{feature.min:g} … {feature.max:g}"
        print(f"  {feature.name:32} {feature.unit or '–':16} {'required' if feature.required else 'optional':9} {limits}")
    print("on cells not trained on: " + ", ".join(f"{k} {v:g}" for k, v in metrics.items()))
    for limit in predictor.card.get("limits", []):
        print(f"limit: {limit}")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
