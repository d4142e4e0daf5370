"""Verbs over recommenders, slates and target lists."""

from __future__ import annotations

from typing import Any

from persmark import actions, attention, segments, slates
from persmark.columns import KINDS, PRODUCT
from persmark.commands.asking import AddVerb, Arguments, Document, json_file, run, workspace_of
from persmark.errors import EmptyError


def _slate(arguments: Arguments) -> Document:
    workspace = workspace_of(arguments)
    rules = (
        slates.SlateRules.from_json(json_file(arguments.rules, "Rules"))
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


def _explain(arguments: Arguments) -> Document:
    """Why these items: attention where there is any, what each event changes, what would undo it."""
    workspace = workspace_of(arguments)
    found = actions.serving(workspace, arguments.recommender)
    if found is None:
        raise EmptyError(
            "An explanation needs a trained recommender. Received: a workspace without one.",
            hint="Run `python -m persmark train popular` first.",
        )
    recommender, run_id = found
    with workspace.reader() as reader:
        made = attention.explain_user(
            reader,
            recommender,
            arguments.user,
            arguments.item or None,
            k=arguments.k,
            exclude_seen=arguments.exclude_seen,
            as_of=workspace.as_of(),
            time_zone=workspace.time_zone,
        )
    judged = attention.verdict_of(workspace, run_id)
    document: dict[str, Any] = made.to_json()
    document["verdict"] = None if judged is None else {"said": judged.said.render(), **judged.to_json()}
    return document


def _judge(arguments: Arguments) -> Document:
    workspace = workspace_of(arguments)
    return run(arguments, workspace, actions.JudgeAttention(run_id=arguments.run, n_users=arguments.users))


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
    return run(arguments, workspace_of(arguments), request)


def _export(arguments: Arguments) -> Document:
    request = actions.ExportAudience(
        audience=arguments.audience,
        destination=arguments.destination,
        out=arguments.out,
        k_items=arguments.items,
    )
    return run(arguments, workspace_of(arguments), request)


def add_to(verb: AddVerb) -> None:
    """Add these verbs to the command line."""
    one = verb("slate", "what a user or a segment would be shown", _slate)
    who = one.add_mutually_exclusive_group(required=True)
    who.add_argument("--user", metavar="U")
    who.add_argument("--segment", metavar="S")
    one.add_argument("--kind", default=PRODUCT, choices=list(KINDS))
    one.add_argument("-k", type=int, default=10)
    one.add_argument("--recommender", metavar="NAME", help="the published run by default")
    one.add_argument("--rules", metavar="R.json")
    one = verb("explain", "why a user is shown these items", _explain)
    one.add_argument("--user", required=True, metavar="U")
    one.add_argument("--item", action="append", default=[], metavar="I", help="the slate by default")
    one.add_argument("-k", type=int, default=10)
    one.add_argument("--exclude-seen", action="store_true", help="rank without what the user had")
    one.add_argument("--recommender", metavar="NAME", help="the published run by default")
    one = verb("judge", "measure whether a run's attention weights may be believed", _judge)
    one.add_argument("--run", metavar="RUN_ID", help="the published run by default")
    one.add_argument("--users", type=int, default=attention.SAMPLE_USERS, metavar="N")
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
