"""Why the ranker places an item, by taking away what it knew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from persmark.recommend.contract import Reason
from persmark.recommend.interactions import Interactions
from persmark.recommend.popular import Popularity
from persmark.recommend.ranker.features import GROUPS, PAIR_NAMES
from persmark.recommend.ranker.network import Shape, forward
from persmark.recommend.ranker.tables import CHANNELS, ItemTables
from persmark.recommend.repeat import habit_reason
from persmark.text import text

SOURCES, HISTORY = "sources", "history"
# Days that a sentence on a category looks back.
LOOK_BACK_DAYS = 90


@dataclass(frozen=True)
class Effects:
    """What the score loses when a part of the input is blanked.

    Args:
        lost: Part -> loss; above 0 where the part speaks for the item. Parts are the groups of
            `features.GROUPS`, `sources` and, where it is attended to, `history`.
        source: Place of the source whose scores matter most.
        event: Place, among the events that the scorer reads, of the one attended to most; -1 for none.
    """

    lost: Mapping[str, float]
    source: int
    event: int


def effects(
    weights: Mapping[str, npt.NDArray[np.float32]], x: Mapping[str, npt.NDArray[Any]], shape: Shape
) -> Effects:
    """Blank each part of one candidate's input in turn: to what it is for the average candidate.

    Args:
        weights: Of the scorer.
        x: The inputs of one user and one candidate, as `encoded.inputs` makes them.
        shape: Sizes.
    """
    n_own = len(PAIR_NAMES)
    columns: dict[str, list[int]] = {
        group: [PAIR_NAMES.index(name) for name in names] for group, names in GROUPS.items()
    }
    columns[SOURCES] = list(range(n_own, shape.pairs))
    each = [[place, place + 1] for place in range(n_own, shape.pairs, 2)]
    variants = [[], *columns.values(), *each]
    pairs = np.repeat(x["pairs"], len(variants), axis=1)
    for place, blank in enumerate(variants):
        pairs[0, place, blank] = 0
    many = {**x, "pairs": pairs}
    for name in ("item", "category", "path"):
        many[name] = np.repeat(x[name], len(variants), axis=1)
    found = forward(np, weights, many, shape)
    score = found["score"][0]
    lost = {name: float(score[0] - score[1 + place]) for place, name in enumerate(columns)}
    by_source = score[0] - score[1 + len(columns) :]
    event = -1
    if shape.history_attention and x["event_real"].any():
        event = int(found["event_weight"][0, 0].argmax())
        without = forward(np, weights, {**x, "event_real": np.zeros_like(x["event_real"])}, shape)
        lost[HISTORY] = float(score[0] - without["score"][0, 0])
    return Effects(lost, int(by_source.argmax()) if len(by_source) else 0, event)


def said(
    part: str,
    history: Interactions,
    item: int,
    *,
    tables: ItemTables,
    popularity: Popularity,
    categories: tuple[str, ...],
) -> Reason | None:
    """One part in words; None where there is nothing to say of it for this user and item.

    Args:
        part: A key of `Effects.lost`.
        history: The user's events, items as places of `tables`.
        item: The item.
        tables: The item side.
        popularity: Demand in words.
        categories: Names of `tables.category`; what stands for none has no name.
    """
    if part == "own":
        return habit_reason(history, item)
    if part == "category":
        code = int(tables.category[item])
        late = history.time > history.as_of - LOOK_BACK_DAYS * 86_400
        n = int((late & (tables.category[history.item] == code)).sum())
        if n < 2 or code >= len(categories):
            return None
        facts = {"category": categories[code], "n_events": n, "days": LOOK_BACK_DAYS}
        return Reason(
            "category",
            facts,
            text("from {category}, where this user was {n} times in the last {days} days",
                 category=categories[code], n=n, days=LOOK_BACK_DAYS),
        )  # fmt: skip
    if part == "offer":
        runs = [name for place, name in enumerate(CHANNELS) if tables.offers[item, place] > 0]
        if not runs:
            return None
        return Reason(
            "offer", {"channels": runs}, text("on offer now ({channels})", channels=", ".join(runs))
        )
    if part == "item":
        return popularity.reason(item)
    return None
