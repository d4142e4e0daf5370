"""What the synthetic users do, day by day: one loop over days, arrays over users.

Each day has two turns. In the first a person comes by themselves: because it is their habit, or
because something they use up is due again. In the second the shop contacts some people, and a few
of them respond. A visit is spent reading or shopping; a shopping visit goes search, views, cart,
purchase, and most carts are left behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from persmark.columns import CAMPAIGN_RECEIVED, CART, CLICK, IMPRESSION, PURCHASE, REFUND, SEARCH, VIEW
from persmark.simulate.calendar import Calendar
from persmark.simulate.catalogue import CATEGORIES, SLOTS, Catalogue
from persmark.simulate.draws import Bools, Draws, Floats, Ints, chosen, shares, totals
from persmark.simulate.log import EXPOSURE_COLUMNS, Log
from persmark.simulate.people import CHANNELS, CONTACT_CHANNELS, STATES, People
from persmark.simulate.words import AISLES

TYPES = (VIEW, CLICK, CART, PURCHASE, REFUND, SEARCH, IMPRESSION, CAMPAIGN_RECEIVED, "like", "share")
_TYPE = {name: code for code, name in enumerate(TYPES)}

# The rules of this world, beside the traits of its people; tests read them from `Simulation.rules`.
RULES: Mapping[str, float] = MappingProxyType({
    "due_visit_chance": 0.40,  # per day, once a staple is used up
    "due_cart_chance": 0.92,
    "due_checkout_chance": 0.85,
    "cart_chance": 0.19,  # per product looked at
    "checkout_chance": 0.24,  # per visit with a cart
    "follow_chance": 0.30,  # the next product is the successor of the last one
    "brand_chance": 0.35,  # a product is taken from the favourite brand
    "refund_chance": 0.03,
    "interest_per_article": 0.06,  # added to the taste for the category
    "interest_kept_per_day": 0.93,  # half-life 9.6 days
    "response_chance": 0.22,  # before channel, category and fatigue
    "ad_visit_share": 0.45,  # visits that see the three ad slots
    "ad_uniform_share": 0.40,  # of the ad policy; the rest is a softmax over fit
    "habit_chance": 0.65,  # a visit falls into the favourite daypart
    "channel_chance": 0.70,  # a visit comes through the favourite channel
})  # fmt: skip

_MAX_STEPS = 10
_WEEKDAY = np.array([0.95, 0.9, 0.9, 0.95, 1.0, 1.15, 1.15])
_CHANNEL_SHARES = np.array([0.45, 0.75, 0.85, 0.95, 1.0])
_DAYPART_SHARES = np.array([0.05, 0.30, 0.60, 1.0])
_CONTACT_SHARES = np.array([0.50, 0.85, 1.0])
_CONTACT_TO_CHANNEL = np.array([CHANNELS.index(name) for name in CONTACT_CHANNELS])
_SLOT_PULL = np.array([1.0, 0.55, 0.35])  # people look at the first slot most
_CONSUMABLE = np.array([aisle.consumable for aisle in AISLES])
_SEARCH_WORDS = max(len(aisle.things) for aisle in AISLES)


class World:
    """One run of users living through the days; `log` and `exposures` fill as they do.

    Args:
        draws: The random numbers.
        calendar: The days.
        shop: The items.
        people: The run of users.
        ad_campaign: (n_ads,) campaign number of each ad.
        week_campaign: Number of the campaign of week 0 on channel 0; the rest follow.
    """

    def __init__(
        self, draws: Draws, calendar: Calendar, shop: Catalogue, people: People, *, ad_campaign: Ints,
        week_campaign: int,
    ) -> None:  # fmt: skip
        self.draws, self.calendar, self.shop, self.people = draws, calendar, shop, people
        self.ad_campaign, self.week_campaign = ad_campaign, week_campaign
        self.log = Log()
        self.exposures = Log(EXPOSURE_COLUMNS)
        n, k = people.taste.shape
        self.interest = np.zeros((n, k))
        first = people.joined[:, None] + people.cycle * draws.grid("first due", people.index, k)
        self.due = np.where(people.staple >= 0, first, np.inf)
        self.contacts = np.zeros((n, 7), np.int64)  # of the last seven days, a ring
        # Expected clicks per user under the policy that ran, uniform choice, and the best ad.
        self.ad_clicks = np.zeros((n, 3))
        self.n_decisions = np.zeros(n, np.int64)

    def live(self) -> None:
        """All days in order."""
        for day in range(self.calendar.days):
            self._own_turn(day)
            self._contact_turn(day)
            self.interest *= RULES["interest_kept_per_day"]

    def _own_turn(self, day: int) -> None:
        people = self.people
        ids = people.index * 65536 + day * 2
        u = self.draws.grid("own turn", ids, 8)
        is_due = self.due.min(axis=1) <= day
        chance = people.rate * _WEEKDAY[self.calendar.weekday(day)] + RULES["due_visit_chance"] * is_due
        rows = np.flatnonzero(people.active(day) & (u[:, 0] < chance))
        if not len(rows):
            return
        u, ids = u[rows], ids[rows]
        due = is_due[rows] & (u[:, 1] < 0.85)
        wanted = chosen(shares(people.taste[rows] + self.interest[rows]), u[:, 2])
        category = np.where(due, self.due[rows].argmin(axis=1), wanted)
        own = u[:, 3] < RULES["channel_chance"]
        channel = np.where(own, people.visit_channel[rows], chosen(_CHANNEL_SHARES, u[:, 4]))
        habit = u[:, 5] < RULES["habit_chance"]
        daypart = np.where(habit, people.daypart[rows], chosen(_DAYPART_SHARES, u[:, 6]))
        # Visits start in the first five of the daypart's six hours, so that they end inside it.
        second = daypart * 21600 + (u[:, 7] * 18000).astype(np.int64)
        start = self.calendar.utc(np.full(len(rows), day), second)
        none = np.full(len(rows), -1)
        self.visit(rows, ids, start, channel=channel, campaign=none, category=category, due=due, day=day)

    def _contact_turn(self, day: int) -> None:
        people = self.people
        week = day // 7
        ids = people.index * 65536 + day * 2 + 1
        u = self.draws.grid("contact turn", ids, 8)
        by = chosen(_CONTACT_SHARES, u[:, 1])
        allowed = np.where(
            by == 0, people.consent[:, 0] != STATES.index("denied"),
            np.where(by == 2, people.consent[:, 1] == STATES.index("granted"), True),
        )  # fmt: skip
        sent = (people.joined <= day) & (u[:, 0] < people.contact_rate) & allowed
        pressure = self.contacts.sum(axis=1)
        self.contacts[:, day % 7] = sent
        rows = np.flatnonzero(sent)
        if not len(rows):
            return
        u, ids, by = u[rows], ids[rows], by[rows]
        featured = int(self.draws.one("featured", np.array([week]))[0] * len(CATEGORIES))
        campaign = self.week_campaign + week * len(CONTACT_CHANNELS) + by
        channel = _CONTACT_TO_CHANNEL[by]
        time = self.calendar.utc(np.full(len(rows), day), 32400 + (u[:, 2] * 32400).astype(np.int64))
        self.log.add(
            user=people.index[rows], time=time, type=_TYPE[CAMPAIGN_RECEIVED], channel=channel,
            campaign=campaign, property=featured,
        )  # fmt: skip
        chance = (
            RULES["response_chance"]
            * np.where(by == people.contact_channel[rows], 2.0, 0.7)
            * (0.5 + 2.0 * people.taste[rows, featured])
            * np.exp(-people.fatigue[rows] * pressure[rows])
            * np.where(people.active(day)[rows], 1.0, 0.2)
        )
        came = u[:, 3] < chance
        rows, ids, u = rows[came], ids[came], u[came]
        if not len(rows):
            return
        wanted = chosen(shares(people.taste[rows] + self.interest[rows]), u[:, 4])
        self.visit(
            rows, ids, time[came] + 120 + (u[:, 5] * 10800).astype(np.int64), channel=channel[came],
            campaign=campaign[came], category=np.where(u[:, 6] < 0.6, featured, wanted),
            due=np.zeros(len(rows), bool), day=day,
        )  # fmt: skip

    def visit(
        self, rows: Ints, ids: Ints, start: Ints, *, channel: Ints, campaign: Ints, category: Ints,
        due: Bools, day: int | None,
    ) -> None:  # fmt: skip
        """Let users `rows` come by once; `day` None is the planted visit that always buys.

        Args:
            rows: Each user at most once.
            ids: Number of the visit, unique in the world.
            start: Epoch seconds.
            due: The visit is for the staple of `category`.
        """
        people, shop, n = self.people, self.shop, len(rows)
        planted = day is None
        user = people.index[rows]
        u = self.draws.grid("visit", ids, 6)
        span = people.span[rows]
        reading = (u[:, 0] < people.reader[rows]) & ~due & (not planted)
        # Geometric with mean `span`.
        length = np.ceil(np.log(u[:, 1]) / np.log1p(-1.0 / span)).clip(1, _MAX_STEPS).astype(np.int64)
        gap_u = self.draws.grid("gaps", ids, _MAX_STEPS + 6)
        gaps = (-np.log(gap_u) * (12.0 + 5.0 * span)[:, None]).clip(5, 200).astype(np.int64)
        clock = start.copy()
        common: dict[str, Any] = {"user": user, "channel": channel, "campaign": campaign}

        if day is not None:
            seen = np.flatnonzero(u[:, 2] < RULES["ad_visit_share"])
            if len(seen):
                clock[seen] += self._ads(rows[seen], ids[seen], clock[seen], channel[seen], day)
        searches = ~reading & ~due & (u[:, 3] < 0.4)
        word = category * _SEARCH_WORDS + (gap_u[:, -1] * 997 % 1 * _SEARCH_WORDS).astype(np.int64)
        query = len(CATEGORIES) + word
        self.log.add(where=searches, **common, time=clock, type=_TYPE[SEARCH], property=query)
        clock = clock + np.where(searches, gaps[:, -2], 0)

        steps = self.draws.grid("steps", ids, _MAX_STEPS * 9).reshape(n, _MAX_STEPS, 9)
        last = np.full(n, -1)
        carts = np.full((n, _MAX_STEPS), -1)
        for step in range(int(length.max())):
            on, v = length > step, steps[:, step]
            article = shop.n_products + np.searchsorted(shop.article_shares, category + v[:, 0])
            article = article.clip(max=shop.n_products + shop.n_articles - 1)
            product = self._product(rows, category, last, v)
            first_due = due & (step == 0)
            product = np.where(first_due, people.staple[rows, category], product)
            item = np.where(reading, article, product)
            self.log.add(where=on, **common, time=clock, type=_TYPE[VIEW], item=item)
            for reaction, moved in (("like", v[:, 7] < 0.08), ("share", v[:, 7] > 0.97)):
                self.log.add(
                    where=on & reading & moved, **common, time=clock + 3, type=_TYPE[reaction], item=item
                )
            put = v[:, 8] < np.where(first_due, RULES["due_cart_chance"], RULES["cart_chance"])
            put = on & ~reading & (put | (planted and step == 0))
            carts[put, step] = product[put]
            self.log.add(
                where=put, **common, time=clock + 2, type=_TYPE[CART], item=product,
                cents=shop.cents[product], quantity=1,
            )  # fmt: skip
            last = np.where(on & ~reading, product, last)
            clock = clock + np.where(on, gaps[:, step], 0)
        if not planted:
            raised = RULES["interest_per_article"] * np.where(reading, length, 0)
            self.interest[rows, category] += raised

        chance = np.where(due, RULES["due_checkout_chance"], RULES["checkout_chance"])
        pays = (carts >= 0).any(axis=1) & ((u[:, 4] < chance) | planted)
        self._check_out(ids, clock, carts, pays, common)
        done = rows[due & pays]
        if day is not None and len(done):
            from scipy.special import ndtri

            at = category[due & pays]
            wobble = np.exp(0.15 * ndtri(u[due & pays, 5]))
            self.due[done, at] = day + people.cycle[done, at] * wobble

    def _product(self, rows: Ints, category: Ints, last: Ints, v: Floats) -> Ints:
        """The product looked at: a successor, or of two popular ones the nearer to one's price level."""
        people, shop = self.people, self.shop
        n_brands = len(AISLES[0].brands)
        group = category * n_brands + people.brand[rows, category]
        top = shop.n_products - 1
        of_brand = np.searchsorted(shop.brand_shares, group + v[:, 1]).clip(max=top)
        one = np.searchsorted(shop.product_shares, category + v[:, 2]).clip(max=top)
        two = np.searchsorted(shop.product_shares, category + v[:, 3]).clip(max=top)
        level = people.price_level[rows]
        nearer = np.abs(shop.price_rank[one] - level) <= np.abs(shop.price_rank[two] - level)
        item = np.where(v[:, 4] < RULES["brand_chance"], of_brand, np.where(nearer, one, two))
        follows = (last >= 0) & (v[:, 5] < RULES["follow_chance"])
        return np.where(follows, shop.successor[last], item)

    def _check_out(self, ids: Ints, clock: Ints, carts: Ints, pays: Bools, common: Mapping[str, Any]) -> None:
        """Everything in the cart becomes one order; a few lines come back days later."""
        rows, step = np.nonzero((carts >= 0) & pays[:, None])
        if not len(rows):
            return
        item = carts[rows, step]
        v = self.draws.grid("lines", ids[rows] * 16 + step, 4)
        quantity = 1 + (_CONSUMABLE[self.shop.category[item]] & (v[:, 0] < 0.2))
        full = self.shop.cents[item] * quantity
        offered = np.where(common["campaign"][rows] >= 0, 0.40, 0.10)
        discount = np.where(v[:, 1] < offered, full // 5, 0)
        line = {name: values[rows] for name, values in common.items()} | {
            "item": item, "quantity": quantity, "order": ids[rows],
        }  # fmt: skip
        time = clock[rows] + 20 + step
        self.log.add(**line, time=time, type=_TYPE[PURCHASE], cents=full - discount, discount=discount)
        later = time + 86400 * 2 + (v[:, 3] * 86400 * 12).astype(np.int64)
        back = (v[:, 2] < RULES["refund_chance"]) & (later < self.calendar.end)
        self.log.add(where=back, **line, time=later, type=_TYPE[REFUND], cents=discount - full)

    def _ads(self, rows: Ints, ids: Ints, clock: Ints, channel: Ints, day: int) -> Ints:
        """Show an ad in each slot, by a policy whose probabilities are logged; seconds spent on them."""
        shop, people, n = self.shop, self.people, len(rows)
        running = np.flatnonzero((shop.ad_days[:, 0] <= day) & (day <= shop.ad_days[:, 1]))
        # One layout and one order of adding, whatever the number of rows: the last digit counts.
        fit = np.ascontiguousarray(people.taste[rows][:, shop.category[shop.landing[running]]])
        pull = shop.ad_pull[running]
        soft = np.exp(4.0 * fit + pull)
        soft /= totals(soft)[:, None]
        uniform = RULES["ad_uniform_share"]
        policy = uniform / len(running) + (1.0 - uniform) * soft
        running_shares = shares(policy)
        likes = 0.05 * pull * (0.4 + 2.5 * fit)
        u = self.draws.grid("ads", ids, len(SLOTS) * 2)
        every = np.arange(n)
        first_ad = shop.n_products + shop.n_articles
        spent = np.full(n, 5)
        user = people.index[rows]
        for slot in range(len(SLOTS)):
            pick = chosen(running_shares, u[:, slot])
            ad = running[pick]
            chance = likes * _SLOT_PULL[slot]
            clicked = u[:, len(SLOTS) + slot] < chance[every, pick]
            self.ad_clicks[rows] += np.stack(
                [totals(policy * chance), totals(chance) / len(running), chance.max(axis=1)], axis=1
            )
            self.n_decisions[rows] += 1
            campaign = self.ad_campaign[ad]
            shown: dict[str, Any] = {"user": user, "channel": channel, "campaign": campaign}
            self.log.add(
                **shown, time=clock, type=_TYPE[IMPRESSION], item=first_ad + ad,
                property=len(CATEGORIES) * (1 + _SEARCH_WORDS) + slot,
            )  # fmt: skip
            self.exposures.add(
                user=user, time=clock, item=first_ad + ad, slot=slot, probability=policy[every, pick],
                campaign=campaign, clicked=clicked,
            )  # fmt: skip
            at = clock + spent
            self.log.add(where=clicked, **shown, time=at, type=_TYPE[CLICK], item=first_ad + ad)
            self.log.add(where=clicked, **shown, time=at + 2, type=_TYPE[VIEW], item=shop.landing[ad])
            spent = spent + np.where(clicked, 25, 0)
        return spent
