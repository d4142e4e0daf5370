"""Parts of the Slates page: for whom, what, under which rules; the slate as cards and as a table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from persmark import recommend, slates
from persmark.columns import AD, CONTENT, PRODUCT
from persmark.store import Reader, Workspace
from persmark.text import text
from persmark.ui import charts
from persmark.ui.cache import cached
from persmark.ui.cards import Card, slate_cards
from persmark.ui.pages import page_path
from persmark.ui.parts import segment_list
from persmark.ui.parts.saved import saved_versions
from persmark.ui.parts.served import recommender_of
from persmark.ui.show import show_chart
from persmark.ui.tables import show_table
from persmark.ui.words import Fact, day, facts, local_day, note, section, words

KINDS = {PRODUCT: "Products", AD: "Ads", CONTENT: "Content"}
_EMPTY = {
    PRODUCT: "This workspace has no products.",
    AD: "This workspace has no ads.",
    CONTENT: "This workspace has no content: the sample is a grocery shop without articles. "
    "The synthetic demo has some.",
}


@dataclass(frozen=True)
class Ask:
    """All that a slate depends on beside the tables."""

    user_id: str | None
    segment: str | None
    kind: str
    k: int
    rules: slates.SlateRules
    run_id: str


def ask_kind() -> str:
    """Products, ads or content."""
    return str(
        st.segmented_control(
            "Show",
            list(KINDS),
            default=PRODUCT,
            format_func=KINDS.__getitem__,
            key="kind",
            required=True,
            bind="query-params",
        )
    )


def ask_whom() -> str:
    """One user or a segment."""
    return str(
        st.segmented_control(
            "For", ["One user", "A segment"], default="One user", key="whom", required=True,
            bind="query-params",
        )
    )  # fmt: skip


def _split(typed: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.strip() for one in typed.split(",") if one.strip()))


def ask_rules() -> tuple[int, slates.SlateRules]:
    """The length of the slate and what may stand in it."""
    with st.expander("Length and rules", icon=":material/rule:"), st.form("rules", border=False):
        one, two, three = st.columns(3)
        with one:
            k = st.number_input("Slate length", 1, 100, 8, key="k", bind="query-params")
            days = st.number_input(
                "Leave out what was bought in the last days", 0, 3650, 0, key="bought_days"
            )
            seen = st.checkbox("Leave out everything bought before", key="exclude_seen")
        with two:
            per_category = st.number_input("Most of one category (0 = any)", 0, 100, 0, key="per_category")
            per_brand = st.number_input("Most of one brand (0 = any)", 0, 100, 0, key="per_brand")
            only = st.text_input("Only these categories, comma between", key="only_categories")
        with three:
            low = st.number_input("Lowest price", 0.0, value=None, key="min_price")
            high = st.number_input("Highest price", 0.0, value=None, key="max_price")
            pinned = st.text_input("First these items (ids, comma between)", key="pinned")
        never = st.text_input("Never these items (ids, comma between)", key="exclude_items")
        st.form_submit_button("Apply", key="apply_rules")
    return int(k), slates.SlateRules(
        exclude_seen=bool(seen),
        exclude_bought_days=int(days) or None,
        only_categories=_split(only),
        exclude_items=_split(never),
        min_price=low,
        max_price=high,
        max_per_category=int(per_category) or None,
        max_per_brand=int(per_brand) or None,
        pinned=_split(pinned),
    )


def stale_notice(workspace: Workspace, run: recommend.Run) -> None:
    """That the serving recommender has not seen the newest events, with the way to train it again."""
    if workspace.versions().get("events", 0) <= run.reads.get("events", 0):
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        note("The serving recommender is stale: the events have changed since it was trained.")
        st.page_link(page_path("train"), label="Train it again", icon=":material/arrow_forward:")


@st.cache_resource(max_entries=6, show_spinner=False)
def _products(
    folder: str, run_id: str, catalogue: int, _reader: Reader, _recommender: recommend.Recommender
) -> slates.Candidates:
    """The products of a catalogue version as a recommender knows them: held with it, the same for all."""
    return slates.product_candidates(_reader, _recommender)


def _slate(workspace: Workspace, reader: Reader, ask: Ask, users: tuple[str, ...] | None) -> slates.Slate:
    recommender = recommender_of(workspace, ask.run_id)
    as_of = workspace.as_of()
    assert isinstance(as_of, datetime)
    catalogue = workspace.versions().get("catalogue", 0)
    products = None
    if ask.kind == PRODUCT:
        products = _products(str(workspace.folder), ask.run_id, catalogue, reader, recommender)
    return slates.build_slate(
        reader,
        recommender,
        slates.SlateRequest(
            user_id=ask.user_id,
            users=users,
            segment=ask.segment,
            kind=ask.kind,
            k=ask.k,
            rules=ask.rules,
            run_id=ask.run_id,
        ),
        as_of=as_of,
        time_zone=workspace.time_zone,
        products=products,
    )


def slate_for(workspace: Workspace, ask: Ask) -> slates.Slate:
    """The slate, kept until a table, the recommender or the request changes."""
    if ask.segment is None:
        return cached(_user_slate, workspace, ask)
    return cached(_segment_slate, workspace, ask, saved_versions(workspace))


def _user_slate(workspace: Workspace, reader: Reader, ask: Ask) -> slates.Slate:
    return _slate(workspace, reader, ask, None)


def _segment_slate(workspace: Workspace, reader: Reader, ask: Ask, _saved: object) -> slates.Slate:
    assert ask.segment is not None
    return _slate(workspace, reader, ask, segment_list.members(workspace, ask.segment))


def _meta(item: slates.SlateItem) -> str:
    if item.kind == AD:
        parts = [
            words(text("for {title}", title=item.covered_title)) if item.covered_title else None,
            item.category,
            words(text("until {day}", day=day(item.ends_on))) if item.ends_on else None,
        ]
    else:
        parts = [item.brand, item.category]
    if item.placement:
        parts.append(words(item.placement))
    return " · ".join(part for part in parts if part)


def _price(item: slates.SlateItem) -> str:
    return f"{float(item.price):,.2f} {item.currency or ''}".strip() if item.price is not None else ""


def _sentence(said: str) -> str:
    return said[:1].upper() + said[1:]


def _ask(workspace: Workspace, slate: slates.Slate, item: slates.SlateItem) -> str:
    """Where one person's item is explained; a slate of many has no single answer, nor has a pin."""
    if slate.request.user_id is None or item.reason_kind in ("pinned", "new", "taste"):
        return ""
    shown = item.covered_item_id or item.item_id
    asked = {"workspace": workspace.name, "user": slate.request.user_id, "item": shown}
    return f"attention?{urlencode(asked)}"


def _cards(workspace: Workspace, slate: slates.Slate) -> list[Card]:
    scores = [item.score for item in slate.items if item.score is not None]
    most = max(scores, default=0.0)
    return [
        Card(
            rank=item.rank,
            title=item.title,
            category=item.category or "",
            meta=_meta(item),
            price=_price(item),
            reason=_sentence(words(item.reason)),
            score=item.score,
            share=item.score / most if item.score is not None and most > 0 else 0.0,
            kind=item.kind,
            ask=_ask(workspace, slate, item),
        )
        for item in slate.items
    ]


def show_slate(workspace: Workspace, slate: slates.Slate) -> None:
    """Cards as the person would see them, then the same as a chart and a table, and the rules' cost."""
    for remark in slate.notes:
        # How many users it was made from stands above, against the whole segment.
        if not remark.template.startswith("Made from"):
            note(remark)
    if not slate.items and slate.n_candidates:
        note("The rules leave nothing to show.")
    elif not slate.items and (slate.request.kind == CONTENT or not slate.notes):
        note(_EMPTY[slate.request.kind])
    elif slate.items:
        slate_cards(_cards(workspace, slate))
    frame = slate.frame()
    show_costs(slate)
    if slate.items:
        section("Scores and table", text("Recommender '{name}', chosen from {n} candidates.",
                                         name=slate.recommender, n=slate.n_candidates))  # fmt: skip
        scored = frame.dropna(subset=["score"])
        show_chart(
            charts.slate_scores(scored),
            charts.read_slate_scores(scored),
            frame.dropna(axis=1, how="all"),
            "slate",
        )


def show_costs(slate: slates.Slate) -> None:
    """What each rule took away and what it cost in score."""
    if not slate.rules:
        return
    section("What each rule costs", "Mean score of the slate before the rule minus after it.")
    table = pd.DataFrame(
        [
            {"rule": cost.rule, "removed": cost.n_removed, "mean_score_given_up": cost.mean_score_given_up,
             "in_words": words(cost.text)}
            for cost in slate.rules
        ]
    )  # fmt: skip
    show_table(table, "rule-costs", download=False)


def show_next_step(workspace: Workspace, slate: slates.Slate) -> None:
    """From an item of the slate to a campaign for those who would like it most."""
    if not slate.items:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="bottom"):
        item = st.selectbox(
            "Who else would like an item of this slate?",
            slate.items,
            format_func=lambda one: f"{one.rank}. {one.title}",
            key="slate_item",
        )
        st.page_link(
            page_path("campaigns"),
            label="Plan a campaign",
            icon=":material/campaign:",
            query_params={"workspace": workspace.name, "item": item.item_id},
        )


def show_whom(workspace: Workspace, slate: slates.Slate, segment: str) -> None:
    """For a segment: how many users it was made from."""
    n_users = next(
        (one.n_users or 0 for one in segment_list.sizes(workspace) if one.segment.name == segment), 0
    )
    facts(
        [
            Fact("Users scored", f"{slate.n_users:,}", text("of {n} in the segment", n=n_users)),
            Fact("Candidates", f"{slate.n_candidates:,}"),
            Fact("As of", day(local_day(slate.as_of, workspace.time_zone)), workspace.time_zone),
        ]
    )
