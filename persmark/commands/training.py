"""Verbs over recommenders: train, find the best, keep runs, compare."""

from __future__ import annotations

from typing import Any

from persmark import actions, recommend
from persmark.commands.asking import AddVerb, Arguments, Document, run, workspace_of
from persmark.errors import InputError
from persmark.text import text


def weights_of(pairs: str) -> dict[str, float]:
    """`type=weight,...` as a table.

    Raises:
        InputError: A pair has no `=`, or its weight is no number.
    """
    weights: dict[str, float] = {}
    for pair in filter(None, (one.strip() for one in pairs.split(","))):
        name, separator, value = pair.rpartition("=")
        try:
            weights[name.strip()] = float(value)
        except ValueError:
            separator = ""
        if not separator or not name.strip():
            raise InputError(
                text("A weight must be given as type=number. Received: {pair}.", pair=pair),
                hint="For example view=0.1,cart=0.6; 0 leaves a type out.",
            )
    return weights


def names_of(listed: str) -> tuple[str, ...]:
    """Names between commas."""
    return tuple(name.strip() for name in listed.split(",") if name.strip())


def _settings(pairs: list[str], name: str) -> dict[str, Any]:
    return recommend.recommender(name).settings_type.parse(pairs).as_dict() if pairs else {}


def _settings_by_name(pairs: list[str]) -> dict[str, dict[str, Any]]:
    """`recommender.key=value`, for several recommenders."""
    of: dict[str, list[str]] = {}
    for pair in pairs:
        name, separator, rest = pair.partition(".")
        if not separator or "=" in name:
            raise InputError(
                text("A setting must be given as recommender.key=value. Received: {pair}.", pair=pair),
                hint="For example markov.half_life_days=42.",
            )
        of.setdefault(name.strip(), []).append(rest)
    return {name: _settings(rest, name) for name, rest in of.items()}


def _train(arguments: Arguments) -> Document:
    workspace = workspace_of(arguments)
    weights = weights_of(arguments.weights)
    if arguments.best:
        if arguments.recommender:
            raise InputError(
                text("The best is found among all. Received: {name} too.", name=arguments.recommender),
                hint="Name some with --recommenders a,b,c.",
            )
        request = actions.FindBest(
            minutes=arguments.minutes,
            recommenders=names_of(arguments.recommenders),
            settings=_settings_by_name(arguments.set),
            weights=weights,
            window_days=arguments.window_days,
            label=arguments.name,
            resume=arguments.resume,
        )
        return run(arguments, workspace, request)
    if not arguments.recommender:
        raise InputError(
            text("What to train must be named. Received: nothing."),
            hint=text("Available: {names}; or --best.", names=", ".join(recommend.RECOMMENDERS)),
        )
    return run(
        arguments,
        workspace,
        actions.Train(
            recommender=arguments.recommender,
            settings=_settings(arguments.set, arguments.recommender),
            weights=weights,
            window_days=arguments.window_days,
            label=arguments.name,
        ),
    )


def _evaluate(arguments: Arguments) -> Document:
    request = actions.Evaluate(
        recommenders=names_of(arguments.recommenders),
        split=arguments.split,
        test_file=arguments.test,
        test_days=arguments.test_days,
        target=arguments.target,
        min_item_events=arguments.min_item_events,
        k=arguments.k,
        repeats=arguments.repeats,
        seed=arguments.seed,
        segments=tuple(arguments.segment),
        weights=weights_of(arguments.weights),
        window_days=arguments.window_days,
        settings=_settings_by_name(arguments.set),
    )
    return run(arguments, workspace_of(arguments), request)


def _runs(arguments: Arguments) -> Document:
    workspace = workspace_of(arguments)
    if arguments.publish:
        return run(arguments, workspace, actions.PublishRun(run_id=arguments.publish))
    if arguments.rename:
        return run(arguments, workspace, actions.RenameRun(arguments.rename, arguments.name))
    if arguments.compare:
        one, other = (recommend.run_of(workspace, run_id) for run_id in arguments.compare)
        found = recommend.compare_runs(workspace, one, other)
        return {
            "run_id": one.run_id,
            "other": other.run_id,
            "paired": found.paired,
            "n_users": found.n_users,
            "differences": {
                name: {"difference": gap.mean, "interval": [gap.low, gap.high]}
                for name, gap in found.differences.items()
            },
        }
    keys = ("run_id", "label", "recommender", "state", "trained_at", "seconds", "verdict")
    listed = []
    for one_run in recommend.runs(workspace):
        document = one_run.to_json()
        figures = {name: document["metrics"].get(name) for name in ("ndcg", "ndcg_interval", "n_users")}
        listed.append({key: document[key] for key in keys} | figures)
    return listed


def add_to(verb: AddVerb) -> None:
    """Add these verbs to the command line."""
    one = verb("train", "train a recommender, or find the best, and keep the run", _train)
    one.add_argument("recommender", nargs="?", metavar="NAME", help=", ".join(recommend.RECOMMENDERS))
    one.add_argument("--set", action="append", default=[], metavar="key=value",
                     help="with --best: recommender.key=value")  # fmt: skip
    one.add_argument("--window-days", type=int, metavar="N", help="learn from the last days only")
    one.add_argument("--weights", default="", metavar="type=w,...", help="0 leaves a type out")
    one.add_argument("--name", default="", metavar="LABEL", help="what to call the run")
    one.add_argument("--best", action="store_true", help="measure all that fit, train the best")
    one.add_argument("--minutes", type=float, default=10.0, metavar="N", help="of --best, for everything")
    one.add_argument("--recommenders", default="", metavar="a,b,c", help="of --best; all by default")
    one.add_argument("--resume", action="store_true", help="of --best: go on where it stopped")
    one = verb("runs", "the trainings there are; publish, name, compare", _runs)
    what = one.add_mutually_exclusive_group()
    what.add_argument("--publish", metavar="RUN_ID", help="also the way back")
    what.add_argument("--rename", metavar="RUN_ID", help="with --name")
    what.add_argument("--compare", nargs=2, metavar="RUN_ID", help="user by user where both had the same")
    one.add_argument("--name", default="", metavar="LABEL")
    one = verb("evaluate", "compare recommenders on held-out time", _evaluate)
    one.add_argument("--recommenders", default="popular,repeat,markov", metavar="a,b,c")
    one.add_argument("--split", default="temporal", choices=["temporal", "leave-one-out", "given"])
    one.add_argument("--test", metavar="FILE", help="of the given split: user_id, item_id[, event_time]")
    one.add_argument("--test-days", type=int, default=28, metavar="N")
    one.add_argument("--target", metavar="EVENT_TYPE")
    one.add_argument("--min-item-events", type=int, default=1, metavar="N")
    one.add_argument("-k", type=int, default=10)
    one.add_argument("--repeats", default="allowed", choices=["allowed", "removed", "both"])
    one.add_argument("--segment", action="append", default=[], metavar="S", help="a row of its own")
    one.add_argument("--window-days", type=int, metavar="N", help="learn from the last days only")
    one.add_argument("--weights", default="", metavar="type=w,...", help="0 leaves a type out")
    one.add_argument("--set", action="append", default=[], metavar="recommender.key=value")
    one.add_argument("--seed", type=int, default=0, metavar="N")
