"""Verbs over data: workspaces, files in, rejected rows out, quality."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from persmark import actions
from persmark.commands.asking import AddVerb, Arguments, Document, json_file, run, workspace_of
from persmark.errors import InputError, NotFoundError, PersmarkError
from persmark.store import create_workspace, list_workspaces, open_workspace
from persmark.text import text


def _workspaces(arguments: Arguments) -> Document:
    if arguments.create:
        create_workspace(arguments.create, time_zone=arguments.time_zone)
    if arguments.delete:
        actions.remove_workspace(actions.Actor(), arguments.delete)
    found = [open_workspace(name) for name in list_workspaces()]
    return [
        {
            "workspace": one.name,
            "label": one.label,
            "kind": one.kind,
            "time_zone": one.time_zone,
            "n_events": one.stats("events").get("n_events", 0),
            "n_users": one.stats("events").get("n_users", 0),
            "as_of": one.stats("events").get("last_event_time"),
        }
        for one in found
    ]


def _sample(arguments: Arguments) -> Document:
    return run(arguments, actions.sample_workspace(), actions.LoadSample())


def _simulate(arguments: Arguments) -> Document:
    workspace = actions.demo_workspace()
    return run(arguments, workspace, actions.LoadDemo(n_users=arguments.users, seed=arguments.seed))


def _check_mapping_name(name: str, workspace: str | None) -> None:
    """Refuse what is neither a file nor the name of a saved mapping."""
    from persmark import events

    saved = [one.name for one in events.saved_mappings(open_workspace(workspace))] if workspace else []
    if name not in saved:
        raise NotFoundError(
            text("A mapping must be a JSON file, or saved in the workspace. Received: {name}.", name=name),
            hint=text("Saved here: {names}.", names=", ".join(saved) or "none"),
        )


def _load(arguments: Arguments) -> Document:
    from persmark import events

    mapping = None
    saved = arguments.mapping if arguments.mapping and not Path(arguments.mapping).is_file() else None
    if saved:
        _check_mapping_name(saved, arguments.workspace)
    elif arguments.mapping:
        mapping = events.Mapping.from_json(json_file(arguments.mapping, "A mapping")).to_json()
    files = [Path(name) for name in arguments.files]
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise NotFoundError(
            text("A file to load must exist. Received: {names}.", names=", ".join(missing)),
            hint="Check the path.",
        )
    if arguments.dry_run:
        return {"sources": [_proposed(events.propose(path, kind=arguments.kind)) for path in files]}
    # Refuse what cannot be read before a workspace is made, or one file of several is loaded.
    for path in [] if mapping or saved else files[int(bool(arguments.workspace)) :]:
        events.propose(path, kind=arguments.kind)
    if arguments.workspace:
        workspace = open_workspace(arguments.workspace)
    else:
        workspace = actions.create_workspace_for_upload(
            actions.Actor(), files[0].name, time_zone=arguments.time_zone
        )
    request = actions.LoadFiles(
        paths=tuple(str(path) for path in files),
        kind=arguments.kind,
        mapping=mapping,
        mapping_name=saved,
        build_profiles=arguments.profiles,
    )
    try:
        return {"workspace": workspace.name, **run(arguments, workspace, request)}
    except PersmarkError:
        if not arguments.workspace and not workspace.state.count("sources"):
            # It was made for this file, of which nothing was loaded.
            actions.remove_workspace(actions.Actor(), workspace.name)
        raise


def _rejects(arguments: Arguments) -> Document:
    from persmark import events

    workspace = workspace_of(arguments)
    out = Path(arguments.out or f"rejected-{arguments.source}.csv")
    with events.rejects_file(workspace, arguments.source) as found:
        try:
            with out.open("wb") as copy:
                shutil.copyfileobj(found, copy)
        except OSError as error:
            raise InputError(
                text("Rejected rows must go to a file that can be written. Received: {path} ({why}).",
                     path=str(out), why=error.strerror or "")
            ) from error  # fmt: skip
    n = workspace.state.count("rejects", {"source_id": arguments.source})
    return {"source_id": arguments.source, "file": str(out), "n_rows": n}


def _proposed(found: Any) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "columns": list(found.columns),
        "mapping": found.mapping.to_json(),
        "notes": [note.render() for note in found.notes],
        "questions": [
            {
                "key": one.key,
                "question": one.text.render(),
                "options": list(one.options),
                "assumed": one.assumed,
            }
            for one in found.questions
        ],
    }


def _quality(arguments: Arguments) -> Document:
    from persmark.events import quality

    workspace = workspace_of(arguments)
    if arguments.apply:
        rule = quality.Rule.from_json(json_file(arguments.apply, "A quality rule"))
        run(arguments, workspace, actions.SaveRule(rule=rule.to_json()))
    if arguments.off is not None:
        run(arguments, workspace, actions.SwitchRule(rule_id=arguments.off, active=False))
    if quality.rules_pending(workspace):
        run(arguments, workspace, actions.ApplyRules())
    found = quality.findings(workspace)
    if found is None:
        run(arguments, workspace, actions.CheckQuality())
        found = quality.findings(workspace) or []
    return {
        "findings": [
            {
                "key": one.key,
                "level": one.level,
                "source_id": one.source_id,
                "n": one.n,
                "of": one.of,
                "text": one.text.render(),
                "examples": [example.render() for example in one.examples],
                "fix": one.fix.to_json() if one.fix else None,
            }
            for one in found
        ],
        "rules": [
            {
                "rule_id": one.rule_id,
                "active": one.active,
                "applied": one.applied,
                "n_events": one.n_events,
                "text": one.rule.sentence().render(),
                "rule": one.rule.to_json(),
            }
            for one in quality.saved_rules(workspace)
        ],
    }


def _compact(arguments: Arguments) -> Document:
    return run(arguments, workspace_of(arguments), actions.Compact())


def add_to(verb: AddVerb) -> None:
    """Add these verbs to the command line."""
    one = verb("workspaces", "list, create or delete workspaces", _workspaces)
    one.add_argument("--create", metavar="W")
    one.add_argument("--delete", metavar="W")
    one.add_argument("--time-zone", default="UTC", metavar="ZONE", help="of a new one, as Europe/Berlin")
    verb("sample", "load the built-in sample", _sample)
    one = verb("simulate", "make the synthetic demo shop in workspace 'demo'", _simulate)
    one.add_argument("--users", type=int, default=2000, metavar="N")
    one.add_argument("--seed", type=int, default=7, metavar="N")
    one = verb("load", "load files of events, items or users", _load)
    one.add_argument("files", nargs="+", metavar="FILE")
    one.add_argument("--kind", choices=["events", "items", "users"])
    one.add_argument("--mapping", metavar="M.json", help="or the name of a saved mapping")
    one.add_argument("--dry-run", action="store_true", help="say what the files seem to be, load nothing")
    one.add_argument("--time-zone", default="UTC", metavar="ZONE", help="of a new workspace")
    one.add_argument("--profiles", action="store_true", help="build the profiles afterwards")
    one = verb("rejects", "write a file's rejected rows to be fixed and loaded again", _rejects)
    one.add_argument("source", type=int, metavar="SOURCE_ID", help="as `load` told it")
    one.add_argument("--out", metavar="FILE", help="rejected-SOURCE_ID.csv here by default")
    one = verb("quality", "what is odd about the events, and the rules that mend it", _quality)
    one.add_argument("--apply", metavar="RULE.json", help="save a rule and write the events anew under it")
    one.add_argument("--off", type=int, metavar="RULE_ID", help="switch a rule off and take it back")
    verb("compact", "make one sorted file of base and appended events", _compact)
