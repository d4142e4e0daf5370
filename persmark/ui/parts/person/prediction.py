"""What a user is likely to do next, how sure that is, and what about them makes it so."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from persmark.errors import PersmarkError
from persmark.profiles import predict
from persmark.store import Reader, Workspace
from persmark.text import Text, text
from persmark.ui import charts
from persmark.ui.cache import cached
from persmark.ui.pages import STEPS, page_path
from persmark.ui.parts.people import link_to_slate
from persmark.ui.show import show_chart
from persmark.ui.words import Fact, facts, note, notes, percent, significant, words

_DRAWN = 8
_REASONS = 6
_SAID = 3
_CHANCE, _DAYS = "chance", "days"


def _targets(_: Workspace, reader: Reader) -> list[predict.Target]:
    return predict.targets(reader)


def _stale(workspace: Workspace, _: Reader) -> bool:
    run = predict.published_run(workspace)
    return run is not None and predict.is_stale(workspace, run)


def _predictions(_: Workspace, reader: Reader, user_id: str) -> pd.DataFrame:
    found: pd.DataFrame = predict.predictions_of(reader, user_id).to_pandas()
    return found


def _reasons(
    workspace: Workspace, reader: Reader, user_id: str, target: str
) -> tuple[pd.DataFrame, PersmarkError | None]:
    """The reasons, or what stands in their way: one target without any is no end of the page."""
    try:
        found: pd.DataFrame = predict.reasons(workspace, reader, user_id, target, _REASONS).to_pandas()
    except PersmarkError as problem:
        return pd.DataFrame(columns=["feature", "title", "value", "typical", "change"]), problem
    return found, None


def _amount(value: float, unit: str) -> str:
    if unit == _CHANCE:
        return percent(value)
    return f"{significant(value)} days" if unit == _DAYS else significant(value)


def _between(bounds: tuple[float | None, float | None], unit: str) -> Text | str:
    """How sure a score is: a chance's interval counts users of the test weeks, others hold 80% of them."""
    if any(one is None or pd.isna(one) for one in bounds):
        return "no interval known"
    low, high = (_amount(one or 0.0, unit) for one in bounds)
    return (
        text("{low} to {high} of such users did", low=low, high=high)
        if unit == _CHANCE
        else text("80% lay at {low} to {high}", low=low, high=high)
    )


def _told(value: object) -> str:
    """A figure as it was told; one that is missing is said to be."""
    return value if isinstance(value, str) and value.lower() != "nan" else "none"


def _headline(scores: pd.DataFrame, known: dict[str, predict.Target]) -> list[Fact]:
    found = []
    for name in (predict.BUY, predict.CHURN, predict.SPEND, predict.NEXT):
        rows = scores[scores["target"] == name]
        if name in known and len(rows):
            target, row = known[name], rows.iloc[0]
            found.append(
                Fact(
                    words(target.title),
                    _amount(float(row["score"]), target.unit),
                    _between((row["low"], row["high"]), target.unit),
                )
            )
    return found


def show_next(workspace: Workspace, user_id: str) -> None:
    """What is predicted, and the way to what they would be shown."""
    _show_predictions(workspace, user_id)
    link_to_slate(workspace, user_id)


def _show_predictions(workspace: Workspace, user_id: str) -> None:
    """The main predictions with their intervals, the likeliest categories and channels, and reasons."""
    known = {one.name: one for one in cached(_targets, workspace)}
    if not known:
        note("Nothing is predicted here yet: profile models are trained on a past window, on demand.")
        if "predictions" in STEPS:
            st.page_link(page_path("predictions"), label="Train predictions", icon=":material/arrow_forward:")
        return
    scores = cached(_predictions, workspace, user_id)
    scores = scores[scores["target"].isin(list(known))]
    if scores.empty:
        note("This user was not scored: they are newer than the predictions, or had no event before them.")
        return
    if cached(_stale, workspace):
        note("These predictions are older than the events: training them again brings them up to date.")
    shown = _headline(scores, known)
    if shown:
        facts(shown)
    _show_chances(scores, known)
    _show_reasons(workspace, user_id, scores, known)


def _show_chances(scores: pd.DataFrame, known: dict[str, predict.Target]) -> None:
    """The likeliest of the categories and channels, side by side with how sure that is."""
    paired = [
        name for name in scores["target"] if predict.thing_of(name) is not None or predict.channel_of(name)
    ]
    rows = scores[scores["target"].isin(paired)].sort_values("score", ascending=False, kind="stable")
    if rows.empty:
        return
    rows = rows.assign(
        title=[words(known[name].title) for name in rows["target"]],
        definition=[words(known[name].definition) for name in rows["target"]],
    ).reset_index(drop=True)
    show_chart(
        charts.chances(rows.head(_DRAWN)),
        charts.read_chances(rows),
        rows[["title", "score", "low", "high", "definition"]],
        "chances",
    )
    note(
        "A dot is this user's chance; a bar is how many of the users with such a chance did it in the test "
        "weeks, tenth by tenth of all. Where the two lie apart, the tenth is wide or the chance is off."
    )


def _show_reasons(
    workspace: Workspace, user_id: str, scores: pd.DataFrame, known: dict[str, predict.Target]
) -> None:
    """Why one prediction is what it is: every feature set to its typical value in turn."""
    main = [name for name in predict.TARGETS if name in set(scores["target"])]
    rest = scores[~scores["target"].isin(main)].sort_values("score", ascending=False, kind="stable")
    by_name = dict(zip(scores["target"], scores["score"].astype(float), strict=True))
    chosen = str(
        st.selectbox(
            "Why",
            [*main, *rest["target"]],
            format_func=lambda name: (
                f"{words(known[name].title)} · {_amount(by_name[name], known[name].unit)}"
            ),
            key="why_target",
        )
    )
    target = known[chosen]
    note(target.definition)
    with st.spinner("Looking at what makes it so"):
        reasons, problem = cached(_reasons, workspace, user_id, chosen)
    if problem is not None:
        note(problem.message)
        return
    if reasons.empty:
        note("No single figure moves it: with any of them typical, it would be the same.")
        return
    table = reasons.assign(
        unit=target.unit, **{name: reasons[name].map(_told) for name in ("value", "typical")}
    )
    show_chart(
        charts.occlusions(table),
        charts.read_occlusions(table, words(target.title)),
        table.drop(columns="feature"),
        "reasons",
    )
    notes(charts.if_typical(table.head(_SAID)))
