"""What every verb asks of the command line: its workspace, its files, and to be carried out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Protocol

from persmark import actions
from persmark.errors import InputError, NotFoundError
from persmark.jobs import OnProgress
from persmark.store import Workspace, open_workspace
from persmark.text import Text, text

Arguments = argparse.Namespace
Document = dict[str, Any] | list[dict[str, Any]]


class AddVerb(Protocol):
    """Adds a verb to the command line."""

    def __call__(self, name: str, help_: str, do: Callable[[Arguments], Document]) -> argparse.ArgumentParser:
        """Returns the verb's parser, for its own flags."""
        ...


def progress(arguments: Arguments) -> OnProgress:
    """Tells progress on standard error, where somebody watches."""
    shown = sys.stderr.isatty() or arguments.verbose
    last = ""

    def report(fraction: float, message: Text) -> None:
        nonlocal last
        line = f"{fraction:4.0%}  {message.render()}"
        if shown and line != last:
            sys.stderr.write(line + "\n")
            last = line

    return report


def workspace_of(arguments: Arguments) -> Workspace:
    """The workspace that was asked for; the built-in sample by default."""
    return open_workspace(arguments.workspace or actions.SAMPLE)


def json_file(path: str, what: str) -> Any:
    """What a JSON file holds.

    Raises:
        NotFoundError: It cannot be read.
        InputError: It is no JSON.
    """
    try:
        return json.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise NotFoundError(
            text("{what} must be a file that can be read. Received: {path}.", what=what, path=path)
        ) from error
    except ValueError as error:
        raise InputError(
            text("{what} must be JSON. Received: {path} ({why}).", what=what, path=path, why=str(error))
        ) from error


def run(arguments: Arguments, workspace: Workspace, request: actions.Request) -> dict[str, Any]:
    """Carry a request out in this process."""
    return actions.run(workspace, actions.Actor(), request, progress(arguments))


def rule_of(path: str) -> dict[str, Any]:
    """A segment's rule out of a JSON file.

    Raises:
        NotFoundError: It cannot be read.
        InputError: It is no JSON object.
    """
    rule = json_file(path, "A rule")
    if not isinstance(rule, dict):
        raise InputError(
            text("A rule must be a JSON object. Received: {rule}.", rule=str(rule)[:80]),
            hint='For example {"column": "n_purchases", "is": ">=", "value": 2}.',
        )
    return rule


def rendered(value: Any) -> Any:
    """A document of plain values: sentences as text, tuples as lists."""
    if isinstance(value, Text):
        return value.render()
    if is_dataclass(value):
        return {one.name: rendered(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {name: rendered(one) for name, one in value.items()}
    return [rendered(one) for one in value] if isinstance(value, list | tuple) else value
