"""Parts of the Predictions page: train, what can be believed, one prediction looked at, the runs."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from persmark import actions
from persmark.privacy import MINIMUM_GROUP_SIZE
from persmark.profiles import predict
from persmark.store import Reader, Workspace
from persmark.text import Text, text
from persmark.ui import charts, state
from persmark.ui.cache import cached
from persmark.ui.parts.opened import USERS_LISTED, refuse_too_few
from persmark.ui.progress import duration, started
from persmark.ui.show import show_chart, side_by_side
from persmark.ui.tables import show_table
from persmark.ui.words import Fact, escaped, facts, local_day, note, section, short, words

VERBS = ("predict", "publish predictions")
_BADGES = {
    predict.BEATS: "beats every baseline",
    predict.LEVEL: "not separable",
    predict.WORSE: "worse than a baseline",
}
# How a verdict looks; its words say the same.
_LOOKS = {predict.BEATS: "pm-good", predict.LEVEL: "pm-level", predict.WORSE: "pm-bad"}
_MEASURES = {
    "auc": "AUC", "brier": "Brier score", "lift": "Lift of the best tenth", "mae": "Mean error",
    "captured": "Money with the best tenth", "ratio": "All predicted / all that came", "mean": "Mean chance",
    "sooner": "Came by then",
}  # fmt: skip
_NAMES = {"model": "This prediction"} | {
    name: told[:1].upper() + told[1:] for name, told in predict.AGAINST.items()
}


def run_of(workspace: Workspace) -> predict.PredictionRun | None:
    """The published run, read once per publication."""
    run_id = str(workspace.stats("scores").get("run_id", ""))
    return cached(_run, workspace, run_id) if run_id else None


def _run(workspace: Workspace, _: Reader, run_id: str) -> predict.PredictionRun:
    return predict.prediction_run(workspace, run_id)


def show_training(workspace: Workspace, *, busy: bool) -> predict.PredictionRun | None:
    """What is published, whether the data has moved on, and the button that trains."""
    run = run_of(workspace)
    if run is None:
        note(
            "Nothing is predicted yet. Training chooses between kinds of models on the past, judges the"
            " chosen ones on the last weeks, which none of them saw, and then scores everybody."
        )
    else:
        _show_run(workspace, run)
        if predict.is_stale(workspace, run):
            st.warning(
                "These predictions are stale: the events or the profiles have changed since. Train again to"
                " bring them up to date.",
                icon=":material/update:",
            )
    label = "Train again" if run else "Train predictions"
    if st.button(label, type="primary", key="train_predictions", icon=":material/play_arrow:", disabled=busy):
        actions.start(workspace, state.actor(), actions.TrainPredictions())
        started("Training has begun.")
    return run


def _show_run(workspace: Workspace, run: predict.PredictionRun) -> None:
    report = run.report
    test = report["test"]
    judged = [one for one in _judged(report).values() if one.get("standings")]
    good = sum(set(one["standings"].values()) == {predict.BEATS} for one in judged)
    as_of = pd.Timestamp(report["as_of"]).to_pydatetime()
    facts(
        [
            Fact("Users scored", short(int(report["n_users"])),
                 text("as of {day}", day=local_day(as_of, workspace.time_zone))),
            Fact("Predictions", short(len(report["targets"])),
                 text("{n} more were refused", n=len(report["refused"]))),
            Fact("Beat every baseline", f"{good} of {len(judged)}",
                 text("judged on the last {n} days", n=int(test["days"])) if test else ""),
            Fact("Trained", run.trained_at[:10], text("took {time}", time=duration(run.seconds))),
        ]
    )  # fmt: skip


def _judged(report: dict[str, Any] | Any) -> dict[str, dict[str, Any]]:
    """The main predictions, channels and all categories together, by what a page calls them."""
    found = {}
    for name, one in report["targets"].items():
        if predict.thing_of(name) is None:
            found[words(predict.target(name).title)] = one
    if report["categories"]:
        what = "items" if report["categories"]["by_item"] else "categories"
        found[words(text("Buys, mean of {n} {what}", n=report["categories"]["n_things"], what=what))] = (
            report["categories"]
        )
    return found


def _stands(one: dict[str, Any]) -> str:
    """How a prediction stands against all of its baselines together."""
    stands = set(one["standings"].values())
    if stands == {predict.BEATS}:
        return predict.BEATS
    return predict.WORSE if predict.WORSE in stands else predict.LEVEL


def show_verdicts(run: predict.PredictionRun) -> None:
    """Of each target, whether it can be believed, in words."""
    test = run.report["test"]
    section(
        "Can it be believed?",
        text(
            "Learned and chosen before {day}, judged on the {n} days after it. Intervals are bootstraps over"
            " users; a prediction beats another where the whole interval of the difference is on its side.",
            day=str(test["from"])[:10], n=int(test["days"]),
        ),
    )  # fmt: skip
    items = "".join(
        f"<li><b>{escaped(title)}</b><span>{escaped(predict.unpacked(one['verdict']))}</span>"
        f'<i class="{_LOOKS[_stands(one)]}">{escaped(_BADGES[_stands(one)])}</i></li>'
        for title, one in _judged(run.report).items()
    )
    st.html(f'<ul class="pm-lost">{items}</ul>')


def show_one(workspace: Workspace, run: predict.PredictionRun) -> None:
    """One prediction: promised beside what came, what the best-scored hold, what it was measured against."""
    section("One prediction, looked at", "How well its promises were kept on the test window.")
    known = run.report["targets"]
    name = str(
        st.selectbox(
            "Prediction",
            list(known),
            format_func=lambda one: words(predict.target(one, known[one].get("title")).title),
            key="prediction",
            bind="query-params",
        )
    )
    one = known[name]
    about = predict.target(name, one.get("title"), contacted=bool(one.get("contacted")))
    note(about.definition)
    note(predict.unpacked(one["verdict"]))
    curve = one.get("curve") or (run.report["categories"]["curve"] if predict.thing_of(name) else None)
    left, right = side_by_side("prediction")
    if one.get("reliability"):
        with left:
            table = pd.DataFrame(one["reliability"])
            show_chart(
                charts.reliability(table), charts.read_reliability(table), table, f"reliability-{name}"
            )
    if curve:
        what = "the money" if about.unit == "money" else "those who did it"
        with right if one.get("reliability") else left:
            table = pd.DataFrame(curve)
            if not one.get("curve"):
                note("Over the pairs of all users and categories together.")
            show_chart(charts.gains(table, what), charts.read_gains(table, what), table, f"gains-{name}")
    if one.get("inside"):
        share, low, high = one["inside"]
        note(
            text("Of the intervals that are meant to hold 80% of users, {share} did (95% {low} to {high}).",
                 share=f"{share:.1%}", low=f"{low:.1%}", high=f"{high:.1%}")
        )  # fmt: skip
    show_table(_against(one), f"against-{name}")
    _show_users(workspace, name, about)


def _against(one: dict[str, Any]) -> pd.DataFrame:
    """Each figure with its interval, and how much better ours is."""
    rows = []
    for name, figures in one["figures"].items():
        for measure, (value, low, high) in figures.items():
            gain = one["gains"].get(name, {}).get(measure, [None, None, None])
            rows.append(
                {
                    "measured": _NAMES.get(name, name),
                    "figure": _MEASURES.get(measure, measure),
                    "value": value, "low": low, "high": high,
                    "better_by": gain[0], "better_low": gain[1], "better_high": gain[2],
                }
            )  # fmt: skip
    return pd.DataFrame(rows).astype(
        {column: float for column in ("value", "low", "high", "better_by", "better_low", "better_high")}
    )


def _best(_: Workspace, reader: Reader, name: str) -> pd.DataFrame:
    found: pd.DataFrame = predict.best_users(reader, name, USERS_LISTED).to_pandas()
    return found


def _show_users(workspace: Workspace, name: str, about: predict.Target) -> None:
    """The users with the highest scores, unless so few were scored that they would be pointed at."""
    with st.expander(words(text("Who is highest: {title}", title=about.title))):
        table = cached(_best, workspace, name)
        if len(table) < MINIMUM_GROUP_SIZE:
            refuse_too_few()
            return
        note(
            text("The {n} users with the highest score. Of a chance, low and high tell how many users with"
                 " such a chance did it on the test window.", n=len(table))
        )  # fmt: skip
        show_table(table.rename(columns={"score": about.unit}), f"best-{name}")


def show_categories(run: predict.PredictionRun) -> None:
    """All categories: what each is worth believing, and the mean over them."""
    whole = run.report["categories"]
    if not whole:
        return
    section(
        "Items" if whole["by_item"] else "Categories",
        text("The chance to buy of each in the next {n} days. {sentence}",
             n=predict.BUY_DAYS, sentence=predict.unpacked(whole["verdict"])),
    )  # fmt: skip
    rows = []
    for name, one in run.report["targets"].items():
        if predict.thing_of(name) is None:
            continue
        auc, brier = one["figures"]["model"]["auc"], one["gains"]["rfm"]["brier"]
        rows.append(
            {
                "category": one["title"] or predict.thing_of(name),
                "bought_share": one["share"][0],
                "n_bought": one["n_positive"],
                "auc": auc[0], "low": auc[1], "high": auc[2],
                "auc_above_rfm": one["gains"]["rfm"]["auc"][0],
                "brier_below_rfm": brier[0],
                "stands": _BADGES[_stands(one)],
            }
        )  # fmt: skip
    table = pd.DataFrame(rows)
    table_all = pd.DataFrame(whole["reliability"])
    show_chart(
        charts.reliability(table_all), charts.read_reliability(table_all), table_all, "reliability-all"
    )
    show_table(table, "categories", height=380 if len(table) > 9 else "auto")


def show_refused(run: predict.PredictionRun) -> None:
    """What is not predicted, and why."""
    refused = run.report["refused"]
    if not refused:
        return
    section("Refused", "There is too little data for these: no figure is better than one nobody can believe.")
    # One sentence for all that lack the same, and in full: a cell of a table would cut it off.
    together: dict[str, list[str]] = {}
    for one in refused:
        together.setdefault(words(predict.unpacked(one["why"])), []).append(str(one["title"]))
    items = [
        f"<li><b>{escaped(', '.join(titles))}</b>: {escaped(why)}</li>" for why, titles in together.items()
    ]
    st.html(f"<ul>{''.join(items)}</ul>")


def _runs(workspace: Workspace, _: Reader, _n_runs: int) -> list[dict[str, Any]]:
    return [run.to_json() for run in predict.prediction_runs(workspace)]


def show_runs(workspace: Workspace, *, busy: bool) -> None:
    """All trainings; another one is published, which is also the way back."""
    found = cached(_runs, workspace, workspace.state.count("prediction_runs"))
    if not found or [run["state"] for run in found] == ["published"]:
        return
    section("Trainings", "Rules, lists and pages use the published one.")
    show_table(pd.DataFrame(found), "prediction-runs")
    others = [run["run_id"] for run in found if run["state"] != "published"]
    with st.form("publish_predictions"):
        chosen = st.selectbox("Use another training", others, key="publish_prediction_run")
        go = st.form_submit_button(
            "Publish this one", key="publish_predictions_now", icon=":material/publish:", disabled=busy
        )
    if go and chosen:
        actions.run(workspace, state.actor(), actions.PublishPredictions(run_id=str(chosen)))
        state.say_next(_published(str(chosen)))
        st.rerun()


def _published(run_id: str) -> str:
    sentence: Text = text("Rules and pages now use {run}.", run=run_id)
    return words(sentence)
