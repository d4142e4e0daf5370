"""The verbs over segments: counting and saving rules, and what becomes of a saved one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from persmark import actions, segments
from persmark.commands.asking import AddVerb, Arguments, Document, rendered, rule_of, run, workspace_of
from persmark.errors import InputError, NotFoundError
from persmark.store import Workspace
from persmark.text import text


def _counted(workspace: Workspace, rule: dict[str, Any]) -> Document:
    """A rule that is not saved: its sentence, its steps, what its users come to."""
    saved = segments.saved_rules(workspace)
    with workspace.reader() as reader:
        steps = segments.count_by_clause(reader, rule, saved=saved)
        facts = segments.segment_facts(workspace, reader, rule, saved=saved)
    return {
        "sentence": segments.describe(rule, saved=saved).render(),
        **rendered(facts),
        "clauses": [
            {"clause": one.sentence.render(), "n_users": one.n_users, "n_left": one.n_left} for one in steps
        ],
    }


def _segments(arguments: Arguments) -> Document:
    workspace = workspace_of(arguments)
    if arguments.build and not arguments.rule:
        raise InputError(
            "A segment must have a rule. Received: --build without --rule.", hint="Give --rule R.json."
        )
    if arguments.export:
        return run(arguments, workspace, actions.ExportSegment(name=arguments.export, out=arguments.out))
    if arguments.rule and not arguments.build:
        return _counted(workspace, rule_of(arguments.rule))
    if arguments.build:
        run(arguments, workspace, actions.SaveSegment(name=arguments.build, rule=rule_of(arguments.rule)))
    with workspace.reader() as reader:
        sizes = segments.segment_sizes(workspace, reader)
    return [one.as_json() for one in sizes]


def _segment(arguments: Arguments) -> Document:
    """One segment by name: its versions, or one change of it."""
    workspace, name = workspace_of(arguments), arguments.segment
    if arguments.undo:
        return run(arguments, workspace, actions.UndoSegment(name))
    if arguments.restore is not None:
        return run(arguments, workspace, actions.RestoreSegment(name, version=arguments.restore))
    if arguments.delete:
        return run(arguments, workspace, actions.DeleteSegment(name))
    if arguments.duplicate:
        return run(arguments, workspace, actions.DuplicateSegment(name, arguments.duplicate))
    if arguments.read:
        try:
            content = Path(arguments.read).read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise NotFoundError(
                text("A rule must be a file that can be read. Received: {path}.", path=arguments.read)
            ) from error
        return run(arguments, workspace, actions.ImportSegment(content, name=name))
    saved = segments.saved_rules(workspace)
    if arguments.why:
        rule = segments.get_segment(workspace, name).rule
        with workspace.reader() as reader:
            told = segments.why(reader, rule, arguments.why, saved=saved)
        return [{"clause": one.sentence.render(), "holds": one.holds} for one in told]
    document = segments.rule_document(workspace, name)
    return {
        **rendered(document),
        "sql": segments.readable_sql(document["rule"], saved=saved),
        "versions": [
            {"version": one.version, "saved_at": one.saved_at, "n_users": one.n_users_saved, "rule": one.rule}
            for one in segments.segment_versions(workspace, name)
        ],
    }


def add_to(verb: AddVerb) -> None:
    """Add these verbs to the command line."""
    one = verb("segments", "list segments with their sizes, count a rule, save or export one", _segments)
    one.add_argument("--build", metavar="NAME", help="save the rule under this name")
    one.add_argument("--rule", metavar="RULE.json", help="alone: how many users it holds for")
    one.add_argument("--export", metavar="NAME", help="write a segment's users as CSV")
    one.add_argument("--out", metavar="DIR", help="where to")
    one = verb("segment", "one segment: rule, SQL, versions, or one change of it", _segment)
    one.add_argument("segment", metavar="S")
    which = one.add_mutually_exclusive_group()
    which.add_argument("--why", metavar="U", help="which clauses hold for a user")
    which.add_argument("--undo", action="store_true", help="take its last change back")
    which.add_argument("--restore", type=int, metavar="VERSION", help="an older rule in force again")
    which.add_argument("--delete", action="store_true")
    which.add_argument("--duplicate", metavar="NAME", help="its rule under another name")
    which.add_argument("--read", metavar="FILE", help="save the rule of a file under this name")
