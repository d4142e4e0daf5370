"""The same story from a shell: `python -m persmark VERB`.

Exit status: 0; 2 for the caller's mistake, with one clear line on standard error; 1 for ours.
With `--json`, standard output holds one JSON document; progress goes to standard error.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from persmark import actions, jobs, recommend, segments, slates
from persmark.columns import KINDS, PRODUCT
from persmark.errors import EmptyError, InputError, NotFoundError, PersmarkError
from persmark.jobs import OnProgress
from persmark.store import EngineError, Workspace, create_workspace, list_workspaces, open_workspace
from persmark.text import Text, text

Arguments = argparse.Namespace
Document = dict[str, Any] | list[dict[str, Any]]


class _Parser(argparse.ArgumentParser):
    """One clear line on a wrong flag, instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message}. See `{self.prog} --help`.\n")
        sys.exit(2)


def _progress(arguments: Arguments) -> OnProgress:
    shown = sys.stderr.isatty() or arguments.verbose
    last = ""

    def report(fraction: float, message: Text) -> None:
        nonlocal last
        line = f"{fraction:4.0%}  {message.render()}"
        if shown and line != last:
            sys.stderr.write(line + "\n")
            last = line

    return report


def _workspace(arguments: Arguments) -> Workspace:
    return open_workspace(arguments.workspace or actions.SAMPLE)


def _json_file(path: str, what: str) -> Any:
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


def _run(arguments: Arguments, workspace: Workspace, request: actions.Request) -> dict[str, Any]:
    return actions.run(workspace, actions.Actor(), request, _progress(arguments))


def _sample(arguments: Arguments) -> Document:
    return _run(arguments, actions.sample_workspace(), actions.LoadSample())


def _simulate(arguments: Arguments) -> Document:
    workspace = actions.demo_workspace()
    return _run(arguments, workspace, actions.LoadDemo(n_users=arguments.users, seed=arguments.seed))


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
        mapping = events.Mapping.from_json(_json_file(arguments.mapping, "A mapping")).to_json()
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
        return {"workspace": workspace.name, **_run(arguments, workspace, request)}
    except PersmarkError:
        if not arguments.workspace and not workspace.state.count("sources"):
            # It was made for this file, of which nothing was loaded.
            actions.remove_workspace(actions.Actor(), workspace.name)
        raise


def _rejects(arguments: Arguments) -> Document:
    from persmark import events

    workspace = _workspace(arguments)
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


def _profiles(arguments: Arguments) -> Document:
    return _run(arguments, _workspace(arguments), actions.BuildProfiles(as_of=arguments.as_of))


def _segments(arguments: Arguments) -> Document:
    workspace = _workspace(arguments)
    if arguments.build:
        if not arguments.rule:
            raise InputError(
                "A segment must have a rule. Received: --build without --rule.", hint="Give --rule R.json."
            )
        rule = _json_file(arguments.rule, "A rule")
        if not isinstance(rule, dict):
            raise InputError(
                text("A rule must be a JSON object. Received: {rule}.", rule=str(rule)[:80]),
                hint='For example {"column": "n_purchases", "is": ">=", "value": 2}.',
            )
        _run(arguments, workspace, actions.SaveSegment(name=arguments.build, rule=rule))
    with workspace.reader() as reader:
        sizes = segments.segment_sizes(workspace, reader)
    return [one.as_json() for one in sizes]


def _train(arguments: Arguments) -> Document:
    kind = recommend.recommender(arguments.name)
    settings = kind.settings_type.parse(arguments.set).as_dict() if arguments.set else {}
    return _run(
        arguments, _workspace(arguments), actions.Train(recommender=arguments.name, settings=settings)
    )


def _evaluate(arguments: Arguments) -> Document:
    request = actions.Evaluate(
        recommenders=tuple(name.strip() for name in arguments.recommenders.split(",") if name.strip()),
        split=arguments.split,
        test_file=arguments.test,
        test_days=arguments.test_days,
        target=arguments.target,
        min_item_events=arguments.min_item_events,
        k=arguments.k,
        repeats=arguments.repeats,
        seed=arguments.seed,
    )
    return _run(arguments, _workspace(arguments), request)


def _slate(arguments: Arguments) -> Document:
    workspace = _workspace(arguments)
    rules = (
        slates.SlateRules.from_json(_json_file(arguments.rules, "Rules"))
        if arguments.rules
        else slates.SlateRules()
    )
    found = actions.serving(workspace, arguments.recommender)
    as_of = workspace.as_of()
    if found is None or as_of is None:
        raise EmptyError(
            "A slate needs a trained recommender. Received: a workspace without one.",
            hint="Run `python -m persmark train popular` first.",
        )
    recommender, run_id = found
    with workspace.reader() as reader:
        users = None
        if arguments.segment:
            rule = segments.get_segment(workspace, arguments.segment).rule
            saved = segments.saved_rules(workspace)
            users = segments.members(reader, rule, saved=saved)["user_id"].to_pylist()
        request = slates.SlateRequest(
            user_id=arguments.user,
            users=users,
            segment=arguments.segment,
            kind=arguments.kind,
            k=arguments.k,
            rules=rules,
            run_id=run_id,
        )
        made = slates.build_slate(reader, recommender, request, as_of=as_of, time_zone=workspace.time_zone)
    document: dict[str, Any] = made.to_json()
    return document


def _audience(arguments: Arguments) -> Document:
    request = actions.CreateAudience(
        name=arguments.name,
        segment=arguments.segment,
        item_id=arguments.item,
        exclude_segments=tuple(arguments.exclude),
        limit=arguments.limit,
        holdout_share=arguments.holdout,
        seed=arguments.seed,
        only_granted=arguments.only_granted,
    )
    return _run(arguments, _workspace(arguments), request)


def _export(arguments: Arguments) -> Document:
    request = actions.ExportAudience(
        audience=arguments.audience,
        destination=arguments.destination,
        out=arguments.out,
        k_items=arguments.items,
    )
    return _run(arguments, _workspace(arguments), request)


def _quality(arguments: Arguments) -> Document:
    from persmark.events import quality

    workspace = _workspace(arguments)
    if arguments.apply:
        rule = quality.Rule.from_json(_json_file(arguments.apply, "A quality rule"))
        _run(arguments, workspace, actions.SaveRule(rule=rule.to_json()))
    if arguments.off is not None:
        _run(arguments, workspace, actions.SwitchRule(rule_id=arguments.off, active=False))
    if quality.rules_pending(workspace):
        _run(arguments, workspace, actions.ApplyRules())
    found = quality.findings(workspace)
    if found is None:
        _run(arguments, workspace, actions.CheckQuality())
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
    return _run(arguments, _workspace(arguments), actions.Compact())


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
    one = verb("profiles", "build one row per user", _profiles)
    one.add_argument("--as-of", metavar="TIME", help="ISO-8601 UTC; the last event's time by default")
    one = verb("segments", "list segments with their sizes, or save one", _segments)
    one.add_argument("--build", metavar="NAME")
    one.add_argument("--rule", metavar="RULE.json")
    one = verb("train", "train a recommender and keep the run", _train)
    one.add_argument("name", metavar="NAME", help=", ".join(recommend.RECOMMENDERS))
    one.add_argument("--set", action="append", default=[], metavar="key=value")
    one = verb("evaluate", "compare recommenders on held-out time", _evaluate)
    one.add_argument("--recommenders", default="popular,repeat,markov", metavar="a,b,c")
    one.add_argument("--split", default="temporal", choices=["temporal", "leave-one-out", "given"])
    one.add_argument("--test", metavar="FILE", help="of the given split: user_id, item_id")
    one.add_argument("--test-days", type=int, default=28, metavar="N")
    one.add_argument("--target", metavar="EVENT_TYPE")
    one.add_argument("--min-item-events", type=int, default=1, metavar="N")
    one.add_argument("-k", type=int, default=10)
    one.add_argument("--repeats", default="allowed", choices=["allowed", "removed"])
    one.add_argument("--seed", type=int, default=0, metavar="N")
    one = verb("slate", "what a user or a segment would be shown", _slate)
    who = one.add_mutually_exclusive_group(required=True)
    who.add_argument("--user", metavar="U")
    who.add_argument("--segment", metavar="S")
    one.add_argument("--kind", default=PRODUCT, choices=list(KINDS))
    one.add_argument("-k", type=int, default=10)
    one.add_argument("--recommender", metavar="NAME", help="the published run by default")
    one.add_argument("--rules", metavar="R.json")
    one = verb("audience", "choose users and withhold a holdout", _audience)
    one.add_argument("name", metavar="NAME")
    one.add_argument("--segment", metavar="S")
    one.add_argument("--item", metavar="ITEM_ID", help="who would like this item most")
    one.add_argument("--exclude", action="append", default=[], metavar="S", help="leave a segment out")
    one.add_argument("--limit", type=int, metavar="N")
    one.add_argument("--only-granted", action="store_true", help="only users who said yes to e-mail")
    one.add_argument("--holdout", type=float, default=0.10, metavar="SHARE")
    one.add_argument("--seed", type=int, default=1, metavar="N")
    one = verb("export", "write a target list", _export)
    one.add_argument("--audience", required=True, metavar="A")
    one.add_argument("--destination", default="csv", metavar="D")
    one.add_argument("--out", metavar="DIR")
    one.add_argument("--items", type=int, default=3, metavar="N", help="items beside each user")
    one = verb("quality", "what is odd about the events, and the rules that mend it", _quality)
    one.add_argument("--apply", metavar="RULE.json", help="save a rule and write the events anew under it")
    one.add_argument("--off", type=int, metavar="RULE_ID", help="switch a rule off and take it back")
    verb("compact", "make one sorted file of base and appended events", _compact)
    return parser


def _shown(document: Document) -> str:
    """A document for people: a line per row, or per key."""
    if isinstance(document, list):
        return "\n".join("  ".join(f"{key}={value}" for key, value in row.items()) for row in document)
    lines = []
    for key, value in document.items():
        rows = value if isinstance(value, list) and value and isinstance(value[0], dict) else None
        if rows is None:
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
