"""What is asked for, and the slate that comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from persmark.columns import KINDS, PRODUCT
from persmark.errors import InputError
from persmark.slates.rules import RuleCost, SlateRules
from persmark.text import Text, text

if TYPE_CHECKING:
    import pandas as pd

# Users of a segment that are scored: a share is then known to 3 points (95%, at 50%); 5,000 give 1.4.
SAMPLE_USERS = 1_000


@dataclass(frozen=True)
class SlateRequest:
    """A slate for one user, or for the users of a segment.

    Args:
        user_id: The user; or leave it out and give `users`.
        users: The users of a segment.
        segment: What the segment is called.
        kind: `product`, `ad` or `content`.
        k: Slate length, 1 to 100.
        rules: What may stand in it.
        only_received: Ads of campaigns that the user received only; where left out, exactly when
            the workspace knows who received any of the running campaigns.
        weights: Event type -> weight of the history; those of the recommender's training where left out.
        sample_users: Most users of a segment that are scored.
        seed: Of the draw of those.
        run_id: Of the recommender, to be told with the slate.

    Raises:
        InputError: Neither or both of user and users are given, or a value breaks its rule.
    """

    user_id: str | None = None
    users: Sequence[str] | None = None
    segment: str | None = None
    kind: str = PRODUCT
    k: int = 10
    rules: SlateRules = field(default_factory=SlateRules)
    only_received: bool | None = None
    weights: Mapping[str, float] | None = None
    sample_users: int = SAMPLE_USERS
    seed: int = 0
    run_id: str | None = None

    def __post_init__(self) -> None:
        if (self.user_id is None) == (self.users is None):
            raise InputError(
                text("A slate is for one user or for the users of a segment. Received: {what}.",
                     what=text("neither") if self.user_id is None else text("both")),
                hint="Give a user id, or a segment.",
            )  # fmt: skip
        if self.kind not in KINDS:
            raise InputError(
                text("A slate's kind must be known. Received: {kind}.", kind=self.kind),
                hint=text("Available: {names}.", names=", ".join(KINDS)),
            )
        if not 1 <= self.k <= 100:
            raise InputError(text("A slate's length must be 1 to 100. Received: {k}.", k=self.k))
        if self.sample_users < 1:
            raise InputError(
                text("At least one user of a segment must be scored. Received: {n}.", n=self.sample_users)
            )
        if len(self.rules.pinned) > self.k:
            raise InputError(
                text("At most {k} items can be pinned to a slate of {k}. Received: {n}.",
                     k=self.k, n=len(self.rules.pinned)),
                hint="Ask for a longer slate, or pin fewer.",
            )  # fmt: skip


@dataclass(frozen=True)
class SlateItem:
    """One place of a slate: all that a card shows.

    Args:
        rank: From 1.
        item_id: What is shown.
        title: Its title; its id where the catalogue has none.
        kind: `product`, `ad` or `content`.
        score: Comparable within this slate only, higher is better; None for a pinned item that the
            recommender cannot score.
        reason: Why, in words.
        reason_kind: The sort of reason: `occlusion`, `repeat`, `follows`, `popular`, `taste`, `pinned`,
            `new`, `segment`.
        facts: What the sentence was made of.
        filled: Nothing in the user's own events speaks for it; popularity placed it.
        category: Of the item; of the covered item for an ad.
        brand: Likewise.
        price: Of the item; of the covered item for an ad. None where unknown.
        currency: Of the price.
        image: Address of a picture, where there is one.
        covered_item_id: The item an ad is shown for.
        covered_title: Its title.
        campaign_id: Of an ad.
        ends_on: Last day of an ad.
        placement: Where the item stands this week, such as "in this week's mailer".
        fits: In a segment's slate, the share of users in whose own best k it is.
    """

    rank: int
    item_id: str
    title: str
    kind: str
    score: float | None
    reason: Text
    reason_kind: str
    facts: Mapping[str, object] = field(default_factory=dict)
    filled: bool = False
    category: str | None = None
    brand: str | None = None
    price: Decimal | None = None
    currency: str | None = None
    image: str | None = None
    covered_item_id: str | None = None
    covered_title: str | None = None
    campaign_id: str | None = None
    ends_on: date | None = None
    placement: Text | None = None
    fits: float | None = None


@dataclass(frozen=True)
class Slate:
    """An ordered slate, what its rules cost, and what a reader should know.

    Args:
        request: What was asked.
        items: By rank.
        rules: What each rule cost, in the order they were applied.
        notes: Sentences to be shown with it.
        recommender: Name of the recommender.
        data_version: Version of the workspace it was made from.
        as_of: UTC; the time it is for.
        n_candidates: Items that could have stood in it before any rule.
        n_users: Users scored; 1 for a user's slate.
    """

    request: SlateRequest
    items: tuple[SlateItem, ...]
    rules: tuple[RuleCost, ...]
    notes: tuple[Text, ...]
    recommender: str
    data_version: int
    as_of: datetime
    n_candidates: int
    n_users: int

    def frame(self, language: str = "en") -> pd.DataFrame:
        """One row an item: `rank, item_id, title, kind, score, reason` and what a card shows."""
        import pandas as pd

        return pd.DataFrame([_row(item, language) for item in self.items], columns=list(_COLUMNS))

    def to_json(self, language: str = "en") -> dict[str, Any]:
        """The document that `slate --json` prints."""
        rows = [_row(item, language) for item in self.items]
        whose = (
            {"user_id": self.request.user_id}
            if self.request.user_id is not None
            else {"segment": self.request.segment or "", "n_users": self.n_users}
        )
        return {
            **whose,
            "recommender": self.recommender,
            "run_id": self.request.run_id,
            "data_version": self.data_version,
            "as_of": self.as_of.isoformat(),
            "kind": self.request.kind,
            "k": self.request.k,
            "n_candidates": self.n_candidates,
            "items": [
                {
                    name: value
                    for name, value in row.items()
                    if name in _ALWAYS or (value is not None and value is not False)
                }
                for row in rows
            ],
            "rules": [cost.to_json(language) for cost in self.rules],
            "notes": [note.render(language) for note in self.notes],
        }


_ALWAYS = ("rank", "item_id", "title", "kind", "score", "reason")
_COLUMNS = (
    *_ALWAYS, "category", "brand", "price", "currency", "image", "covered_item_id", "covered_title",
    "campaign_id", "ends_on", "placement", "fits", "filled",
)  # fmt: skip


def _row(item: SlateItem, language: str) -> dict[str, Any]:
    """The columns of `_COLUMNS`, JSON-able."""
    shown: dict[str, Any] = {name: getattr(item, name) for name in _COLUMNS}
    shown["reason"] = item.reason.render(language)
    shown["placement"] = item.placement.render(language) if item.placement else None
    shown["price"] = float(item.price) if item.price is not None else None
    shown["ends_on"] = item.ends_on.isoformat() if item.ends_on else None
    return shown
