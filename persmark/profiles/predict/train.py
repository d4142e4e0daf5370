"""The training: every target chosen on the past, judged on the last weeks, then fitted to all and scored."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from persmark.errors import EmptyError
from persmark.profiles.predict import features, judge, saved
from persmark.profiles.predict.features import EVERYBODY, Column, Whom, sampled
from persmark.profiles.predict.judge_pairs import judge_pairs
from persmark.profiles.predict.learners import (
    BASE,
    LEAST_RARE_FOR_TREES,
    RFM,
    calibration,
    log_loss,
    simplest,
)
from persmark.profiles.predict.material import Material, halves
from persmark.profiles.predict.pair_learner import CANDIDATES, PairLearner
from persmark.profiles.predict.pairs import Pairs, bought_lately, factors_of, most_bought
from persmark.profiles.predict.runs import (
    INPUTS,
    SCORES,
    TRAINED,
    PredictionRun,
    content_versions,
    keep_run,
    prediction_run,
    publish_predictions,
    published_run,
    remove_orphans,
)
from persmark.profiles.predict.scoring import (
    Training,
    estimators_of,
    facts_of,
    inputs_of,
    scores_of,
)
from persmark.profiles.predict.targets import (
    AHEAD_DAYS,
    AMOUNT,
    BUY,
    BUY_DAYS,
    CHANCE,
    CHURN,
    DAYS,
    NEXT,
    SPEND,
    buy_of,
    reach_of,
    target,
)
from persmark.profiles.predict.users import LEAST_OUTCOMES, learn, too_little
from persmark.profiles.predict.verdicts import packed, standings, unpacked, verdict
from persmark.profiles.predict.windows import Plan, least_days, plan
from persmark.settings import settings
from persmark.store import Reader, Workspace, now
from persmark.text import Text, text

if TYPE_CHECKING:
    from persmark.jobs import OnProgress

_KINDS: Mapping[str, tuple[str, int]] = {
    BUY: (CHANCE, BUY_DAYS),
    CHURN: (CHANCE, AHEAD_DAYS),
    SPEND: (AMOUNT, AHEAD_DAYS),
    NEXT: (DAYS, AHEAD_DAYS),
}  # fmt: skip


def train_predictions(
    workspace: Workspace, *, seed: int = 0, on_progress: OnProgress | None = None
) -> PredictionRun:
    """Choose, judge, fit and score all targets; the first run of a workspace is published.

    Everything is judged on the last 12 weeks by models that saw nothing of them, and candidates are
    chosen by a window before those. What is served is fitted again with the last weeks in its past.

    Args:
        workspace: Where.
        seed: Of samples, draws and trees.
        on_progress: Called with a fraction 0 to 1 and what is happening.

    Raises:
        EmptyError: There are no events, or too short a history for any target.
    """
    started = time.perf_counter()

    def tell(share: float, doing: Text) -> None:
        if on_progress:
            on_progress(share, doing)

    # Before the limit is set: it holds for the libraries that are loaded by then.
    import sklearn.ensemble  # noqa: F401
    from threadpoolctl import threadpool_limits

    remove_orphans(workspace)
    reads = content_versions(workspace)
    # One thread: others of a busy machine would only be waited for, and the page goes on beside it.
    with threadpool_limits(1), workspace.reader() as reader:
        tell(0.0, text("Reading events"))
        training = Training(_material(workspace, reader, seed), seed, tell)
        _learn_users(training)
        _learn_channels(training)
        _learn_pairs(training)
        if not training.report.targets:
            first = training.report.refused[0]
            raise EmptyError(
                text("Predictions need more data. Received for '{title}': {why}",
                     title=first["title"], why=unpacked(first["why"])),
                title="Too little to learn from", hint="Load a longer history, or more users.",
            )  # fmt: skip
        tell(0.85, text("Scoring everybody"))
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        run_id = f"{stamp}-predictions-{secrets.token_hex(2)}"
        everybody = training.material.frame(training.material.as_of, Whom())
        report = {
            "as_of": training.material.as_of.isoformat(),
            "begun": training.material.begun.isoformat(),
            "n_users": len(everybody),
            "test": _test_window(training.material),
            **asdict(training.report),
        }
        run = PredictionRun(
            run_id=run_id,
            settings={"seed": seed, **asdict(settings().predict)},
            reads=reads,
            report=report,
            seconds=0.0,
            state=TRAINED,
            trained_at=now(),
        )
        tables = {SCORES: scores_of(training, everybody, run_id), INPUTS: [inputs_of(everybody)]}
        facts, estimators = facts_of(training, everybody), estimators_of(training)
        run = replace(run, seconds=round(time.perf_counter() - started, 3))
        keep_run(
            workspace, run,
            lambda folder: saved.store(folder, facts, estimators, tables),
        )  # fmt: skip
    if published_run(workspace) is None:
        tell(0.97, text("Publishing"))
        publish_predictions(workspace, run_id)
    tell(1.0, text("Done"))
    return prediction_run(workspace, run_id)


def _material(workspace: Workspace, reader: Reader, seed: int) -> Material:
    begun, newest, n_users = reader.rows(features.query("history"), limit_ms=None)[0]
    if begun is None:
        raise EmptyError(text("Predictions need events. Received: a workspace without any."),
                         title="No events yet", hint="Load events first.")  # fmt: skip
    built = workspace.stats("profiles").get("as_of")
    as_of = min(datetime.fromisoformat(built), newest) if built else newest
    chosen = settings().predict
    things = most_bought(reader, as_of, days=AHEAD_DAYS, most=1)
    made = Material(
        workspace, reader, begun, as_of, sampled(n_users, chosen.most_users), Whom(below=EVERYBODY), things
    )
    horizon = plan(begun, as_of, BUY_DAYS)
    if horizon is not None:
        most = min(chosen.most_things, max(1, chosen.most_scores // max(n_users, 1)))
        # Asked as of the first test moment: what sold in the test window must not choose what is judged.
        made.things = most_bought(reader, horizon.tests[0], days=AHEAD_DAYS, most=most)
        made.pair_whom = sampled(n_users, chosen.most_pairs // max(len(made.things), 1))
    return made


def _history_days(material: Material) -> float:
    return (material.as_of - material.begun).total_seconds() / 86400.0


def _test_window(material: Material) -> dict[str, Any] | None:
    found = plan(material.begun, material.as_of, AHEAD_DAYS) or plan(material.begun, material.as_of, BUY_DAYS)
    if found is None:
        return None
    return {"from": found.tests[0].isoformat(), "to": material.as_of.isoformat(),
            "days": (material.as_of - found.tests[0]).days}  # fmt: skip


def _moments(horizon: Plan) -> list[datetime]:
    return sorted({*horizon.past, *horizon.tests, *horizon.serving})


def _too_short(material: Material, days: int) -> Text:
    return text("It needs {least} days of events; there are {n}.",
                least=least_days(days), n=int(_history_days(material)))  # fmt: skip


def _learn_users(training: Training) -> None:
    material, report = training.material, training.report
    for position, (name, (kind, days)) in enumerate(_KINDS.items()):
        training.tell(0.02 + 0.08 * position, text("Learning: {title}", title=target(name).title))
        horizon = plan(material.begun, material.as_of, days)
        if horizon is None:
            report.refuse(name, _too_short(material, days))
            continue
        samples = {moment: material.sample(name, moment, days) for moment in _moments(horizon)}
        why = too_little(kind, [samples[at] for at in horizon.past], [samples[at] for at in horizon.tests])
        if why:
            report.refuse(name, why)
            continue
        made = learn(name, kind, horizon, samples, seed=training.seed)
        training.users[name] = made
        report.keep(name, made.result)


def _learn_channels(training: Training) -> None:
    material, report = training.material, training.report
    horizon = plan(material.begun, material.as_of, BUY_DAYS)
    if horizon is None:
        return
    known = material.reader.rows(
        features.query("channels"),
        {"as_of": horizon.tests[0], "most": settings().predict.most_channels},
        limit_ms=None,
    )
    for position, (channel, _, n_visits, _) in enumerate(known):
        training.tell(0.34 + 0.08 * position / len(known), text("Learning: channel {name}", name=channel))
        name, contacted = reach_of(channel), not n_visits
        samples = {
            moment: material.reached(channel, moment, BUY_DAYS, contacted=contacted)
            for moment in _moments(horizon)
        }
        why = too_little(CHANCE, [samples[at] for at in horizon.past], [samples[at] for at in horizon.tests])
        if why:
            report.refuse(name, why)
            continue
        made = learn(name, CHANCE, horizon, samples, seed=training.seed)
        training.channels[name] = (channel, made)
        report.keep(name, made.result, contacted=contacted)


def _learn_pairs(training: Training) -> None:
    material, report, seed = training.material, training.report, training.seed
    horizon = plan(material.begun, material.as_of, BUY_DAYS)
    if horizon is None or not len(material.things):
        return
    training.tell(0.44, text("Reading what each user does with each category"))
    _leave_rare_things_out(training, horizon)
    if not len(material.things):
        return
    past = [material.pairs(moment, BUY_DAYS) for moment in horizon.past]
    tests = [material.pairs(moment, BUY_DAYS) for moment in horizon.tests]
    training.tell(0.5, text("Learning: {n} categories", n=len(material.things)))
    best, errors, calibrated = _choose_pairs(training, horizon, past)
    training.tell(0.62, text("Learning: {n} categories", n=len(material.things)))
    fitted = PairLearner.fit(
        (best, BASE, RFM), [one for one, _ in past], [came for _, came in past], seed=seed
    )
    fitted[best].calibration = dict(calibrated)
    plain = replace(fitted[RFM], calibration={})
    training.tell(0.7, text("Judging {n} categories", n=len(material.things)))
    scores = {
        judge.OURS: np.concatenate([fitted[best].predict(one) for one, _ in tests]),
        "base": np.concatenate([fitted[BASE].predict(one) for one, _ in tests]),
        "rfm": np.concatenate([plain.predict(one) for one, _ in tests]),
    }
    whole, single = judge_pairs(
        np.concatenate([one.of.users for one, _ in tests]),
        np.concatenate([came for _, came in tests]),
        scores,
        seed=seed,
        tell=lambda at: training.tell(
            0.7 + 0.08 * at, text("Judging {n} categories", n=len(material.things))
        ),
    )
    more = {"kind": CHANCE, "candidate": best, "errors": errors, "facts": calibrated,
            "n_past_windows": len(past)}  # fmt: skip
    report.categories = {**whole, **more, "by_item": material.things.by_item}
    report.categories |= {"standings": standings(report.categories),
                          "verdict": packed(verdict(report.categories))}  # fmt: skip
    kept = []
    for place, (name, title) in enumerate(zip(material.things.names, material.things.titles, strict=True)):
        result = single[place]
        if result is None:
            report.refuse(buy_of(name), text("In the test window nobody, or everybody, bought it."), title)
        else:
            kept.append(place)
            n_past = sum(int(came[:, place].sum()) for _, came in past)
            report.keep(buy_of(name), {**more, "errors": {}, "target": buy_of(name), **result}, title,
                        n_past_positive=n_past)  # fmt: skip
    del past, tests
    material.let_go(horizon.serving)
    training.tell(0.79, text("Learning what is served"))
    serving = [material.pairs(moment, BUY_DAYS) for moment in horizon.serving]
    training.factors = factors_of([bought_lately(one.values) for one, _ in serving])
    learner = PairLearner.fit((best,), [one for one, _ in serving], [came for _, came in serving], seed=seed)[
        best
    ]
    learner.calibration = dict(calibrated)
    training.pair_learner = learner
    material.let_go(())


def _leave_rare_things_out(training: Training, horizon: Plan) -> None:
    """Refuse categories that too few, or nearly all, bought in the past windows."""
    material = training.material
    counted = np.zeros(len(material.things), np.int64)
    n_rows = 0
    for moment in horizon.past:
        _, came = material.pairs(moment, BUY_DAYS)
        counted += came.sum(axis=0)
        n_rows += len(came)
    kept = [int(i) for i in np.flatnonzero(np.minimum(counted, n_rows - counted) >= LEAST_OUTCOMES)]
    for place in sorted(set(range(len(counted))) - set(kept)):
        why = text(
            "In the past windows it was bought {n} times of {m}; at least {least} users must have bought it"
            " and {least} not.",
            n=int(counted[place]), m=n_rows, least=LEAST_OUTCOMES,
        )  # fmt: skip
        training.report.refuse(buy_of(material.things.names[place]), why, material.things.titles[place])
    if len(kept) < len(counted):
        material.things = material.things.some(kept)
        material.let_go(())


def _choose_pairs(
    training: Training, horizon: Plan, past: list[tuple[Pairs, Column]]
) -> tuple[str, dict[str, float], dict[str, float]]:
    """The candidate with the least log loss on the window before the test, and its calibration there."""
    earlier, decides = horizon.choice
    places = {moment: place for place, moment in enumerate(horizon.past)}
    if decides is not None:
        fit = [past[places[moment]] for moment in earlier]
        given, came = past[places[decides]]
    else:
        parted = [halves(one.of.users) for one, _ in past]
        fit = [_some(one, ~half) for one, half in zip(past, parted, strict=True)]
        given, came = _some(past[0], parted[0])
    share = 0.12

    def tell(at: float) -> None:
        training.tell(0.5 + share * at, text("Choosing between {n} kinds of models", n=len(CANDIDATES)))

    enough = sum(int(found.sum()) for _, found in fit) >= LEAST_RARE_FOR_TREES
    fitted = PairLearner.fit(
        CANDIDATES if enough else (BASE, RFM),
        [one for one, _ in fit],
        [found for _, found in fit],
        seed=training.seed,
        tell=tell,
    )
    happened = came.ravel().astype(np.float64)
    scores = {name: learner.predict(given).ravel() for name, learner in fitted.items()}
    by_user = {
        name: log_loss(score, happened).reshape(came.shape).mean(axis=1) for name, score in scores.items()
    }
    errors = {name: float(each.mean()) for name, each in by_user.items()}
    best = simplest(by_user)
    rows = np.repeat(halves(given.of.users), given.n_things)
    return best, errors, calibration(scores[best], happened, rows) if best != BASE else {}


def _some(one: tuple[Pairs, Column], rows: Column) -> tuple[Pairs, Column]:
    """Pairs of some of the users."""
    given, came = one
    kept = np.flatnonzero(rows)
    values = {
        name: plane[kept] if len(plane) == len(given.of) and len(plane) > 1 else plane
        for name, plane in given.values.items()
    }
    return Pairs(given.of.of(kept), values, given.n_things), came[kept]
