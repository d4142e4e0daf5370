"""`content`: what is described like the things this person came to; and places for new items.

The words of an item (title, text, brand, category and each level of its path, price to a power of
two) are weighed by TF-IDF and brought to `axes` dimensions by a truncated SVD; an item's vector has
length 1, and one without any word is 0. Each item has `neighbours`: those described most alike, with
shares by their cosine to the power `SHARPNESS` that sum to 1. A user's events, each halved every
`half_life_days`, are shares of items as well; the score of an item is the share of the user's events
that falls on its neighbours, weighed by theirs, plus `itself` times the share that falls on the item.
An item that nobody came to yet is scored like any other, if the catalogue describes it. (A cosine with
the mean of all the user's events was tried first: of a long history it says next to nothing.)

`with_new_items` gives items that a trained recommender does not know a place in its ranking: the mean
of its scores of the `neighbours` described most alike. A mean is tame, so a new item rarely passes
the best known ones; it is meant for ranking new items among themselves and for filling places that
are set aside for them.

Source: Lops, de Gemmis, Semeraro, "Content-based recommender systems", in Recommender Systems
Handbook (2011), section 3.3; Deerwester et al., "Indexing by latent semantic analysis", 1990.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from persmark.errors import InputError
from persmark.recommend import saved
from persmark.recommend.contract import Reason, Recommender, Scores
from persmark.recommend.facts import ItemFacts, Named
from persmark.recommend.interactions import Ids, Interactions
from persmark.recommend.lesson import Lesson
from persmark.recommend.options import Settings, option
from persmark.recommend.popular import HALF_LIFE_DAYS, Popularity, decay
from persmark.recommend.repeat import habit_reason
from persmark.text import text

# Chinese, Japanese and Korean have no blanks between words: each sign counts as one.
_WORD = re.compile(r"[㐀-鿿぀-ヿ가-힯]|[^\W㐀-鿿぀-ヿ가-힯]+")
# Rows of new items whose likeness to all known ones is worked out at once.
ROWS = 512
# How sharply the most alike are preferred among the neighbours.
SHARPNESS = 4.0


def words_of(facts: ItemFacts) -> list[list[str]]:
    """What TF-IDF counts of each item. A field's name goes before its value, so that fields stay apart."""
    brand, category = _names("brand", facts.brand), _names("category", facts.category)
    level = np.full(len(facts.title), "", dtype=object)
    priced = np.isfinite(facts.price)
    level[priced] = [f"price {value:.0f}" for value in np.round(np.log2(facts.price[priced]))]
    paths = [_levels(name) for name in facts.path.names]
    found = []
    for at, code in enumerate(facts.path.code):
        said = _WORD.findall(f"{facts.title[at]} {facts.text[at]}".lower())
        own = [one for one in (brand[at], category[at], level[at]) if one]
        found.append(said + own + (paths[code] if code >= 0 else []))
    return found


def _names(field: str, held: Named) -> Ids:
    names = np.array([*(f"{field} {name}" for name in held.names), ""], dtype=object)
    named: Ids = names[held.code]
    return named


def _levels(path: str) -> list[str]:
    """Each level with those above it."""
    parts = path.split(" / ")
    return [f"path {' / '.join(parts[: depth + 1])}" for depth in range(len(parts))]


@dataclass(frozen=True, eq=False)
class Space:
    """What turns descriptions into vectors.

    Args:
        words: (n_words,) ascending.
        idf: (n_words,).
        axes: (n_words, n_axes).
    """

    words: Ids
    idf: npt.NDArray[np.float64]
    axes: npt.NDArray[np.float32]

    @classmethod
    def of(cls, facts: ItemFacts, *, axes: int, seed: int) -> Space:
        """Learned from these items. Words of a single item say nothing of others and are left out."""
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

        held = words_of(facts)
        n_of: dict[str, int] = {}
        for own in held:
            for word in set(own):
                n_of[word] = n_of.get(word, 0) + 1
        words = np.array(sorted(word for word, n in n_of.items() if n > 1), dtype=object)
        if not len(words):
            return cls(words, np.zeros(0), np.zeros((0, 0), np.float32))
        counted = CountVectorizer(analyzer=_itself, vocabulary=list(words)).transform(held)
        weighing = TfidfTransformer(sublinear_tf=True).fit(counted)
        weighed = weighing.transform(counted)
        n_axes = min(axes, *weighed.shape)
        if n_axes < min(weighed.shape):
            turned = TruncatedSVD(n_axes, random_state=seed).fit(weighed).components_.T
        else:
            turned = np.eye(len(words))  # nothing to leave out
        return cls(words, np.asarray(weighing.idf_), turned.astype(np.float32))

    def vectors(self, facts: ItemFacts) -> Scores:
        """(n_items, n_axes) of length 1; 0 where no word is known."""
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.preprocessing import normalize

        if not len(self.words):
            return np.zeros((len(facts.title), 0), np.float32)
        counter = CountVectorizer(analyzer=_itself, vocabulary=list(self.words))
        counted = counter.transform(words_of(facts)).astype(np.float64)
        counted.data = 1 + np.log(counted.data)
        weighed = normalize(counted.multiply(self.idf).tocsr())
        placed: Scores = normalize(weighed @ self.axes).astype(np.float32)
        return placed


def _itself(words: list[str]) -> list[str]:
    return words


@dataclass(frozen=True)
class ContentSettings(Settings):
    """Settings of `content`."""

    axes: int = option(64, about="Length of an item's vector", low=1, high=1024)
    neighbours: int = option(
        10, about="Items described most alike that speak for an item", unit="items", low=1, high=1000
    )
    half_life_days: float = option(
        HALF_LIFE_DAYS, about="After how long an own event counts half", unit="days", low=0.01, high=36_500
    )
    itself: float = option(
        1.0, about="How much an item's share among the user's own events adds", low=0.0, high=1e6
    )
    seed: int = option(0, about="Of the decomposition", low=0, high=2**31 - 1)
    popular_half_life_days: float = option(
        HALF_LIFE_DAYS,
        about="Half-life of the popularity that fills the slate",
        unit="days",
        low=0.01,
        high=36_500,
    )


class Content(Recommender):
    """The share of the user's own events that lies on what is described alike."""

    name = "content"
    settings_type = ContentSettings
    needs_facts = True
    settings: ContentSettings
    popularity: Popularity
    space: Space
    likeness: sparse.csr_array  # (n_items, n_items) from an item to its neighbours; a row sums to 1 or 0

    def _learn(self, interactions: Interactions, lesson: Lesson) -> None:
        lesson.on_progress(0.0, text("Counting recent demand"))
        self.popularity = Popularity.of(
            interactions, half_life_days=self.settings.popular_half_life_days, target=self.target
        )
        lesson.on_progress(0.1, text("Reading what items are"))
        facts = interactions.item_facts
        if facts is None:
            self.space = Space(np.zeros(0, object), np.zeros(0), np.zeros((0, 0), np.float32))
            placed = np.zeros((interactions.n_items, 0), np.float32)
        else:
            self.space = Space.of(facts, axes=self.settings.axes, seed=self.settings.seed)
            placed = self.space.vectors(facts)
        lesson.on_progress(0.4, text("Comparing what items are"))
        every = np.arange(interactions.n_items)
        self.likeness = _likeness(
            placed,
            placed,
            columns=every,
            n_base=interactions.n_items,
            neighbours=self.settings.neighbours,
            own=every,
        )
        lesson.on_progress(1.0, text("What items are is learned"))

    def _own(self, histories: Interactions) -> sparse.csr_array:
        """(n_users, n_items) shares of the user's own events, faded by age; a row sums to 1 or 0."""
        half_life = self.settings.half_life_days
        faded = decay(histories.time, as_of=histories.as_of, half_life_days=half_life) * histories.weight
        # Events of long ago would vanish; only how they compare counts.
        faded = np.maximum(faded, np.finfo(np.float32).tiny)
        total = np.bincount(histories.user, weights=faded, minlength=histories.n_users)
        cells = ((faded / total[histories.user]), (histories.user, histories.item))
        return sparse.csr_array(cells, shape=(histories.n_users, len(self.item_ids)), dtype=np.float32)

    def _score(self, histories: Interactions) -> Scores:
        own = self._own(histories)
        found = own @ self.likeness.T + np.float32(self.settings.itself) * own
        return self.popularity.under(sparse.csr_array(found))

    def _filled(self, histories: Interactions, values: Scores) -> npt.NDArray[np.bool_]:
        return values < 0

    def _reason(self, history: Interactions, item: int, titles: Mapping[str, str]) -> Reason:
        own = self._own(history)
        parts = own.data * self.likeness[[item], :].toarray()[0, own.indices]
        habit = habit_reason(history, item)
        if habit is not None or not len(parts) or parts.max() <= 0:
            return habit or self.popularity.reason(item)
        like_id = str(self.item_ids[own.indices[int(parts.argmax())]])
        facts = {"like_item_id": like_id, "share": float(parts.max() / parts[parts > 0].sum())}
        return Reason("like", facts, text("described like {title}", title=titles.get(like_id, like_id)))

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        words = {f"words_{part}": array for part, array in saved.packed(self.space.words).items()}
        return (
            self.popularity.arrays()
            | words
            | {
                "idf": self.space.idf,
                "axes": self.space.axes,
                "likeness_values": self.likeness.data,
                "likeness_items": self.likeness.indices.astype(np.int32),
                "likeness_starts": self.likeness.indptr.astype(np.int64),
            }
        )

    def _restore(self, held: saved.Saved) -> None:
        self.popularity = Popularity.restored(held)
        words = saved.unpacked(held.arrays["words_bytes"], held.arrays["words_ends"])
        self.space = Space(words, held.arrays["idf"], held.arrays["axes"])
        n_items = len(self.item_ids)
        parts = (held.arrays[f"likeness_{name}"] for name in ("values", "items", "starts"))
        self.likeness = sparse.csr_array(tuple(parts), shape=(n_items, n_items))


class WithNewItems(Recommender):
    """A trained recommender whose catalogue has grown by items that are described, but not known.

    Made by `with_new_items`; it is not trained or saved itself.
    """

    name = "with_new_items"
    settings_type = Settings
    base: Recommender
    likeness: sparse.csr_array  # (n_new, n_base) shares of the neighbours; a row sums to 1 or 0
    old: npt.NDArray[np.int64]  # (n_base,) columns of what was known
    new: npt.NDArray[np.int64]  # (n_new,) columns of what was not

    def _score(self, histories: Interactions) -> Scores:
        known = self.base.score_matrix(histories)
        scores = np.empty((histories.n_users, len(self.item_ids)), np.float32)
        scores[:, self.old] = known
        # What is like nothing has the least score: there is nothing to say for it.
        least = known.min(axis=1, initial=np.inf) if known.shape[1] else np.zeros(len(known))
        alike = (self.likeness @ known.T).T
        placed = np.diff(self.likeness.indptr) > 0
        scores[:, self.new] = np.where(placed, alike, np.asarray(least)[:, None])
        return scores

    def _filled(self, histories: Interactions, values: Scores) -> npt.NDArray[np.bool_]:
        return self.base._filled(histories, values)

    def _reason(self, history: Interactions, item: int, titles: Mapping[str, str]) -> Reason:
        at = np.flatnonzero(self.new == item)
        if not len(at):
            return self.base.reason(history, str(self.item_ids[item]), titles=titles)
        part = slice(*self.likeness.indptr[at[0] : at[0] + 2])
        if part.start == part.stop:
            return Reason("new", {}, text("new, and nothing is known of it yet"))
        columns, shares = self.likeness.indices[part], self.likeness.data[part]
        own = self.base.score_matrix(history)[0, columns]
        like_id = str(self.base.item_ids[columns[int((own * shares).argmax())]])
        said = text("new, described like {title}", title=titles.get(like_id, like_id))
        return Reason("new", {"like_item_id": like_id}, said)

    def _learn(self, interactions: Interactions, lesson: Lesson) -> None:
        raise self._refused()

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        raise self._refused()

    def _restore(self, held: saved.Saved) -> None:
        raise self._refused()

    def _refused(self) -> InputError:
        return InputError(
            text(
                "New items join a recommender that is trained. Received: none. Train that one, save that one."
            )
        )

    @classmethod
    def of(
        cls,
        base: Recommender,
        item_ids: Ids,
        *,
        facts: ItemFacts,
        space: Space | None = None,
        neighbours: int = 10,
    ) -> Self:
        """See `with_new_items`."""
        made = cls.__new__(cls)
        made.base = base
        made.settings = Settings()
        made.as_of, made.target, made.event_weights = base.as_of, base.target, base.event_weights
        known = np.flatnonzero(base._columns_of(item_ids) >= 0)
        unknown = np.setdiff1d(np.arange(len(item_ids)), known)
        made.item_ids = np.array(sorted({*base.item_ids, *item_ids}), dtype=object)
        made.old, made.new = made._columns_of(base.item_ids), made._columns_of(item_ids[unknown])
        placed = (space or Space.of(facts, axes=ContentSettings().axes, seed=0)).vectors(facts)
        made.likeness = _likeness(
            placed[unknown],
            placed[known],
            columns=base._columns_of(item_ids[known]),
            n_base=len(base.item_ids),
            neighbours=neighbours,
        )
        return made


def with_new_items(
    recommender: Recommender,
    item_ids: Ids,
    *,
    facts: ItemFacts,
    space: Space | None = None,
    neighbours: int = 10,
) -> WithNewItems:
    """The recommender with items in its ranking that it was not trained on.

    Args:
        recommender: A trained one.
        item_ids: (n,) distinct ids, old and new; the old are what new ones are compared with.
        facts: What is known of these items, in the same order.
        space: What turns descriptions into vectors; that of a trained `content`, or learned from
            `facts` where left out.
        neighbours: How many known items place a new one.

    Returns:
        A recommender over the old and the new items. An item that is described like no known one has
        the user's least score.
    """
    return WithNewItems.of(recommender, item_ids, facts=facts, space=space, neighbours=neighbours)


def _likeness(
    new: Scores,
    known: Scores,
    *,
    columns: npt.NDArray[np.int64],
    n_base: int,
    neighbours: int,
    own: npt.NDArray[np.int64] | None = None,
) -> sparse.csr_array:
    """(n_new, n_base) shares of the most alike known items, by cosine to the power `SHARPNESS`.

    Args:
        new: (n_new, n_axes) of length 1 or 0.
        known: (n_known, n_axes) likewise.
        columns: (n_known,) place of each in the base.
        n_base: Items of the base.
        neighbours: How many count.
        own: (n_new,) place of each new item among the known, which is no neighbour of itself.
    """
    rows, places, shares = [], [], []
    k = min(neighbours, len(known))
    for start in range(0, len(new) if k else 0, ROWS):
        cosine = new[start : start + ROWS] @ known.T
        if own is not None:
            cosine[np.arange(len(cosine)), own[start : start + ROWS]] = 0
        top = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
        value = np.maximum(np.take_along_axis(cosine, top, axis=1), 0) ** SHARPNESS
        total = value.sum(axis=1, keepdims=True)
        value = value / np.where(total > 0, total, 1)
        row, place = np.nonzero(value)
        rows.append(start + row)
        places.append(columns[top[row, place]])
        shares.append(value[row, place])
    if not rows:
        return sparse.csr_array((len(new), n_base), dtype=np.float32)
    cells = (np.concatenate(shares), (np.concatenate(rows), np.concatenate(places)))
    return sparse.csr_array(cells, shape=(len(new), n_base), dtype=np.float32)
