"""What a draft comes to: its figures beside the rule, and below it who they are in more detail."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from persmark import segments
from persmark.privacy import PURPOSES
from persmark.segments import drafts
from persmark.store import Reader, Workspace
from persmark.text import Text, text
from persmark.ui import charts
from persmark.ui.cache import cached
from persmark.ui.parts import effect_meter, segment_figures
from persmark.ui.parts.opened import COLUMNS, refuse_too_few, too_few
from persmark.ui.parts.people import group_title
from persmark.ui.parts.rule_text import show_text
from persmark.ui.parts.saved import saved_versions, segment_title
from persmark.ui.parts.segment_figures import Look
from persmark.ui.show import show_chart
from persmark.ui.tables import show_table
from persmark.ui.words import Fact, facts, note, percent, section, short, words

_SAMPLE = 20
_TABS = (
    "Step by step", "Who they are", "Overlap", "Reach and consent", "What a test could show", "As text",
)  # fmt: skip
_PURPOSES = {
    "email": "E-mail", "sms": "Text message", "ad_user_data": "Ads: use of data",
    "ad_personalization": "Ads: personal",
}  # fmt: skip


def _money(found: segments.SegmentFacts) -> Fact:
    if found.revenue is None:
        return Fact("Share of money", "–", "no purchase has a value")
    share = "–" if found.revenue_share is None else percent(found.revenue_share)
    return Fact("Share of money", share, text("{sum} of all time", sum=short(found.revenue)))


def _reachable(found: segments.SegmentFacts) -> Fact:
    if not found.n_contacts:
        return Fact("Can be written to", "–", "no contacts of them here")
    return Fact(
        "Can be written to",
        f"{found.n_reachable['email']:,}",
        text("by e-mail; {n} by phone", n=found.n_reachable["phone"]),
    )


def _agreed(found: segments.SegmentFacts) -> Fact:
    said = found.consent["email"]
    if not said["granted"] + said["denied"]:
        return Fact("Said yes to e-mail", "–", "no answer is known")
    return Fact("Said yes to e-mail", f"{said['granted']:,}", text("{n} said no", n=said["denied"]))


def show_figures(workspace: Workspace, found: Look) -> None:
    """Size, money, buyers, reach and what a test could show, beside the rule."""
    told = segment_figures.facts(workspace, found)
    share = percent(found.n_users / found.n_all) if found.n_all else "–"
    facts(
        [
            Fact("Users that match", f"{found.n_users:,}", text("of {n}", n=found.n_all)),
            Fact("Share", share, "of all users"),
            _money(told),
            Fact(
                "Ever bought",
                percent(told.n_buyers / told.n_users) if told.n_users else "–",
                text("{n} users", n=told.n_buyers),
            ),
            _reachable(told),
            _agreed(told),
        ]
    )  # fmt: skip
    if not found.n_users and found.rule:
        note(_who_to_drop(found))
    else:
        note(effect_meter.sentence(workspace, found))


def _who_to_drop(found: Look) -> Text:
    """Nobody matches: the one part whose loss would bring most users back."""
    tried = [
        one for one in found.counts.values()
        if one.part.place and one.n_without and one.part.place in found.sentences
    ]  # fmt: skip
    if not tried:
        return text("Nobody matches: no single condition is to blame, loosen two of them.")
    best = max(tried, key=lambda one: one.n_without or 0)
    return text(
        "Nobody matches. Without this condition it would be {n} users: {condition}.",
        condition=found.sentences[best.part.place],
        n=best.n_without,
    )


def show_details(workspace: Workspace, found: Look) -> None:
    """The draft from every side, one at a time: only what is looked at is worked out."""
    section("The users of this rule", "From every side, before anybody is written to.")
    tabs = st.tabs(list(_TABS), key="segment_tabs", on_change="rerun")
    draw = (_steps, _sample, _overlap, _reach, effect_meter.show_meter, show_text)
    for tab, show in zip(tabs, draw, strict=True):
        if tab.open:
            with tab:
                show(workspace, found)


def _steps(_: Workspace, found: Look) -> None:
    """The outermost parts one after the other, and what each of them costs."""
    whole = drafts.part_at(found.draft, ())
    rows: list[tuple[str, int, int | None, int | None]] = [("Everyone", found.n_all, None, None)]
    for step in range(whole.n_parts):
        one = found.counts[(step,)]
        if one.n_users is not None:
            rows.append((_said(found, (step,)), one.n_left or 0, one.n_users, one.n_without))
    if whole.opposite:
        rows.append(("The others", found.n_users, None, None))
    table = pd.DataFrame(rows, columns=["clause", "n_users", "alone", "without_it"]).astype(
        {"alone": "Int64", "without_it": "Int64"}
    )
    if len(table) == 1:
        note("Every user is in it until a condition is added.")
    show_chart(charts.funnel(table), charts.read_funnel(table), table, "funnel")


def _said(found: Look, place: drafts.Place) -> str:
    """A part in words; of a group what joins it and its conditions."""
    if place in found.sentences:
        return words(found.sentences[place])
    inside = [words(one) for at, one in found.sentences.items() if at[: len(place)] == place]
    part = drafts.part_at(found.draft, place)
    joint = {"all": " and ", "any": " or ", "none": " nor ", "not all": " and "}[part.join or "all"]
    before = {"none": "neither ", "not all": "not all of "}.get(part.join or "", "")
    return before + joint.join(inside)


def _drawn(workspace: Workspace, reader: Reader, rule: str, _saved: segment_figures.Versions) -> pd.DataFrame:
    found: pd.DataFrame = segments.sample(
        reader, json.loads(rule), _SAMPLE, COLUMNS, saved=segments.saved_rules(workspace)
    ).to_pandas()
    return found


def _sample(workspace: Workspace, found: Look) -> None:
    if not found.n_users:
        note("There is nobody to show yet: loosen or drop a condition.")
        return
    if too_few(found.n_users):
        refuse_too_few()
        return
    note(text("{n} of {m} users, drawn at random, the same every time.",
              n=min(_SAMPLE, found.n_users), m=found.n_users))  # fmt: skip
    table = cached(_drawn, workspace, json.dumps(found.asked, ensure_ascii=False), saved_versions(workspace))
    named = table.assign(
        **{name: [group_title(one) for one in table[name]] for name in ("lifecycle", "rfm_segment")}
    )
    show_table(named, "segment-sample", height=380)


def _overlap(workspace: Workspace, found: Look) -> None:
    titles = {one.name: one for one in segments.list_segments(workspace)}
    table = segments.overlap_of(found.marks, segment_figures.others(workspace)).to_pandas()
    table = table.sort_values(["jaccard", "segment"], ascending=[False, True]).reset_index(drop=True)
    table["segment"] = [segment_title(titles[name]) if name in titles else name for name in table["segment"]]
    if not found.n_users:
        note("Nobody is in it, so it shares nobody with others.")
        return
    shared = table[table["n_both"] > 0]
    if len(shared):
        show_chart(charts.overlap(shared), charts.read_overlap(table), table, "overlap")
    else:
        note(charts.read_overlap(table))
    if len(table) > len(shared):
        note(text("{n} other segments share nobody with it; the table has all.", n=len(table) - len(shared)))


def _reach(workspace: Workspace, found: Look) -> None:
    told = segment_figures.facts(workspace, found)
    rest = told.n_users - told.n_contacts
    facts(
        [
            Fact(
                "E-mail known", f"{told.n_reachable['email']:,}", _of(told.n_reachable["email"], told.n_users)
            ),
            Fact(
                "Phone known", f"{told.n_reachable['phone']:,}", _of(told.n_reachable["phone"], told.n_users)
            ),
            Fact("No contact known", f"{rest:,}", _of(rest, told.n_users)),
        ]
    )
    note(
        "Counted in the locked vault without opening a value; the figures say who can be reached, not where."
    )
    if not any(one["granted"] + one["denied"] for one in told.consent.values()):
        note(
            "What they agreed to is not known: load a file of users with a column for it on the Events page."
        )
        return
    table = pd.DataFrame([{"purpose": _PURPOSES[name], **told.consent[name]} for name in PURPOSES])
    show_chart(charts.reachable(table), charts.read_reachable(table), table, "consent")


def _of(n: int, whole: int) -> str:
    return percent(n / whole) if whole else "–"
