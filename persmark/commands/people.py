"""Verbs over users: profiles and segments."""

from __future__ import annotations

from persmark import actions, segments
from persmark.commands.asking import AddVerb, Arguments, Document, json_file, run, workspace_of
from persmark.errors import InputError
from persmark.text import text


def _profiles(arguments: Arguments) -> Document:
    return run(arguments, workspace_of(arguments), actions.BuildProfiles(as_of=arguments.as_of))


def _segments(arguments: Arguments) -> Document:
    workspace = workspace_of(arguments)
    if arguments.build:
        if not arguments.rule:
            raise InputError(
                "A segment must have a rule. Received: --build without --rule.", hint="Give --rule R.json."
            )
        rule = json_file(arguments.rule, "A rule")
        if not isinstance(rule, dict):
            raise InputError(
                text("A rule must be a JSON object. Received: {rule}.", rule=str(rule)[:80]),
                hint='For example {"column": "n_purchases", "is": ">=", "value": 2}.',
            )
        run(arguments, workspace, actions.SaveSegment(name=arguments.build, rule=rule))
    with workspace.reader() as reader:
        sizes = segments.segment_sizes(workspace, reader)
    return [one.as_json() for one in sizes]


def add_to(verb: AddVerb) -> None:
    """Add these verbs to the command line."""
    one = verb("profiles", "build one row per user", _profiles)
    one.add_argument("--as-of", metavar="TIME", help="ISO-8601 UTC; the last event's time by default")
    one = verb("segments", "list segments with their sizes, or save one", _segments)
    one.add_argument("--build", metavar="NAME")
    one.add_argument("--rule", metavar="RULE.json")
