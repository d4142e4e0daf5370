"""The chosen rows of a slate as cards, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from persmark import attention
from persmark.columns import AD, ITEM_ID, PRODUCT
from persmark.errors import InputError, NotFoundError
from persmark.recommend import FILLED, Interactions, Reason, Recommender
from persmark.slates.cards import Cards, cards_of, placements_of
from persmark.slates.fill import Candidates, Rows, Vector, pinned_scores
from persmark.slates.rules import SlateRules
from persmark.slates.slate import SlateItem, SlateRequest
from persmark.store import Reader
from persmark.text import text


@dataclass(frozen=True, eq=False)
class Scored:
    """Candidates with their scores, and what is needed to say why.

    Args:
        stages: (rule, n_removed, (n_rows,) scores), the first before any rule.
        fits: (n_rows,) share of users it fits; None for a single user.
        own: (n_rows,) whether the users' own events speak for the candidate; None where the
            recommender is to be asked, for the shown ones only.
        taste: Category -> share of it in what the users did; empty but for content.
    """

    stages: list[tuple[str, int, Vector]]
    fits: Vector | None
    own: npt.NDArray[np.bool_] | None
    taste: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Shown:
    """Turns rows into cards.

    Args:
        reader: The workspace.
        recommender: What scored.
        request: What was asked.
        histories: Of the users.
        candidates: What could be shown.
        scored: Its scores.
        time_zone: Of the days in the sentences.
    """

    reader: Reader
    recommender: Recommender
    request: SlateRequest
    histories: Interactions
    candidates: Candidates
    scored: Scored
    time_zone: str

    def items(self, rows: Rows, day: date) -> tuple[SlateItem, ...]:
        """Pins first, then the rows, ranked from 1.

        Raises:
            NotFoundError: A pinned item is unknown.
            InputError: A pinned item is of another kind.
        """
        taken = self.candidates.table.take(pa.array(rows, pa.int64())).to_pylist()
        for row, held in zip(rows.tolist(), taken, strict=True):
            held["item_id"] = self.candidates.item_ids[row]
            held["covered_id"] = self.candidates.covered_ids[row]
        pinned = list(self.request.rules.pinned)
        covered = [row["covered_id"] for row in taken]
        looked_up = [*(row["item_id"] for row in taken), *covered, *pinned]
        if self._single:
            # Reasons may name what came before.
            looked_up += [str(one) for one in self.histories.item_ids]
        cards = cards_of(self.reader, looked_up)
        self._check_pins(cards)
        placed = placements_of(self.reader, [*covered, *pinned], day)
        popular = self._popular(rows, covered)
        carried = self._carried(rows, covered, cards)
        made: list[SlateItem] = []
        scores = pinned_scores(self.candidates, self.scored.stages[0][2], pinned)
        for item_id, score in zip(pinned, scores, strict=True):
            card = cards.of(item_id)
            made.append(
                SlateItem(
                    rank=len(made) + 1,
                    item_id=item_id,
                    title=card.title,
                    kind=self.request.kind,
                    score=score,
                    reason=text("pinned by a rule"),
                    reason_kind="pinned",
                    category=card.category,
                    brand=card.brand,
                    price=card.price,
                    currency=card.currency,
                    image=card.image,
                    placement=placed.get(item_id),
                )
            )
        final = self.scored.stages[-1][2]
        for row, held in zip(rows.tolist(), taken, strict=True):
            card, behind = cards.of(held["item_id"]), cards.of(held["covered_id"])
            why = self._reason(row, held, cards, carried)
            said = why.text
            is_ad = self.request.kind == AD and held["covered_id"] != held["item_id"]
            if is_ad:
                said = text("covers {title}: {reason}", title=behind.title, reason=said)
            made.append(
                SlateItem(
                    rank=len(made) + 1,
                    item_id=held["item_id"],
                    title=card.title,
                    kind=self.request.kind,
                    score=float(final[row]),
                    reason=said,
                    reason_kind=why.kind,
                    facts=dict(why.facts),
                    filled=held["covered_id"] in popular,
                    category=behind.category,
                    brand=behind.brand,
                    price=behind.price,
                    currency=behind.currency,
                    image=card.image or behind.image,
                    covered_item_id=held["covered_id"] if is_ad else None,
                    covered_title=behind.title if is_ad else None,
                    campaign_id=held["campaign_id"],
                    ends_on=held["ends_on"],
                    placement=placed.get(held["covered_id"]),
                    fits=self._fits(row),
                )
            )
        return tuple(made)

    @cached_property
    def _single(self) -> bool:
        return self.request.user_id is not None

    def _fits(self, row: int) -> float | None:
        return float(self.scored.fits[row]) if self.scored.fits is not None else None

    def _popular(self, rows: Rows, covered: list[str]) -> set[str]:
        """Which of the chosen items nothing in the users' own events speaks for."""
        if self.scored.own is not None:
            own = self.scored.own
            return {one for row, one in zip(rows.tolist(), covered, strict=True) if not own[row]}
        if not covered:
            return set()
        if self.scored.fits is not None:
            fits = self.scored.fits
            return {one for row, one in zip(rows.tolist(), covered, strict=True) if not fits[row]}
        served = self.recommender.recommend(self.histories, k=len(set(covered)), candidates=covered)
        return set(served[ITEM_ID][served[FILLED]])

    def _carried(self, rows: Rows, covered: list[str], cards: Cards) -> Mapping[str, attention.Carried]:
        """For a single user: which of their events carry each shown item."""
        if not self._single:
            return {}
        own = self.scored.own
        asked = [
            one
            for row, one in zip(rows.tolist(), covered, strict=True)
            if self.candidates.code[row] >= 0 and (own is None or own[row])
        ]
        plain = self.request.kind == PRODUCT and self.request.rules == SlateRules()
        allowed = np.zeros(len(self.recommender.item_ids), bool)
        allowed[self.candidates.eligible] = True
        return attention.carried(
            self.recommender,
            self.histories,
            list(dict.fromkeys(asked)),
            # Under rules, or among ads, the first k of the ranking are not what is shown.
            k=self.request.k if plain else None,
            allowed=allowed,
            titles=cards.titles,
            categories={one: card.category for one, card in cards.by_id.items() if card.category},
            time_zone=self.time_zone,
        )

    def _reason(
        self, row: int, held: Mapping[str, object], cards: Cards, carried: Mapping[str, attention.Carried]
    ) -> Reason:
        own = self.scored.own is None or bool(self.scored.own[row])
        category = str(held["category"])
        share = 0.0 if own else self.scored.taste.get(category, 0.0)
        if share > 0:
            said = (
                text("{percent}% of what they did lately is {category}",
                     percent=round(100 * share), category=category)
                if self._single
                else text("{percent}% of what these users did lately is {category}",
                          percent=round(100 * share), category=category)
            )  # fmt: skip
            return Reason("taste", {"category": category, "share": share}, said)
        if self.candidates.code[row] < 0:
            return Reason("new", {}, text("new: nobody has looked at it yet"))
        if (by := carried.get(str(held["covered_id"]))) is not None:
            facts = {"item_id": by.item_id, "n_events": by.n_events, "effect": by.effect}
            return Reason("occlusion", facts, by.why)
        if self._single:
            return self.recommender.reason(self.histories, str(held["covered_id"]), titles=cards.titles)
        k, n_users, fits = self.request.k, self.histories.n_users, self._fits(row) or 0.0
        said = (
            text("among the best {k} of {percent}% of {n} users",
                 k=k, percent=round(100 * fits, 1), n=n_users)
            if fits
            else text("among nobody's best {k}; it fills the slate", k=k)
        )  # fmt: skip
        return Reason("segment", {"fits": fits, "n_users": n_users, "k": k}, said)

    def _check_pins(self, cards: Cards) -> None:
        pinned = self.request.rules.pinned
        learned = set(self.recommender.item_ids) if pinned else set()
        for item_id in pinned:
            kind = cards.of(item_id).kind
            if kind is None and item_id not in learned:
                raise NotFoundError(
                    text("Pinned item '{item}' must be in the catalogue. Received: an unknown id.",
                         item=item_id),
                    title="No such item",
                    hint="Load it as an item first.",
                )  # fmt: skip
            if (kind or PRODUCT) != self.request.kind:
                raise InputError(
                    text("Pinned item '{item}' must be of kind {kind}. Received: {other}.",
                         item=item_id, kind=self.request.kind, other=kind or PRODUCT)
                )  # fmt: skip
