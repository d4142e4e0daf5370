"""The items of the synthetic shop and magazine: products, articles, ads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from persmark.columns import AD, CONTENT, PRODUCT, TABLES
from persmark.simulate.arrow import filled, money
from persmark.simulate.draws import Draws, Floats, Ints, shares
from persmark.simulate.words import AISLES, HEADLINES, HOOKS, Aisle

PRODUCTS_PER_CATEGORY = 50
ARTICLES_PER_CATEGORY = 17
N_ADS = 40
N_ALWAYS_ON_ADS = 12  # the others run for a few weeks each
SLOTS = ("home_top", "home_side", "article_foot")
CURRENCY = "EUR"
CATEGORIES: tuple[str, ...] = tuple(aisle.name for aisle in AISLES)


@dataclass(frozen=True)
class Catalogue:
    """Items in the order products, articles, ads; an item's number is its row.

    Args:
        items: Schema of `items`.
        item_offers: Schema of `item_offers`: what each ad lands on, and when it runs.
        item_truth: `item_id`, `popularity` (share of views within its category, before taste),
            `next_item_id` (product that is viewed next more often than chance; else null).
        category: (n_items,) number of the category.
        cents: (n_items,) price in cents; 0 for articles and ads.
        brand: (n_products,) number of the brand within the category.
        price_rank: (n_products,) rank of the price within the category, 0 to 1.
        product_shares, brand_shares, article_shares: category (or category x brand) number plus
            running share, for one `searchsorted` over all of them.
        successor: (n_products,) product that tends to be looked at next.
        landing: (n_ads,) the product an ad leads to.
        ad_days: (n_ads, 2) first and last day it runs, counted from the first day.
        ad_pull: (n_ads,) how clickable the ad is by itself.
    """

    items: pa.Table
    item_offers: pa.Table
    item_truth: pa.Table
    campaigns: tuple[str, ...]
    category: Ints
    cents: Ints
    brand: Ints
    price_rank: Floats
    product_shares: Floats
    brand_shares: Floats
    article_shares: Floats
    successor: Ints
    landing: Ints
    ad_days: Ints
    ad_pull: Floats

    @property
    def n_products(self) -> int:
        """Number of products, and of the first article."""
        return len(self.brand)

    @property
    def n_articles(self) -> int:
        """Number of articles."""
        return len(self.article_shares)


def build_catalogue(draws: Draws, first_day: date, days: int) -> Catalogue:
    """Lay out the shop for `days` days from `first_day`."""
    products = _products(draws)
    titles, brands, cents, attributes, category, brand = products
    n_products = len(titles)
    popularity = np.empty(n_products)
    price_rank = np.empty(n_products)
    for number in range(len(AISLES)):
        rows = np.flatnonzero(category == number)
        order = np.argsort(draws.one(f"popularity {number}", rows))
        popularity[rows[order]] = 1.0 / (np.arange(len(rows)) + 3.0)  # a flattened Zipf
        price_rank[rows[np.argsort(cents[rows], kind="stable")]] = np.arange(len(rows)) / (len(rows) - 1)
    n_brands = len(AISLES[0].brands)
    brand_group = category * n_brands + brand  # rows are laid out by category, then brand
    product_shares = _grouped_shares(popularity, category)
    brand_shares = _grouped_shares(popularity, brand_group)

    # A fifth of what follows a product lies in the next category of the same table (coffee to
    # breakfast), the rest in its own: enough for sequence models to have something to find.
    rows = np.arange(n_products)
    u = draws.grid("successor", rows, 2)
    target = np.where(u[:, 0] < 0.2, (category + 1) % len(AISLES), category)
    successor = np.searchsorted(product_shares, target + u[:, 1]).clip(max=n_products - 1)
    successor = np.where(successor == rows, (rows + 1) % n_products, successor)

    articles = _articles()
    article_category = np.array([row[1] for row in articles], np.int64)
    article_order = draws.one("article popularity", np.arange(len(articles)))
    article_popularity = 1.0 / (article_order * ARTICLES_PER_CATEGORY + 2.0)
    article_shares = _grouped_shares(article_popularity, article_category)

    ad = np.arange(N_ADS)
    landing = np.searchsorted(product_shares, ad % len(AISLES) + draws.one("landing", ad))
    landing = landing.clip(max=n_products - 1)
    ad_days, campaigns = _ad_days(draws, days)
    ads = [_ad_title(k, AISLES[category[at]], brands[at], titles[at]) for k, at in enumerate(landing)]
    all_category = np.concatenate([category, article_category, category[landing]])

    n_articles, n_items = len(articles), n_products + len(articles) + N_ADS
    item_ids = [
        *(f"p{k + 1:04d}" for k in range(n_products)),
        *(f"c{k + 1:04d}" for k in range(n_articles)),
        *(f"a{k + 1:03d}" for k in range(N_ADS)),
    ]
    all_cents = np.concatenate([cents, np.zeros(n_articles + N_ADS, np.int64)])
    has_price = np.arange(n_items) < n_products
    items = filled(TABLES["items"], n_items, {
        "item_id": item_ids,
        "kind": [PRODUCT] * n_products + [CONTENT] * n_articles + [AD] * N_ADS,
        "title": [*titles, *(row[0] for row in articles), *ads],
        "category_path": [f"{AISLES[c].group} / {AISLES[c].name}" for c in all_category],
        "category": [AISLES[c].name for c in all_category],
        "brand": [*brands, *[None] * n_articles, *(brands[at] for at in landing)],
        "price": money(all_cents, has_price),
        "currency": [CURRENCY] * n_products + [None] * (n_articles + N_ADS),
        "text": [*[None] * n_products, *(row[2] for row in articles), *[None] * N_ADS],
        "attributes": [*attributes, *[None] * (n_articles + N_ADS)],
    })  # fmt: skip
    starts = [first_day + timedelta(days=int(day)) for day in ad_days[:, 0]]
    ends = [first_day + timedelta(days=int(day)) for day in ad_days[:, 1]]
    item_offers = filled(TABLES["item_offers"], N_ADS, {
        "offer_id": item_ids[n_products + n_articles :],
        "item_id": [item_ids[at] for at in landing],
        "campaign_id": list(campaigns),
        "channel": ["ad"] * N_ADS,
        "starts_on": starts,
        "ends_on": ends,
        "n_places": [len(SLOTS)] * N_ADS,
    })  # fmt: skip
    truth = pa.table({
        "item_id": pa.array(item_ids[: n_products + n_articles]),
        "popularity": pa.array(np.concatenate([
            popularity / np.bincount(category, popularity)[category],
            article_popularity / np.bincount(article_category, article_popularity)[article_category],
        ])),
        "next_item_id": pa.array([item_ids[at] for at in successor] + [None] * n_articles, pa.string()),
    })  # fmt: skip
    return Catalogue(
        items=items, item_offers=item_offers, item_truth=truth, campaigns=campaigns, category=all_category,
        cents=all_cents, brand=brand, price_rank=price_rank, product_shares=product_shares,
        brand_shares=brand_shares, article_shares=article_shares, successor=successor, landing=landing,
        ad_days=ad_days, ad_pull=0.5 + draws.one("ad pull", np.arange(N_ADS)),
    )  # fmt: skip


def _grouped_shares(weights: Floats, group: Ints) -> Floats:
    """Group number plus running share within the group; groups are consecutive and in order."""
    out = np.empty(len(weights))
    for number in np.unique(group):
        rows = group == number
        out[rows] = number + shares(weights[rows])
    return out


def _products(
    draws: Draws,
) -> tuple[list[str], list[str], Ints, list[str], Ints, Ints]:
    """Title, brand, cents, attributes, category number and brand number of every product."""
    titles, brands, attributes = [], [], []
    category, brand, cents = [], [], []
    for number, aisle in enumerate(AISLES):
        options = [(q, t) for t in aisle.things for q in aisle.qualities]
        u = draws.grid(f"products {number}", np.arange(len(options) * len(aisle.brands)), 3)
        # 50 titles over the brands; each brand draws its (quality, thing) pairs without repeats.
        for b, name in enumerate(aisle.brands):
            count, rest = divmod(PRODUCTS_PER_CATEGORY, len(aisle.brands))
            count += b < rest
            at = slice(b * len(options), (b + 1) * len(options))
            for pick in np.argsort(u[at, 0], kind="stable")[:count]:
                quality, thing = options[pick]
                chance = u[b * len(options) + pick]
                size = aisle.sizes[int(chance[1] * len(aisle.sizes))]
                low, high = aisle.price
                euros = low * (high / low) ** chance[2]  # prices spread evenly on a log scale
                titles.append(f"{name} {quality} {thing}, {size}")
                brands.append(name)
                attributes.append(json.dumps({"size": size, "quality": quality}, ensure_ascii=False))
                category.append(number)
                brand.append(b)
                cents.append(int(euros) * 100 + 99)
    return (
        titles, brands, np.array(cents, np.int64), attributes,
        np.array(category, np.int64), np.array(brand, np.int64),
    )  # fmt: skip


def _articles() -> list[tuple[str, int, str]]:
    """Title, category number and standfirst of every article."""
    rows = []
    for number, aisle in enumerate(AISLES):
        pairs = [(h, t) for h in HEADLINES for t in aisle.topics][:ARTICLES_PER_CATEGORY]
        for headline, topic in pairs:
            title = headline.format(topic=topic, Topic=topic[0].upper() + topic[1:])
            standfirst = f"From the {aisle.name} desk: notes, tests and readers' letters on {topic}."
            rows.append((title, number, standfirst))
    return rows


def _ad_title(k: int, aisle: Aisle, brand: str, title: str) -> str:
    thing = title.removeprefix(f"{brand} ").split(",")[0]
    return HOOKS[k // len(AISLES) % len(HOOKS)].format(brand=brand, name=aisle.name, thing=thing)


def _ad_days(draws: Draws, days: int) -> tuple[Ints, tuple[str, ...]]:
    """First and last day of every ad; always-on ads cover the whole span."""
    u = draws.grid("ad days", np.arange(N_ADS), 2)
    length = 21 + (u[:, 1] * 28).astype(np.int64)
    start = (u[:, 0] * days).astype(np.int64)
    always = np.arange(N_ADS) < N_ALWAYS_ON_ADS
    first = np.where(always, 0, start)
    last = np.where(always, days - 1, np.minimum(start + length, days - 1))
    names = tuple(
        "always_on" if k < N_ALWAYS_ON_ADS else f"ads_{day // 30 + 1:02d}"
        for k, day in enumerate(start.tolist())
    )
    return np.stack([first, last], axis=1), names
