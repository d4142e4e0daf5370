"""The same story from a shell: `python -m persmark VERB`.

Exit status: 0; 2 for the caller's mistake, with one clear line on standard error; 1 for ours.
With `--json`, standard output holds one JSON document; progress goes to standard error.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from persmark import actions, jobs
from persmark.commands import TOPICS, Arguments, Document
from persmark.errors import PersmarkError
from persmark.store import EngineError


class _Parser(argparse.ArgumentParser):
    """One clear line on a wrong flag, instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message}. See `{self.prog} --help`.\n")
        sys.exit(2)


def _parser() -> _Parser:
    common = _Parser(add_help=False)
    common.add_argument("--workspace", metavar="W", help="which data set; the built-in sample by default")
    common.add_argument("--json", action="store_true", help="print one JSON document")
    common.add_argument("--verbose", action="store_true", help="show progress also where nobody watches")
    parser = _Parser(prog="persmark", description="From behaviour events to target lists, on one machine.")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=_Parser)

    def verb(name: str, help_: str, do: Callable[[Arguments], Document]) -> _Parser:
        made = verbs.add_parser(name, help=help_, parents=[common], description=help_)
        made.set_defaults(do=do)
        return made

    for topic in TOPICS:
        topic.add_to(verb)
    return parser


def _shown(document: Document) -> str:
    """A document for people: a line per row, or per key."""
    if isinstance(document, list):
        return "\n".join("  ".join(f"{key}={value}" for key, value in row.items()) for row in document)
    lines = []
    for key, value in document.items():
        rows = value if isinstance(value, list) and value and isinstance(value[0], dict) else None
        if isinstance(value, dict) and value:
            lines.append(f"{key}:")
            lines.extend(f"  {name}: {cell}" for name, cell in value.items())
        elif rows is None:
            lines.append(f"{key}: {value}")
        else:
            lines.append(f"{key}:")
            lines.extend("  " + "  ".join(f"{name}={cell}" for name, cell in row.items()) for row in rows)
    return "\n".join(lines)


def _job(folder: Path) -> int:
    """The detached process of one job."""
    try:
        jobs.finish(folder, result=actions.carry_out(folder))
    except PersmarkError as error:
        jobs.finish(folder, error=str(error))
        return 2
    except MemoryError:
        jobs.finish(folder, error="The memory ran out. Learn from fewer days, or use a larger machine.")
        return 1
    except Exception as error:
        jobs.finish(folder, error=f"Something unexpected went wrong ({type(error).__name__}).")
        raise
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if len(words) == 2 and words[0] == "job":
        return _job(Path(words[1]))
    arguments = _parser().parse_args(words)
    try:
        document = arguments.do(arguments)
    except EngineError as error:
        sys.stderr.write(f"persmark: {error}\n")
        return 1
    except PersmarkError as error:
        sys.stderr.write(f"persmark: {' '.join(str(error).split())}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("persmark: cancelled; nothing was published.\n")
        return 130
    shown = json.dumps(document, ensure_ascii=False, default=str, allow_nan=False)
    try:
        sys.stdout.write((shown if arguments.json else _shown(document)) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read us has seen enough; what was to be done is done.
        sys.stderr.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
