"""Who the synthetic users are: planted traits, invented contacts, consent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from persmark.columns import TABLES
from persmark.privacy import CONSENT_STATES, PURPOSES
from persmark.simulate.arrow import filled, named
from persmark.simulate.catalogue import CATEGORIES, Catalogue
from persmark.simulate.draws import Bools, Draws, Floats, Ints, chosen, shares, totals
from persmark.simulate.words import AISLES, COUNTRIES, FICTIONAL_PHONES, MAIL_DOMAINS

CHANNELS = ("web", "app", "email", "social", "push", "sms")
VISIT_CHANNELS = CHANNELS[:5]  # how a person comes by themselves
CONTACT_CHANNELS = ("email", "push", "sms")
DAYPARTS = ("night", "morning", "afternoon", "evening")  # six hours each, from midnight
STATES = CONSENT_STATES
AGE_BANDS = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")

# Share of (granted, denied, unknown) by purpose; a third column keeps "nobody asked" alive.
_CONSENT_SHARES = np.array([[0.68, 0.17, 0.15], [0.38, 0.34, 0.28], [0.55, 0.25, 0.20], [0.47, 0.33, 0.20]])
_CONSUMABLE = np.array([aisle.consumable for aisle in AISLES])


@dataclass(frozen=True)
class People:
    """Planted traits of a run of users; arrays of (n,) or (n, n_categories).

    Args:
        index: Number of the user in the whole world, from 0.
        taste: Share of interest by category; rows sum to 1.
        rate: Chance of an own visit per day while active.
        span: Attention span: mean number of things looked at per visit.
        reader: Chance that a visit is spent in the magazine.
        visit_channel, contact_channel, daypart: Favourites, numbers into the tuples above.
        contact_rate: Chance of being contacted per day.
        fatigue: Response to a contact is multiplied by exp(-fatigue * contacts of the 7 days before).
        joined, lapsed, returned: Days counted from the first one; the user is silent in [lapsed, returned).
        staple: Product bought again and again, -1 for none; `cycle`: days between those purchases.
        brand: Favourite brand by category. price_level: 0 cheap to 1 dear.
        consent: (n, 4) numbers into STATES, by PURPOSES.
        campaign_pull: Chance that the randomised campaign brings about a purchase.
    """

    index: Ints
    taste: Floats
    rate: Floats
    span: Floats
    reader: Floats
    visit_channel: Ints
    contact_channel: Ints
    daypart: Ints
    contact_rate: Floats
    fatigue: Floats
    joined: Ints
    lapsed: Ints
    returned: Ints
    staple: Ints
    cycle: Floats
    brand: Ints
    price_level: Floats
    consent: Ints
    campaign_pull: Floats

    def __len__(self) -> int:
        return len(self.index)

    def active(self, day: int) -> Bools:
        """Who comes by themselves on `day`."""
        out: Bools = (self.joined <= day) & ~((self.lapsed <= day) & (day < self.returned))
        return out


def _gamma(u: Floats, shape: float, mean: float) -> Floats:
    from scipy.special import gammaincinv

    out: Floats = gammaincinv(shape, u) * (mean / shape)
    return out


def build_people(draws: Draws, index: Ints, shop: Catalogue, days: int, campaign_effect: float) -> People:
    """Traits of users number `index`; a user's traits do not depend on who else is asked for."""
    from scipy.special import gammaincinv

    k = len(CATEGORIES)
    # Dirichlet through gammas; the small shape gives everyone one to three loves.
    loves = gammaincinv(0.25, draws.grid("taste", index, k)) + 1e-4
    taste = loves / totals(loves)[:, None]
    u = draws.grid("traits", index, 14)
    staple_u = draws.grid("staple", index, k)
    has_staple = _CONSUMABLE & (staple_u < 0.07 + 0.4 * taste)
    picks = np.searchsorted(shop.product_shares, np.arange(k) + draws.grid("staple item", index, k))
    staple = np.where(has_staple, picks.clip(max=shop.n_products - 1), -1)
    cycle = 18.0 + 52.0 * draws.grid("cycle", index, k)  # days

    early = u[:, 6] < 0.6  # already there on the first day
    joined = np.where(early, 0, (u[:, 7] * (days - 3)).astype(np.int64))
    leaves, back = u[:, 8] < 0.3, u[:, 9] < 0.2
    lapsed = np.where(leaves, joined + 14 + (u[:, 10] * days).astype(np.int64), days * 4)
    returned = np.where(back, lapsed + 45 + (u[:, 11] * 45).astype(np.int64), days * 8)

    contact_channel = chosen(np.array([0.55, 0.85, 1.0]), u[:, 3])
    consent = np.stack(
        [
            chosen(shares(_CONSENT_SHARES[p]), draws.one(f"consent {name}", index))
            for p, name in enumerate(PURPOSES)
        ],
        axis=1,
    )
    return People(
        index=index,
        taste=taste,
        rate=np.minimum(_gamma(u[:, 0], 1.2, 0.09), 0.8),
        span=1.8 + _gamma(u[:, 1], 2.0, 2.6),
        reader=0.05 + 0.5 * u[:, 12] ** 2,
        visit_channel=chosen(np.array([0.45, 0.75, 0.83, 0.95, 1.0]), u[:, 2]),
        contact_channel=contact_channel,
        daypart=chosen(np.array([0.06, 0.30, 0.55, 1.0]), u[:, 4]),
        contact_rate=np.minimum(_gamma(u[:, 5], 0.8, 0.12), 0.7),
        fatigue=_gamma(u[:, 13], 3.0, 0.35),
        joined=joined,
        lapsed=lapsed,
        returned=returned,
        staple=staple,
        cycle=cycle,
        brand=(draws.grid("brand", index, k) * len(AISLES[0].brands)).astype(np.int64),
        price_level=draws.one("price level", index),
        consent=consent,
        # Twice as strong where push, the campaign's channel, is how the person likes to be reached.
        campaign_pull=np.where(
            contact_channel == CONTACT_CHANNELS.index("push"), 2.0, 1.0
        ).clip(max=1.0 / max(campaign_effect, 1e-9)) * campaign_effect,
    )  # fmt: skip


def user_ids(index: Ints) -> list[str]:
    """Ids of users number `index`."""
    return [f"u{number + 1:06d}" for number in index.tolist()]


def users_table(draws: Draws, people: People, first_day: date) -> pa.Table:
    """Schema of `users`: attributes as a JSON object of text values."""
    country = _country(draws, people.index)
    ages = chosen(np.array([0.14, 0.40, 0.62, 0.79, 0.91, 1.0]), draws.one("age", people.index))
    attributes = [
        json.dumps({
            "country": COUNTRIES[c].code,
            "age_band": AGE_BANDS[a],
            # Those already there on the first day joined some time before it; nobody knows when.
            **({"joined": (first_day + timedelta(days=day)).isoformat()} if day else {}),
        })
        for c, a, day in zip(country.tolist(), ages.tolist(), people.joined.tolist(), strict=True)
    ]  # fmt: skip
    return filled(TABLES["users"], len(people), {"user_id": user_ids(people.index), "attributes": attributes})


def _country(draws: Draws, index: Ints) -> Ints:
    return chosen(shares(np.array([country.share for country in COUNTRIES])), draws.one("country", index))


def contacts_table(draws: Draws, n_users: int) -> pa.Table:
    """Invented contacts: `user_id`, `email`, `phone` (E.164 or null), `first_name`, `last_name`,
    `country` (ISO-2), `zip`, `city`.

    Mail domains are the reserved example ones; phones lie in ranges set aside for fiction and are
    never given twice, so users past the end of their country's ranges have none.
    """
    index = np.arange(n_users, dtype=np.int64)
    country = _country(draws, index)
    u = draws.grid("contact", index, 6)
    columns: dict[str, list[str | None]] = {
        name: [None] * n_users for name in ("email", "phone", "first_name", "last_name", "zip", "city")
    }
    for number, land in enumerate(COUNTRIES):
        phones = [
            f"{prefix}{k:0{digits}d}"
            for prefix, digits in FICTIONAL_PHONES[land.code]
            for k in range(10**digits)
        ]
        rows = np.flatnonzero(country == number)
        # Coprime to every pool size, so that stepping by it visits every number once.
        step = 7919
        for place, row in enumerate(rows.tolist()):
            first, first_ascii = land.first[int(u[row, 0] * len(land.first))]
            last, last_ascii = land.last[int(u[row, 1] * len(land.last))]
            zip_code, city = land.places[int(u[row, 2] * len(land.places))]
            domain = MAIL_DOMAINS[int(u[row, 3] * len(MAIL_DOMAINS))]
            columns["email"][row] = f"{first_ascii}.{last_ascii}.{row + 1}@{domain}"
            if place < len(phones) and u[row, 4] < 0.85:
                columns["phone"][row] = phones[place * step % len(phones)]
            columns["first_name"][row] = first
            columns["last_name"][row] = last
            columns["zip"][row] = zip_code
            columns["city"][row] = city
    texts = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    return pa.table({
        "user_id": pa.array(user_ids(index)),
        "email": texts["email"],
        "phone": texts["phone"],
        "first_name": texts["first_name"],
        "last_name": texts["last_name"],
        "country": named([land.code for land in COUNTRIES], country),
        "zip": texts["zip"],
        "city": texts["city"],
    })  # fmt: skip


def consents_table(people: People) -> pa.Table:
    """`user_id`, `purpose`, `state`: four rows per user."""
    n, width = len(people), len(PURPOSES)
    who = np.repeat(np.arange(n), width)
    return pa.table({
        "user_id": named(user_ids(people.index), who),
        "purpose": named(PURPOSES, np.tile(np.arange(width), n)),
        "state": named(STATES, people.consent.reshape(-1)),
    })  # fmt: skip


def truth_table(people: People, shop: Catalogue, days: int) -> pa.Table:
    """The planted traits, one row per user, for tests; see `Simulation.truth`."""
    n, width = people.taste.shape
    offsets = pa.array(np.arange(n + 1) * width, pa.int32())
    no_staple = people.staple < 0
    return pa.table({
        "user_id": pa.array(user_ids(people.index)),
        "taste": pa.ListArray.from_arrays(offsets, pa.array(people.taste.reshape(-1))),
        "favourite_category": named(CATEGORIES, people.taste.argmax(axis=1)),
        "attention_span": pa.array(people.span),
        "reader_share": pa.array(people.reader),
        "reorder_days": pa.ListArray.from_arrays(
            offsets, pa.array(people.cycle.reshape(-1), mask=no_staple.reshape(-1))
        ),
        "staple_items": pa.ListArray.from_arrays(
            offsets, shop.items.column("item_id").combine_chunks().take(
                pa.array(people.staple.reshape(-1), mask=no_staple.reshape(-1)))
        ),
        "visits_per_day": pa.array(people.rate),
        "favourite_channel": named(VISIT_CHANNELS, people.visit_channel),
        "favourite_contact_channel": named(CONTACT_CHANNELS, people.contact_channel),
        "favourite_daypart": named(DAYPARTS, people.daypart),
        "contacts_per_day": pa.array(people.contact_rate),
        "fatigue": pa.array(people.fatigue),
        "joined_day": pa.array(people.joined, pa.int32()),
        "lapsed_day": pa.array(people.lapsed, pa.int32(), mask=people.lapsed >= days),
        "returned_day": pa.array(people.returned, pa.int32(), mask=people.returned >= days),
        "price_level": pa.array(people.price_level),
    })  # fmt: skip
