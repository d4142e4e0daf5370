"""Parts of the Leaderboard page: one kept evaluation, read from all sides."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import pandas as pd
import streamlit as st

from persmark import recommend
from persmark.store import Workspace
from persmark.text import Text, text
from persmark.ui import charts
from persmark.ui.parts import profiles
from persmark.ui.parts.compare import offered
from persmark.ui.parts.saved import segment_title
from persmark.ui.show import show_chart, side_by_side
from persmark.ui.tables import show_table
from persmark.ui.words import Fact, escaped, facts, note, notes, section

_REPEATS = {"allowed": "Repeats allowed", "removed": "Already bought removed"}
_MOST_SHOWN = 2
_HISTORY = {
    "0": "New users: nothing known",
    "1-4": "1 to 4 events known",
    "5-19": "5 to 19 events",
    "20+": "20 events or more",
}
_BEYOND = ("coverage", "novelty", "popularity_bias", "exposure_gini", "debiased_recall")
_DEFINITIONS = (
    "Coverage: the share of the catalogue that anybody is shown.",
    "Novelty: how surprising what is shown is, in bits; an item that half of the users have is worth 1, "
    "one of a "
    "thousand users' 10.",
    "Leans on best sellers: how much better known the items shown are than those users then came to, in "
    "places of "
    "the catalogue (0.1 = a tenth of it); below 0 they are less known.",
    "Uneven exposure: 0 where all items are shown alike, 1 where one has every place.",
    "Recall beside best sellers: recall with items that very many came to counted down.",
)


def pick(workspace: Workspace) -> Mapping[str, Any] | None:
    """The evaluation that is looked at: the latest unless another is chosen; by one way of asking."""
    kept = recommend.evaluations(workspace)
    if not kept:
        note("Nothing was measured yet. Press Compare below, or Find the best on the Train page.")
        return None
    chosen = kept[0]
    place: Any = nullcontext()
    if len(kept) > 1:
        place, left = side_by_side("evaluation")
        with left:
            chosen = st.selectbox("Measured", kept, format_func=_title, key="evaluation") or kept[0]
    document = chosen.document
    ways = {document["repeats"]: document}
    if document.get("removed"):
        ways["removed"] = document["removed"]
    with place:
        way = str(
            st.segmented_control(
                "Items a user already has", list(ways), default=next(iter(ways)),
                format_func=lambda one: _REPEATS[one], key="repeats", required=True,
            )
        )  # fmt: skip
    if document["split"].get("n_users_judged", {}).get("removed") == 0:
        note("On those days nobody came to anything new: there is nothing to judge with repeats removed.")
    if workspace.versions().get("events", 0) > chosen.reads.get("events", 0):
        note("The events have changed since this was measured: compare again to bring it up to date.")
    found: Mapping[str, Any] = ways.get(way, document)
    return found


def _title(one: recommend.KeptEvaluation) -> str:
    names = [row["recommender"] for row in one.document["results"]]
    return (
        f"{one.made_at[:16].replace('T', ' ')} UTC · {', '.join(names[:4])}{', …' if len(names) > 4 else ''}"
    )


def _split(document: Mapping[str, Any]) -> Text:
    split = document["split"]
    if split["name"] == "temporal":
        return text("{n} days from {day}", n=int(split.get("test_days", 0)), day=str(split["cut"])[:10])
    return text("everybody's last one" if split["name"] == "leave-one-out" else "a given list")


def show_verdict(document: Mapping[str, Any]) -> None:
    """The answer to the page's question, in one sentence, with what is odd about the test."""
    rows = sorted(document["results"], key=lambda row: -row["ndcg"])
    best = rows[0]
    low, high = best["ndcg_interval"]
    facts(
        [
            Fact("Best", str(best["recommender"]),
                 text("NDCG@{k} {v}, 95% {low} to {high}", k=int(document["k"]), v=f"{best['ndcg']:.3f}",
                      low=f"{low:.3f}", high=f"{high:.3f}")),
            Fact("Judged on", f"{document['n_users']:,} users", _split(document)),
            Fact("Catalogue", f"{document['n_items']:,} items",
                 text("with at least {n} in training", n=int(document["min_item_events"]))),
            Fact("Finds", f"{best['hit_rate']:.0%}",
                 text("of users got at least one right among {k}", k=int(document["k"]))),
        ]
    )  # fmt: skip
    alarms = [str(one) for one in document.get("alarms", [])]
    said = str(document["verdict"])
    for one in alarms:
        said = said.replace(one, "").strip()
    if sentence := _best_sellers(rows):
        note(sentence)
    note(said)
    for one in alarms:
        st.html(f'<p class="pm-note" role="note"><b>{escaped("Careful.")}</b> {escaped(one)}</p>')


def _best_sellers(rows: list[dict[str, Any]]) -> Text | None:
    """The page's question, answered for the best against `popular`."""
    best = rows[0]
    popular = next((row for row in rows if row["recommender"] == "popular"), None)
    if popular is None:
        return None
    values: dict[str, object] = {
        "name": str(best["recommender"]),
        "ours": f"{best['ndcg']:.3f}",
        "theirs": f"{popular['ndcg']:.3f}",
    }
    if best is popular:
        return text(
            "No: nothing that was measured does better than showing best sellers ({theirs}).", **values
        )
    if best["ndcg_interval"][0] > popular["ndcg_interval"][1]:
        return text("Yes: {name} reaches {ours} where showing best sellers reaches {theirs}.", **values)
    return text(
        "That cannot be told: {name} reaches {ours}, showing best sellers {theirs}, and their intervals "
        "overlap.",
        **values,
    )


def _table(document: Mapping[str, Any]) -> pd.DataFrame:
    rows = []
    for row in document["results"]:
        gap = row.get("against_simple")
        rows.append(
            {
                "recommender": row["recommender"],
                "ndcg": row["ndcg"],
                "low": row["ndcg_interval"][0],
                "high": row["ndcg_interval"][1],
                "against_simple": gap["difference"] if gap else None,
                "against_low": gap["interval"][0] if gap else None,
                "against_high": gap["interval"][1] if gap else None,
                "recall": row["recall"],
                "hit_rate": row["hit_rate"],
                "mrr": row["mrr"],
                "coverage": row["coverage"],
                "novelty": row.get("novelty"),
                "popularity_bias": row.get("popularity_bias"),
                "exposure_gini": row.get("exposure_gini"),
                "debiased_recall": row.get("debiased_recall"),
                "fit_seconds": row["fit_seconds"],
                "score_seconds": row["score_seconds"],
            }
        )
    table = pd.DataFrame(rows).sort_values("ndcg", ascending=False, ignore_index=True)
    floats = [name for name in table.columns if name != "recommender"]
    return table.astype(dict.fromkeys(floats, float))


def show_board(document: Mapping[str, Any]) -> None:
    """Every recommender with its interval."""
    section(
        "Leaderboard",
        "NDCG: 1 where the slate shows exactly what users then came to, best first; near 0 where it shows "
        "none of it.",
    )
    table = _table(document)
    k = int(document["k"])
    show_chart(
        charts.leaderboard(table, k),
        charts.read_leaderboard(table, int(document["n_users"]), k),
        table,
        "leaderboard",
    )


def show_ahead(document: Mapping[str, Any]) -> None:
    """Paired differences against the best simple and the best single one, drawn and in words."""
    rows = [row for row in document["results"] if row.get("against_simple")]
    if not rows:
        return
    simple = str(rows[0]["against_simple"]["recommender"])
    section(
        "Is it worth more than counting?",
        text(
            "Each against {simple}, the best simple one, user by user: the same people, so that their "
            "differences "
            "and not their luck decide.",
            simple=simple,
        ),
    )
    table = pd.DataFrame(
        [
            {
                "recommender": row["recommender"],
                "difference": row["against_simple"]["difference"],
                "low": row["against_simple"]["interval"][0],
                "high": row["against_simple"]["interval"][1],
            }
            for row in rows
        ]
    )
    show_chart(charts.ahead(table), charts.read_ahead(table, simple), table, "ahead")
    singles = [row for row in document["results"] if row.get("against_single")]
    items = [_line(row, row["against_simple"]) for row in sorted(rows, key=lambda row: -row["ndcg"])]
    items += [
        _line(row, row["against_single"])
        for row in sorted(singles, key=lambda row: -row["ndcg"])
        if row["against_single"]["recommender"] != simple
    ]
    with st.expander("Each difference in words", type="compact"):
        st.html(f'<ul class="pm-lost">{"".join(items)}</ul>')


def _line(row: Mapping[str, Any], gap: Mapping[str, Any]) -> str:
    low, high = gap["interval"]
    stands = (
        ("beats it", "pm-good") if low > 0 else ("behind", "pm-bad") if high < 0 else ("level", "pm-level")
    )
    said = text(
        "against {other}: {gap} NDCG (95% interval {low} to {high})",
        other=str(gap["recommender"]), gap=f"{gap['difference']:+.3f}", low=f"{low:.3f}", high=f"{high:.3f}",
    )  # fmt: skip
    return (
        f"<li><b>{escaped(row['recommender'])}</b><span>{escaped(said)}</span>"
        f'<i class="{stands[1]}">{escaped(stands[0])}</i></li>'
    )


def _shown_names(document: Mapping[str, Any]) -> list[str]:
    """The best two, and beside them the best simple one and best sellers."""
    rows = sorted(document["results"], key=lambda row: -row["ndcg"])
    names = [str(row["recommender"]) for row in rows[:_MOST_SHOWN]]
    simple = next((row["against_simple"]["recommender"] for row in rows if row.get("against_simple")), None)
    beside = [str(simple)] if simple else []
    beside += [str(row["recommender"]) for row in rows if row["recommender"] == "popular"]
    return list(dict.fromkeys([*names, *beside]))


def _groups(document: Mapping[str, Any], key: str, called: Mapping[str, str]) -> pd.DataFrame:
    rows = []
    for row in sorted(document["results"], key=lambda row: -row["ndcg"]):
        for one in row.get(key, []):
            gap = one.get("against_simple")
            rows.append(
                {
                    "name": called.get(one["group"], one["group"]),
                    "segment": row["recommender"],
                    "n_users": one["n_users"],
                    "value": one["ndcg"],
                    "low": one["ndcg_interval"][0],
                    "high": one["ndcg_interval"][1],
                    "recall": one["recall"],
                    "hit_rate": one["hit_rate"],
                    "against_simple": gap["difference"] if gap else None,
                    "against_low": gap["interval"][0] if gap else None,
                    "against_high": gap["interval"][1] if gap else None,
                }
            )
    return pd.DataFrame(rows)


def _show_groups(document: Mapping[str, Any], table: pd.DataFrame, key: str) -> None:
    names = _shown_names(document)
    drawn = table[table["segment"].isin(names)]
    behind = table.rename(columns={"name": "group", "segment": "recommender", "value": "ndcg"})
    show_chart(charts.grouped(drawn, names), charts.read_grouped(drawn), behind, key)


def show_by_history(document: Mapping[str, Any]) -> None:
    """Apart by how much is known of a user; new users in a row of their own."""
    table = _groups(document, "by_history", _HISTORY)
    if table.empty:
        return
    section(
        "By how well a user is known",
        "New users, of whom nothing is known, are in no other figure of this page.",
    )
    _show_groups(document, table, "by-history")


def show_by_segment(workspace: Workspace, document: Mapping[str, Any]) -> None:
    """A row per segment that was asked for."""
    there = offered(workspace) if profiles.built(workspace) else {}
    called = {name: segment_title(one.segment) for name, one in there.items()}
    table = _groups(document, "by_segment", called)
    if table.empty:
        return
    section("By segment", "Segments as they are now, the test days included.")
    _show_groups(document, table, "by-segment")


def show_beyond(document: Mapping[str, Any]) -> None:
    """What a slate is worth beside being right."""
    rows = [
        {"recommender": row["recommender"]} | {name: _with_interval(row, name) for name in _BEYOND}
        for row in sorted(document["results"], key=lambda row: -row["ndcg"])
    ]
    section("Beside being right", "Whether the slates know more than the best sellers; with 95% intervals.")
    show_table(pd.DataFrame(rows), "beyond")
    with st.expander("What these figures mean", type="compact"):
        notes(_DEFINITIONS)


def _with_interval(row: Mapping[str, Any], name: str) -> str:
    low, high = row.get("intervals", {}).get(name, (None, None))
    value = f"{row.get(name, 0.0):.3f}"
    return value if low is None else f"{value} ({low:.3f} to {high:.3f})"


def show_time(document: Mapping[str, Any]) -> None:
    """What each figure costs in seconds."""
    table = pd.DataFrame(
        [
            {
                "recommender": row["recommender"],
                "ndcg": row["ndcg"],
                "fit_seconds": row["fit_seconds"],
                "score_seconds": row["score_seconds"],
                "seconds": row["fit_seconds"] + row["score_seconds"],
            }
            for row in document["results"]
        ]
    )
    section("What it costs", "On the machine where it was measured.")
    show_chart(charts.time_for_accuracy(table), charts.read_time(table), table, "time")


def show_learning(document: Mapping[str, Any]) -> None:
    """Whether a learned one knows its examples by heart: training beside what it has not seen."""
    learned = {str(row["recommender"]): row for row in document["results"] if row.get("curve")}
    if not learned:
        return
    section(
        "Does it learn, or does it memorise?",
        "What is learned step by step is watched on examples that it does not learn from. Where the two "
        "lines "
        "part, it begins to know its own examples by heart.",
    )
    name = str(st.segmented_control("Learned", list(learned), default=next(iter(learned)), key="curve_of",
                                    required=True))  # fmt: skip
    points = pd.DataFrame(learned[name]["curve"])
    if "epoch" in points:
        show_chart(
            charts.learning_curve(points), charts.read_learning_curve(points), points, f"learning-{name}"
        )
    gaps = [
        {"recommender": one, **row["overfitting"]} for one, row in learned.items() if row.get("overfitting")
    ]
    if gaps:
        show_table(pd.DataFrame(gaps), "gaps")
