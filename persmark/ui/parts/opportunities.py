"""Parts of the Profiles page: attention beside spend over all users, where spend is missing, consent."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from persmark import profiles
from persmark.privacy import PURPOSES
from persmark.store import Reader, Workspace
from persmark.text import Text, text
from persmark.ui import charts
from persmark.ui.cache import cached
from persmark.ui.parts.opened import show_users
from persmark.ui.parts.people import catalogue_of
from persmark.ui.show import show_chart
from persmark.ui.words import note, notes, percent, plain, section

_DIMENSIONS = {"category": "Category", "brand": "Brand", "channel": "Channel", "daypart": "Time of day"}
_PURPOSE_TITLES = {
    "email": "E-mail", "sms": "Text message", "ad_user_data": "Ads: use of data",
    "ad_personalization": "Ads: personal",
}  # fmt: skip
_DRAWN = 10
_SAID = 3
_OPENED = 8
# From this part of the attending spenders on, those without spend are worth a sentence.
_NOTABLE = 0.1


def _over_all(_: Workspace, reader: Reader, dimension: str) -> pd.DataFrame:
    found: pd.DataFrame = profiles.attention_over_all(reader, dimension).to_pandas()
    return found


def _opportunities(_: Workspace, reader: Reader) -> pd.DataFrame:
    found: pd.DataFrame = profiles.opportunities(reader).to_pandas()
    return found


def _consents(workspace: Workspace, reader: Reader, _latest: str, _n_said: int) -> pd.DataFrame:
    found: pd.DataFrame = profiles.consent_over_all(workspace, reader).to_pandas()
    return found


def _reading(shares: pd.DataFrame) -> Text:
    first = shares.iloc[0]
    most = text(
        "Most attention goes to {name}: {share}, from {n} users.",
        name=str(first["name"]), share=percent(float(first["attention_share"])), n=int(first["n_users"]),
    )  # fmt: skip
    if shares["gap"].isna().all():
        return text("{most} No purchase tells its price, so there is no spend to set beside it.", most=most)
    widest = shares.sort_values(["gap", "name"], ascending=[False, True]).iloc[0]
    return text(
        "{most} Spend follows least for {name}: {attention} of the spenders' attention, {spend} of their "
        "spend.",
        most=most, name=str(widest["name"]), attention=percent(float(widest["spenders_attention_share"])),
        spend=percent(float(widest["spend_share"])),
    )  # fmt: skip


def _missing_spend(shares: pd.DataFrame) -> list[Text]:
    """The names that most of the spenders who attend to them never spent on, in words."""
    rows = shares[(shares["gap"] > 0) & (shares["n_without_spend"] >= _NOTABLE * shares["n_spenders"])]
    rows = rows[rows["n_spenders"] > 0]
    return [
        text(
            "{name}: {n} of the {m} spenders who give it attention have spent nothing on it.",
            name=str(row["name"]), n=int(row["n_without_spend"]), m=int(row["n_spenders"]),
        )
        for row in rows.sort_values(["gap", "name"], ascending=[False, True]).head(_SAID).to_dict("records")
    ]  # fmt: skip


def show_attention(workspace: Workspace) -> None:
    """Shares of attention and of spend over all users, and where spend does not follow."""
    section(
        "Attention and spend",
        "What users look at, put into carts and buy, younger events counting more, beside what they pay "
        "for. Each user counts the same; attention without spend is an opportunity.",
    )
    by = str(
        st.segmented_control(
            "By",
            list(_DIMENSIONS),
            format_func=_DIMENSIONS.__getitem__,
            default="category",
            key="attention_over_all_by",
            required=True,
        )
    )
    if "opportunity_category" not in {one.name for one in cached(catalogue_of, workspace)}:
        note("These profiles are older than this figure: rebuild them.")
        return
    shares = cached(_over_all, workspace, by)
    if shares.empty:
        note(
            "No event tells any. Items with a category or brand, loaded beside the events, fill this in."
            if by in ("category", "brand")
            else "No event tells any."
        )
        return
    drawn = shares.head(_DRAWN)
    show_chart(charts.attention(drawn), _reading(shares), shares, "attention-over-all")
    notes(_missing_spend(shares))
    _show_opportunities(workspace)


def _show_opportunities(workspace: Workspace) -> None:
    """Users by the category they attend to most without ever spending on it."""
    table = cached(_opportunities, workspace)
    if table.empty:
        note(
            "Nobody who spends gives attention to a category without spending on it. Where every event is a "
            "purchase this is so by nature: views, clicks and carts show what people want and do not buy."
        )
        return
    n_users = int(table["n_users"].sum())
    first = table.iloc[0]
    note(
        "For each spender the category with the most attention of those they never spent on: how many "
        "have it."
    )
    show_chart(
        charts.bars(table.head(_DRAWN), "name", "n_users"),
        text(
            "{n} spenders attend to a category without spending on it. The commonest is {name}: {m} users "
            "give it {share} of their attention.",
            n=n_users, m=int(first["n_users"]), name=str(first["name"]),
            share=percent(float(first["mean_attention_share"])),
        ),
        table,
        "opportunities",
    )  # fmt: skip
    opened = st.pills(
        "See the users behind an opportunity",
        table["name"].head(_OPENED).tolist(),
        key="opened_opportunity",
        format_func=plain,
    )
    if opened:
        rule = {"column": "opportunity_category", "is": "=", "value": str(opened)}
        title = text("Most attention without spend: {name}", name=str(opened))
        show_users(workspace, rule, title, "opportunity")


def show_consent(workspace: Workspace) -> None:
    """How many users may be contacted for what."""
    section("Consent", "As users said last; read now, whatever moment the profiles describe.")
    said = workspace.state.rows("consents", order="changed_at DESC", limit=1)
    if not said:
        note(
            "No consents are loaded: for every user they are unknown. A file of users with a column for "
            "them fills this in."
        )
        return
    latest, n_said = str(said[0]["changed_at"]), workspace.state.count("consents")
    table = cached(_consents, workspace, latest, n_said)
    table = table.set_index("purpose").loc[list(PURPOSES)].reset_index()
    table["purpose"] = [_PURPOSE_TITLES[name] for name in table["purpose"]]
    show_chart(charts.reachable(table), charts.read_reachable(table), table, "consent")
