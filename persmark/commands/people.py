"""Verbs over users: profiles, one user, predictions, groups, lookalikes, comparisons, moves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from persmark import actions, profiles, segments
from persmark.commands.asking import AddVerb, Arguments, Document, rendered, rule_of, run, workspace_of
from persmark.errors import InputError, NotFoundError
from persmark.profiles import predict
from persmark.store import Reader, Workspace
from persmark.text import text


def _profiles(arguments: Arguments) -> Document:
    return run(arguments, workspace_of(arguments), actions.BuildProfiles(as_of=arguments.as_of))


def _user(arguments: Arguments) -> Document:
    """One user's profile, predictions with reasons, segments."""
    workspace = workspace_of(arguments)
    with workspace.reader() as reader:
        profiles.profile_columns(reader)
        found = profiles.profile(reader, arguments.user)
        if found is None:
            raise NotFoundError(
                text("A user must have a profile. Received: {user}.", user=arguments.user),
                hint="Ids are compared as text: upper and lower case, spaces and leading zeros count.",
            )
        return {
            "user_id": arguments.user,
            "profile": found,
            "attention": profiles.attention_of(reader, arguments.user).to_pylist(),
            "predictions": _predictions(workspace, reader, arguments.user, arguments.reasons),
            "segments": segments.segments_of(workspace, reader, arguments.user),
        }


def _predictions(workspace: Workspace, reader: Reader, user_id: str, n_reasons: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = predict.predictions_of(reader, user_id).to_pylist()
    for one in found:
        if n_reasons:
            told = predict.reasons(workspace, reader, user_id, one["target"], k=n_reasons)
            one["reasons"] = told.to_pylist()
    return found


def _predict(arguments: Arguments) -> Document:
    workspace = workspace_of(arguments)
    if arguments.publish:
        return run(arguments, workspace, actions.PublishPredictions(run_id=arguments.publish))
    if arguments.runs:
        return [one.to_json() for one in predict.prediction_runs(workspace)]
    made = run(arguments, workspace, actions.TrainPredictions(seed=arguments.seed))
    return {**made, **judged(predict.prediction_run(workspace, made["run_id"]).report, whole=arguments.json)}


def judged(report: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
    """Every prediction's verdict as a sentence; `whole`: with every figure behind it."""
    targets = {name: _told(one) for name, one in report["targets"].items()}
    categories = _told(report["categories"]) if report["categories"] else {}
    refused = [_told(one) for one in report["refused"]]
    if whole:
        return {"targets": targets, "categories": categories, "refused": refused}
    said = {name: one["verdict"] for name, one in targets.items()}
    if categories:
        said["all categories"] = categories["verdict"]
    return {"verdicts": said, "refused": {one["target"]: one["why"] for one in refused}}


def _told(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result whose sentences are kept in parts, with its sentences whole."""
    return {
        name: rendered(predict.unpacked(value)) if name in {"verdict", "why"} else rendered(value)
        for name, value in result.items()
    }


def _as(arguments: Arguments, what: str) -> str:
    if not arguments.name:
        raise InputError(
            text("A segment to be saved must have a name. Received: {what} without --as.", what=what),
            hint="Give --as NAME.",
        )
    return str(arguments.name)


def _groups(arguments: Arguments) -> Document:
    workspace = workspace_of(arguments)
    if arguments.save is not None:
        name = _as(arguments, "--save")
        latest = segments.found_groups(workspace)
        if not latest:
            raise NotFoundError("Groups must be looked for first. Received: --save without any.",
                                hint="Run `python -m persmark groups`.")  # fmt: skip
        request = actions.SaveGroup(run_id=latest[0].run_id, number=arguments.save, name=name)
        return run(arguments, workspace, request)
    request_ = actions.FindGroups(wanted=arguments.wanted, seed=arguments.seed)
    return run(arguments, workspace, request_)


def _user_ids(path: str) -> tuple[str, ...]:
    try:
        return tuple(Path(path).read_text("utf-8-sig").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise NotFoundError(
            text("A list of users must be a text file, one id a line. Received: {path}.", path=path)
        ) from error


def _lookalikes(arguments: Arguments) -> Document:
    workspace = workspace_of(arguments)
    if arguments.save is not None:
        name = _as(arguments, "--save")
        latest = segments.found_lookalikes(workspace)
        if not latest:
            raise NotFoundError("Lookalikes must be looked for first. Received: --save without any.",
                                hint="Run `python -m persmark lookalikes --segment S`.")  # fmt: skip
        request = actions.SaveLookalikes(run_id=latest[0].run_id, n_first=arguments.save, name=name)
        return run(arguments, workspace, request)
    seeds = [one for one in (arguments.segment, arguments.rule, arguments.users) if one]
    if len(seeds) != 1:
        raise InputError(
            text("Lookalikes must have one seed. Received: {n}.", n=len(seeds)),
            hint="Give --segment S, --rule RULE.json or --users FILE.",
        )
    request_ = actions.FindLookalikes(
        segment=arguments.segment,
        rule=rule_of(arguments.rule) if arguments.rule else None,
        user_ids=_user_ids(arguments.users) if arguments.users else (),
        seed=arguments.seed,
    )
    return run(arguments, workspace, request_)


def _compare(arguments: Arguments) -> Document:
    workspace = workspace_of(arguments)
    rules = {name: segments.get_segment(workspace, name).rule for name in arguments.names}
    with workspace.reader() as reader:
        found = segments.compare(reader, rules, saved=segments.saved_rules(workspace))
    return {
        "segments": [
            {"segment": name, "n_users": n} for name, n in zip(found.segments, found.n_users, strict=True)
        ],
        "overlaps": found.overlaps.to_pylist(),
        "differences": rendered(found.differences),
    }


def _moved(arguments: Arguments) -> Document:
    """Who entered and left a segment since a moment, or since before an upload."""
    workspace = workspace_of(arguments)
    rule = segments.get_segment(workspace, arguments.segment).rule
    request = actions.TakeSnapshot(as_of=arguments.since, before_source=arguments.before_source)
    taken = run(arguments, workspace, request)
    before = segments.get_snapshot(workspace, taken["snapshot_id"])
    after = segments.published_snapshot(workspace)
    with workspace.reader() as reader:
        found = segments.migrate(reader, rule, before, after, saved=segments.saved_rules(workspace))
    clauses = [one.sentence.render() for one in found.clauses]
    return {
        "segment": arguments.segment,
        "before": found.before.as_of.isoformat(),
        "after": found.after.as_of.isoformat(),
        "n_before": found.n_before,
        "n_entered": found.n_entered,
        "n_left": found.n_left,
        "n_stayed": found.n_stayed,
        "n_after": found.n_after,
        "ways": [
            {
                "move": way.move,
                "reason": way.reason,
                "clauses": [clauses[place] for place in way.clauses],
                "n_users": way.n_users,
            }
            for way in found.ways
        ],
    }


def add_to(verb: AddVerb) -> None:
    """Add these verbs to the command line."""
    one = verb("profiles", "build one row per user", _profiles)
    one.add_argument("--as-of", metavar="TIME", help="ISO-8601 UTC; the last event's time by default")
    one = verb("user", "one user: profile, attention, predictions, segments", _user)
    one.add_argument("user", metavar="U")
    one.add_argument("--reasons", type=int, default=0, metavar="N", help="reasons beside each prediction")
    one = verb("predict", "train the profile models and judge them on the last weeks", _predict)
    one.add_argument("--seed", type=int, default=0, metavar="N")
    which = one.add_mutually_exclusive_group()
    which.add_argument("--runs", action="store_true", help="list the runs instead")
    which.add_argument("--publish", metavar="RUN_ID", help="have rules and pages use this run")
    one = verb("groups", "look for groups of users that nobody has named", _groups)
    one.add_argument("--wanted", type=int, metavar="K", help="so many in any case")
    one.add_argument("--seed", type=int, default=0, metavar="N")
    one.add_argument("--save", type=int, metavar="NUMBER", help="keep this group of the last search")
    one.add_argument("--as", dest="name", metavar="NAME", help="as this segment")
    one = verb("lookalikes", "rank users by likeness to a seed, with a hold-out test", _lookalikes)
    one.add_argument("--segment", metavar="S")
    one.add_argument("--rule", metavar="RULE.json")
    one.add_argument("--users", metavar="FILE", help="one user id a line")
    one.add_argument("--seed", type=int, default=0, metavar="N")
    one.add_argument("--save", type=int, metavar="N", help="keep the first N of the last ranking")
    one.add_argument("--as", dest="name", metavar="NAME", help="as this segment")
    one = verb("compare", "two to four segments side by side", _compare)
    one.add_argument("names", nargs="+", metavar="S")
    one = verb("moved", "who entered and left a segment since a moment", _moved)
    one.add_argument("--segment", required=True, metavar="S")
    since = one.add_mutually_exclusive_group(required=True)
    since.add_argument("--since", metavar="TIME", help="ISO-8601 UTC")
    since.add_argument("--before-source", type=int, metavar="SOURCE_ID", help="as before this upload")
