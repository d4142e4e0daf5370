"""The synthetic shop and magazine as tables, with the planted truth beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from persmark.columns import PURCHASE, TABLES
from persmark.errors import InputError
from persmark.simulate.arrow import filled, moments, money, named
from persmark.simulate.behaviour import RULES, TYPES, World
from persmark.simulate.calendar import Calendar
from persmark.simulate.catalogue import CATEGORIES, CURRENCY, SLOTS, Catalogue, build_catalogue
from persmark.simulate.draws import Draws, Floats, Ints
from persmark.simulate.people import (
    CHANNELS,
    CONTACT_CHANNELS,
    build_people,
    consents_table,
    contacts_table,
    truth_table,
    user_ids,
    users_table,
)  # fmt: skip
from persmark.simulate.words import AISLES
from persmark.text import text

TIME_ZONE = "Europe/Berlin"
CAMPAIGN = "spring_lift"
OUTCOME_DAYS = 28
MINIMUM_DAYS = 60
_LAUNCH_BEFORE_END = 35  # days; leaves the outcome window inside the world
# Columns that only loading can fill.
LOADER_COLUMNS = frozenset({"local_date", "local_hour", "source_id", "repeat_no", "by_rule"})
_EVENT_COLUMNS = {name: kind for name, kind in TABLES["events"].items() if name not in LOADER_COLUMNS}


@dataclass(frozen=True)
class Simulation:
    """A synthetic shop and magazine.

    Args:
        events: Schema of `events` without what loading adds (`local_date`, `local_hour`,
            `source_id`, `repeat_no`, `by_rule`); by user, then time; no two rows are equal.
        items, item_offers, users, exposures, outcomes: Schemas of the tables of these names. An
            exposure is one slot of one page; the slots are filled independently, and `probability`
            is the chance of that ad in that slot.
        contacts: `user_id`, `email`, `phone` (E.164 or null), `first_name`, `last_name`, `country`
            (ISO-2), `zip`, `city`. All invented.
        consents: `user_id`, `purpose` (email, sms, ad_user_data, ad_personalization), `state`
            (granted, denied, unknown).
        truth: Planted traits, one row per user: `taste` (list over `categories`),
            `favourite_category`, `attention_span` (mean things looked at per visit, before the
            cap of ten), `reader_share`,
            `reorder_days` and `staple_items` (lists over `categories`, null where none),
            `visits_per_day`, `favourite_channel`, `favourite_contact_channel`,
            `favourite_daypart`, `contacts_per_day`, `fatigue`, `joined_day`, `lapsed_day`,
            `returned_day` (null: not within these days), `price_level`; of the campaign `arm`
            (null: joined too late), `buys_if_held_out`, `buys_if_targeted`.
        item_truth: `item_id`, `popularity`, `next_item_id`.
        campaign: The randomised campaign's true rates over all its users, both arms:
            `holdout_rate`, `target_rate`, `rate_difference`, `lift`, `n_users`.
        ads: True click rates per shown ad: `logged`, `uniform`, `best`, `n_decisions`.
        rules: The constants of this world.
        categories: Names, in the order of the lists of `truth`.
    """

    events: pa.Table
    items: pa.Table
    item_offers: pa.Table
    users: pa.Table
    exposures: pa.Table
    outcomes: pa.Table
    contacts: pa.Table
    consents: pa.Table
    truth: pa.Table
    item_truth: pa.Table
    campaign: Mapping[str, float]
    ads: Mapping[str, float]
    rules: Mapping[str, float]
    categories: tuple[str, ...]
    time_zone: str
    currency: str


def simulate(
    *, n_users: int = 2000, seed: int = 7, days: int = 180, ends_on: date = date(2026, 6, 30),
    target_share: float = 0.5, campaign_effect: float = 0.16, chunk_users: int = 10_000,
) -> Simulation:  # fmt: skip
    """Build a synthetic shop and magazine.

    Args:
        n_users: How many users, at least 1.
        seed: Same seed and numbers, same tables. A user of a small world lives the same life in a
            larger one of the same seed and days.
        days: Length in days, at least 60; local days of `time_zone`.
        ends_on: The last day.
        target_share: Share of users in the campaign's target arm, between 0 and 1.
        campaign_effect: Chance, 0 to 0.5, that the campaign brings about a purchase (twice that for
            people who like to be reached by push); 0 gives a campaign without effect.
        chunk_users: Users worked through at once; bounds memory, changes nothing else.

    Raises:
        InputError: A number is out of its range.
    """
    _check("n_users", n_users, low=1)
    _check("days", days, low=MINIMUM_DAYS, high=32_000)
    _check("chunk_users", chunk_users, low=1)
    _check("target_share", target_share, low=0.0, high=1.0)
    _check("campaign_effect", campaign_effect, low=0.0, high=0.5)
    draws, calendar = Draws(seed), Calendar(ends_on, days, TIME_ZONE)
    shop = build_catalogue(draws, calendar.first_day, days)
    names = list(dict.fromkeys(shop.campaigns))
    ad_campaign = np.array([names.index(name) for name in shop.campaigns], np.int64)
    week_campaign = len(names)
    names += [f"news_w{week + 1:02d}_{by}" for week in range(days // 7 + 1) for by in CONTACT_CHANNELS]
    names.append(CAMPAIGN)

    parts: dict[str, list[pa.Table]] = {
        name: [] for name in ("events", "exposures", "outcomes", "users", "consents", "truth")
    }
    clicks: list[Floats] = []
    decisions: list[Ints] = []
    for start in range(0, n_users, chunk_users):
        index = np.arange(start, min(start + chunk_users, n_users), dtype=np.int64)
        people = build_people(draws, index, shop, days, campaign_effect)
        world = World(draws, calendar, shop, people, ad_campaign=ad_campaign, week_campaign=week_campaign)
        world.live()
        outcomes, arms = _run_campaign(world, len(names) - 1, target_share)
        parts["events"].append(_events_table(world.log.columns(), shop, names, start, len(index)))
        parts["exposures"].append(_exposures_table(world.exposures.columns(), shop, names, start, len(index)))
        parts["outcomes"].append(outcomes)
        parts["users"].append(users_table(draws, people, calendar.first_day))
        parts["consents"].append(consents_table(people))
        truth = truth_table(people, shop, days)
        for name, column in arms.items():
            truth = truth.append_column(name, column)
        parts["truth"].append(truth)
        clicks.append(world.ad_clicks)
        decisions.append(world.n_decisions)

    tables = {name: pa.concat_tables(pieces) for name, pieces in parts.items()}
    n_decisions = int(np.concatenate(decisions).sum())
    rates = np.concatenate(clicks).sum(axis=0) / max(n_decisions, 1)
    return Simulation(
        events=tables["events"], items=shop.items, item_offers=shop.item_offers, users=tables["users"],
        exposures=tables["exposures"], outcomes=tables["outcomes"], contacts=contacts_table(draws, n_users),
        consents=tables["consents"], truth=tables["truth"], item_truth=shop.item_truth,
        campaign=_true_rates(tables["truth"]),
        ads=MappingProxyType({
            "logged": float(rates[0]), "uniform": float(rates[1]), "best": float(rates[2]),
            "n_decisions": float(n_decisions),
        }),
        rules=RULES, categories=CATEGORIES, time_zone=TIME_ZONE, currency=CURRENCY,
    )  # fmt: skip


def _check(name: str, value: float, *, low: float, high: float | None = None) -> None:
    if value >= low and (high is None or value <= high):
        return
    said = {"name": name, "low": low, "value": value}
    if high is None:
        raise InputError(text("{name} must be at least {low}. Received: {value}.", **said))
    raise InputError(text("{name} must be from {low} to {high}. Received: {value}.", **said, high=high))


def _run_campaign(world: World, campaign: int, target_share: float) -> tuple[pa.Table, dict[str, pa.Array]]:
    """Randomise, contact the target arm, plant the purchases that the contact brings about.

    Everyone's two possible outcomes are known, because the planted visits come on top of lives that
    do not depend on the arm; so the campaign's true rates carry no sampling error.
    """
    people, calendar, draws = world.people, world.calendar, world.draws
    launch = calendar.days - _LAUNCH_BEFORE_END
    window = calendar.utc(np.array([launch, launch + OUTCOME_DAYS]), np.array([0, 0]))
    took_part = people.joined <= launch
    u = draws.grid("campaign", people.index, 4)
    target = u[:, 0] < target_share
    held_out_buys, _ = _bought(world, window)
    moved = u[:, 1] < people.campaign_pull
    targeted_buys = held_out_buys | moved

    sent = np.flatnonzero(took_part & target)
    push = CHANNELS.index("push")
    world.log.add(
        user=people.index[sent], time=calendar.utc(np.full(len(sent), launch), np.full(len(sent), 36000)),
        type=TYPES.index("campaign_received"), channel=push, campaign=campaign,
    )  # fmt: skip
    rows = np.flatnonzero(took_part & target & moved)
    if len(rows):
        day = launch + (u[rows, 2] * 20).astype(np.int64)
        world.visit(
            rows, people.index[rows] * 65536 + 65535,
            calendar.utc(day, 39600 + (u[rows, 3] * 28800).astype(np.int64)),
            channel=np.full(len(rows), push), campaign=np.full(len(rows), campaign),
            category=people.taste[rows].argmax(axis=1), due=np.zeros(len(rows), bool), day=None,
        )  # fmt: skip
    converted, value = _bought(world, window)
    keep = np.flatnonzero(took_part)
    ids = user_ids(people.index[keep])
    outcomes = filled(TABLES["outcomes"], len(keep), {
        "campaign_id": [CAMPAIGN] * len(keep),
        "user_id": ids,
        "arm": named(("holdout", "target"), target[keep].astype(np.int64)),
        "converted": converted[keep],
        "value": money(value[keep]),
    })  # fmt: skip
    return outcomes, {
        "arm": named(("holdout", "target"), np.where(took_part, target.astype(np.int64), -1)),
        "buys_if_held_out": pa.array(held_out_buys, mask=~took_part),
        "buys_if_targeted": pa.array(targeted_buys, mask=~took_part),
    }


def _bought(world: World, window: Ints) -> tuple[np.ndarray[Any, np.dtype[np.bool_]], Ints]:
    """Whether each user bought within `window`, and for how many cents."""
    log = world.log.columns()
    bought = (log["type"] == TYPES.index(PURCHASE)) & (log["time"] >= window[0]) & (log["time"] < window[1])
    place = log["user"][bought] - world.people.index[0]
    n = len(world.people)
    cents = np.zeros(n, np.int64)
    np.add.at(cents, place, log["cents"][bought])
    return np.bincount(place, minlength=n) > 0, cents


def _true_rates(truth: pa.Table) -> Mapping[str, float]:
    rows = truth.filter(pc.is_valid(truth["arm"]))
    if not len(rows):
        return MappingProxyType({"n_users": 0.0})
    held_out, targeted = (float(pc.mean(rows[f"buys_if_{arm}"]).as_py()) for arm in ("held_out", "targeted"))
    return MappingProxyType({
        "holdout_rate": held_out,
        "target_rate": targeted,
        "rate_difference": targeted - held_out,
        "lift": targeted / held_out - 1.0 if held_out else float("nan"),
        "n_users": float(len(rows)),
    })  # fmt: skip


def _properties() -> list[str]:
    """Texts of the property numbers: campaign's category, search words, ad slots; in this order."""
    width = max(len(aisle.things) for aisle in AISLES)
    words = [aisle.things[k % len(aisle.things)].lower() for aisle in AISLES for k in range(width)]
    return [
        *(json.dumps({"category": name}) for name in CATEGORIES),
        *(json.dumps({"query": word}) for word in words),
        *(json.dumps({"slot": slot}) for slot in SLOTS),
    ]


def _events_table(
    log: Mapping[str, Any], shop: Catalogue, campaigns: list[str], start: int, n_users: int
) -> pa.Table:
    has_line = log["quantity"] > 0
    no_order = log["order"] < 0
    orders = pc.binary_join_element_wise("o", pc.cast(pa.array(log["order"], mask=no_order), pa.string()), "")
    return filled(_EVENT_COLUMNS, len(log["user"]), {
        "user_id": named(user_ids(np.arange(start, start + n_users)), log["user"] - start),
        "item_id": _items(shop, log["item"]),
        "event_type": named(TYPES, log["type"]),
        "event_time": moments(log["time"]),
        "value": money(log["cents"], has_line),
        "currency": named((CURRENCY,), np.where(has_line, 0, -1)),
        "quantity": money(log["quantity"] * 100, has_line),
        "discount": money(log["discount"], log["discount"] > 0),
        "order_id": orders,
        "channel": named(CHANNELS, log["channel"]),
        "campaign_id": named(campaigns, log["campaign"]),
        "properties": named(_properties(), log["property"]),
    })  # fmt: skip


def _exposures_table(
    log: Mapping[str, Any], shop: Catalogue, campaigns: list[str], start: int, n_users: int
) -> pa.Table:
    return filled(TABLES["exposures"], len(log["user"]), {
        "user_id": named(user_ids(np.arange(start, start + n_users)), log["user"] - start),
        "item_id": _items(shop, log["item"]),
        "exposure_time": moments(log["time"]),
        "slot": named(SLOTS, log["slot"]),
        "position": pa.array(log["slot"] + 1, pa.int32()),
        "probability": pa.array(log["probability"].astype(np.float64)),
        "campaign_id": named(campaigns, log["campaign"]),
        "clicked": pa.array(log["clicked"].astype(bool)),
    })  # fmt: skip


def _items(shop: Catalogue, numbers: Ints) -> pa.Array:
    return shop.items.column("item_id").combine_chunks().take(pa.array(numbers, mask=numbers < 0))
