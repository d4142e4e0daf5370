"""Whether a test could see its own answers: what must be refused, and what is said aloud.

A split by time promises that everything learned from lies before everything asked for; where that
is broken nothing is measured. Other splits cannot promise it, so what is odd about them is put in words
and stands beside the verdict. The thresholds are ours: they are meant to be passed by habits of real shops
(weekly milk, one song a day) and to be failed by a test that was copied out of the training.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from persmark.errors import InputError
from persmark.recommend.interactions import DAY, Interactions, places
from persmark.recommend.split import LEAVE_ONE_OUT, TEMPORAL, Split
from persmark.recommend.verdict import Result
from persmark.text import Text, text

# A given test with this much more known pairs than training repeats by itself was hardly later.
KNOWN_ABOVE_REPEATS = 0.25
# Share of asked events that come again at the very second of the day of an earlier one.
COPIED_SHARE, COPIED_TIMES = 0.05, 5.0
# So far ahead of counting that the answers are more likely known than guessed.
SUSPICIOUS_NDCG = 0.5
_FEWEST = 20
_SHIFT_SECONDS = 180
_DISTINCT_SECONDS = 1000


def refuse_future(parts: Split) -> None:
    """Refuse a test by time whose training holds anything from the time that is asked about.

    Raises:
        InputError: Training reaches into the test.
    """
    if parts.facts.get("name") != TEMPORAL or not len(parts.train):
        return
    last = max(int(parts.train.time.max()), int(parts.histories.time.max(initial=0)))
    cut = parts.train.as_of
    if parts.test_times is not None and len(parts.test_times):
        cut = min(cut, int(parts.test_times.min()))
    if last >= cut:
        raise InputError(
            text(
                "Training events must lie before the test, which starts {cut}. Received: {n} later ones.",
                cut=datetime.fromtimestamp(cut, UTC),
                n=int((parts.train.time >= cut).sum()) or int((parts.histories.time >= cut).sum()),
            ),
            title="Leak",
            hint="Cut the events at the time of the test: who has seen the answers proves nothing.",
        )


def alarms(parts: Split) -> list[Text]:
    """What is odd about a split, in words; empty where nothing is."""
    found = [_overlap(parts), _own_future(parts), _known_pairs(parts), _copies(parts)]
    return [one for one in found if one is not None]


def overlap_share(parts: Split) -> float | None:
    """Share of the training events that are not earlier than the first event asked for."""
    if parts.test_times is None or not len(parts.test_times) or not len(parts.train):
        return None
    return float((parts.train.time >= parts.test_times.min()).mean())


def _overlap(parts: Split) -> Text | None:
    share = overlap_share(parts)
    if parts.facts.get("name") == TEMPORAL or share is None or share <= 0:
        return None
    said = (
        "Training and test overlap in time: {share} of the training events are not earlier than the first"
        " one asked for. Use leave-one-out to compare with published figures, not to choose what serves."
        if parts.facts.get("name") == LEAVE_ONE_OUT
        else "Training and test overlap in time: {share} of the training events are not earlier than the"
        " first one asked for, so the figures may be better than what will come."
    )
    return text(said, share=f"{share:.0%}" if share >= 0.005 else text("under 1%"))


def _own_future(parts: Split) -> Text | None:
    """Users who are asked for something earlier than what is known of them."""
    if parts.test_times is None or parts.facts.get("name") == TEMPORAL:
        return None
    known = parts.histories
    user = places(known.user_ids, parts.test_users)
    has = user >= 0
    has[has] = known.starts[user[has] + 1] > known.starts[user[has]]
    if not has.any():
        return None
    last = known.time[known.starts[user[has] + 1] - 1]
    n_late = int((last > parts.test_times[has]).sum())
    if not n_late:
        return None
    return text(
        "Leak: of {n} pairs asked for, {late} are earlier than the last event known of the same user.",
        n=len(parts.test_users),
        late=n_late,
    )


def _known_pairs(parts: Split) -> Text | None:
    """A given test most of whose pairs stand in training, more than people repeat themselves."""
    n_given, n_known = parts.facts.get("n_given"), parts.facts.get("n_known")
    if not n_given or n_known is None or n_given < _FEWEST:
        return None
    own = _repeated(parts.train)
    share = n_known / n_given
    if share < own + KNOWN_ABOVE_REPEATS:
        return None
    return text(
        "Leak: {share} of the given pairs are in training already, where {own} of the events repeat an"
        " earlier one. If the test was taken out of these events, take it out of the workspace too.",
        share=f"{share:.0%}",
        own=f"{own:.0%}",
    )


def _repeated(known: Interactions) -> float:
    """Share of events whose user had the item before."""
    if not len(known):
        return 0.0
    cells = np.unique(known.user.astype(np.int64) * max(known.n_items, 1) + known.item)
    return 1 - len(cells) / len(known)


def _copies(parts: Split) -> Text | None:
    """Events asked for that copy an earlier one to the second of the day: loaded again, moved in time.

    By chance people come back to an item at the same second now and then; how often is told by looking
    for the same a few minutes beside.
    """
    if parts.test_times is None or not len(parts.train) or len(parts.test_times) < _FEWEST:
        return None
    known = parts.train
    second = known.time % DAY
    if len(np.unique(second)) < _DISTINCT_SECONDS:
        return None  # days or hours only: every repeat would look like a copy
    user, item = places(known.user_ids, parts.test_users), places(known.item_ids, parts.test_items)
    there = (user >= 0) & (item >= 0)
    if not there.any():
        return None

    def keys(
        users: npt.NDArray[np.int64], items: npt.NDArray[np.int64], seconds: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        found: npt.NDArray[np.int64] = (users * known.n_items + items) * DAY + seconds % DAY
        return found

    held = np.unique(keys(known.user.astype(np.int64), known.item.astype(np.int64), second))
    asked = parts.test_times[there]
    copied = float(np.isin(keys(user[there], item[there], asked), held).mean())
    beside = float(np.isin(keys(user[there], item[there], asked + _SHIFT_SECONDS), held).mean())
    if copied < COPIED_SHARE or copied < COPIED_TIMES * beside:
        return None
    return text(
        "Leak: {share} of the events asked for repeat an earlier event of the same user and item at the very"
        " same second of the day: they look like copies with another date.",
        share=f"{copied:.0%}",
    )


def suspicious(results: Iterable[Result], simple: Result | None) -> list[Text]:
    """Recommenders that are too good to be true beside the best simple one."""
    if simple is None:
        return []
    return [
        text(
            "{name} is {gap} NDCG ahead of {simple}, more than can be believed: look for an attribute or an"
            " item that gives the answer away.",
            name=row.recommender,
            gap=f"{row.ndcg - simple.ndcg:.2f}",
            simple=simple.recommender,
        )
        for row in results
        if row is not simple and row.ndcg - simple.ndcg > SUSPICIOUS_NDCG
    ]
