"""From scored candidates to the rows of a slate: rules one after the other, each with its cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from persmark.slates.rules import RuleCost, SlateRules, cost

Rows = npt.NDArray[np.int64]
Vector = npt.NDArray[np.float64]

# Candidates that are sorted at first; more only where rules leave too few of them.
HEAD = 200


@dataclass(frozen=True, eq=False)
class Candidates:
    """What could be shown: one row a product or content, one row for each item an ad covers.

    Rows stand in the order in which equal scores are resolved.

    Args:
        table: `category, brand, price, campaign_id, ends_on`; of the covered item for an ad.
        item_ids: (n_rows,) what is shown.
        covered_ids: (n_rows,) what it is scored as: itself, or an item that the ad covers.
        code: (n_rows,) column of the covered item in the recommender; -1 where it is unknown.
        distinct: No item stands in two rows.
    """

    table: pa.Table
    item_ids: npt.NDArray[np.object_]
    covered_ids: npt.NDArray[np.object_]
    code: npt.NDArray[np.int64]
    distinct: bool

    @classmethod
    def of(cls, table: pa.Table, known: npt.NDArray[np.object_]) -> Candidates:
        """From a candidate query's result.

        Args:
            table: `item_code`, the columns of `table` above and, but for products, `item_id` and
                `covered_id`.
            known: (n_items,) items of the recommender by column.
        """
        filled = pc.fill_null(table["item_code"], -1).combine_chunks()
        code = filled.to_numpy(zero_copy_only=False).astype(np.int64)
        if "item_id" not in table.column_names:
            ids = known[code]
            return cls(table, ids, ids, code, True)
        shown = np.asarray(table["item_id"].to_numpy(zero_copy_only=False), dtype=object)
        covered = np.asarray(table["covered_id"].to_numpy(zero_copy_only=False), dtype=object)
        return cls(table, shown, covered, code, len(set(shown)) == len(shown))

    def __len__(self) -> int:
        return len(self.code)

    @cached_property
    def eligible(self) -> npt.NDArray[np.int64]:
        """Columns of the recommender that are scored, ascending."""
        return np.unique(self.code[self.code >= 0])

    def groups(self, name: str) -> npt.NDArray[np.int64]:
        """(n_rows,) equal numbers for equal values of `category` or `brand`; -1 for NULL."""
        column = self.table[name].combine_chunks().dictionary_encode()
        places: npt.NDArray[np.int64] = (
            pc.fill_null(column.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        )
        return places

    def in_categories(self, values: Sequence[str]) -> npt.NDArray[np.bool_]:
        """(n_rows,) whether the category is one of these."""
        wanted = pa.array(list(values), pa.string())
        found = pc.fill_null(pc.is_in(self.table["category"].combine_chunks(), value_set=wanted), False)
        held: npt.NDArray[np.bool_] = found.to_numpy(zero_copy_only=False).astype(bool)
        return held

    def showing(self, values: Sequence[str]) -> npt.NDArray[np.bool_]:
        """(n_rows,) whether the item shown, or the one that it is scored as, is one of these."""
        wanted = set(values)
        places = [
            place
            for place, (shown, covered) in enumerate(zip(self.item_ids, self.covered_ids, strict=True))
            if shown in wanted or covered in wanted
        ]
        held = np.zeros(len(self), bool)
        held[places] = True
        return held

    def prices(self) -> Vector:
        """(n_rows,) prices; NaN where unknown."""
        return np.asarray(self.table["price"].to_numpy(zero_copy_only=False), dtype=np.float64)


class Filling:
    """Fills slates of k from candidates, again after every rule."""

    def __init__(self, candidates: Candidates, k: int) -> None:
        self._candidates = candidates
        self._k = k

    @cached_property
    def _item(self) -> npt.NDArray[np.int64]:
        return pd.factorize(self._candidates.item_ids)[0].astype(np.int64)

    @cached_property
    def _covered(self) -> npt.NDArray[np.int64]:
        return pd.factorize(self._candidates.covered_ids)[0].astype(np.int64)

    @cached_property
    def _category(self) -> npt.NDArray[np.int64]:
        return self._candidates.groups("category")

    @cached_property
    def _brand(self) -> npt.NDArray[np.int64]:
        return self._candidates.groups("brand")

    def n_items(self, score: Vector) -> int:
        """Different items that can still be shown."""
        left = np.isfinite(score)
        return int(left.sum()) if self._candidates.distinct else len(np.unique(self._item[left]))

    def best(
        self, score: Vector, *, per_category: int | None = None, per_brand: int | None = None
    ) -> tuple[Rows, int]:
        """Rows of the best k, no item and no covered item twice.

        Returns:
            The rows in order, and how many candidates a cap passed over.
        """
        n_left = int(np.isfinite(score).sum())
        # The head nearly always holds the slate; sorting everything is the exception.
        for n_head in (max(HEAD, 4 * self._k), n_left):
            rows, passed = self._best_of(_head(score, n_head), per_category, per_brand)
            if len(rows) == self._k or n_head >= n_left:
                break
        return rows, passed

    def _best_of(self, order: Rows, per_category: int | None, per_brand: int | None) -> tuple[Rows, int]:
        if not self._candidates.distinct:
            for key in (self._item, self._covered):
                # The first of each, in order: an ad is shown for the best item that it covers, and
                # of several ads for one item only the first stays.
                first = np.unique(key[order], return_index=True)[1]
                order = order[np.sort(first)]
        elif self._candidates.item_ids is not self._candidates.covered_ids:
            first = np.unique(self._covered[order], return_index=True)[1]
            order = order[np.sort(first)]
        if per_category is None and per_brand is None:
            return order[: self._k], 0
        return self._capped(order, per_category, per_brand)

    def _capped(self, order: Rows, per_category: int | None, per_brand: int | None) -> tuple[Rows, int]:
        taken: list[int] = []
        categories: dict[int, int] = {}
        brands: dict[int, int] = {}
        passed = 0
        for row in order.tolist():
            if len(taken) == self._k:
                break
            category, brand = int(self._category[row]), int(self._brand[row])
            full = per_category is not None and categories.get(category, 0) >= per_category
            full |= per_brand is not None and brand >= 0 and brands.get(brand, 0) >= per_brand
            if full:
                passed += 1
                continue
            taken.append(row)
            categories[category] = categories.get(category, 0) + 1
            brands[brand] = brands.get(brand, 0) + 1
        return np.array(taken, np.int64), passed


@dataclass(frozen=True, eq=False)
class Filled:
    """A filled slate.

    Args:
        rows: Of the candidates, best first, pins not among them.
        score: (n_rows,) after all filters.
        costs: Of each rule in force.
        n_candidates: Different items before any rule.
    """

    rows: Rows
    score: Vector
    costs: tuple[RuleCost, ...]
    n_candidates: int


def fill(
    candidates: Candidates,
    stages: Sequence[tuple[str, int, Vector]],
    rules: SlateRules,
    *,
    k: int,
) -> Filled:
    """Apply the rules in their order, telling after each what the slate lost.

    Args:
        candidates: What could be shown.
        stages: (rule, n_removed, (n_rows,) scores) from the history rules; the first before any.
        rules: The rest of the rules; pins take the first places and leave `k - n_pinned`.
        k: Slate length.
    """
    filling = Filling(candidates, k)
    costs: list[RuleCost] = []
    score = stages[0][2]
    n_candidates = filling.n_items(score)
    mean = _mean(score, filling.best(score)[0])
    for rule, n_removed, after in stages[1:]:
        score = after
        before, mean = mean, _mean(score, filling.best(score)[0])
        costs.append(cost(rule, n_removed, before, mean))
    for rule, kept in _filters(candidates, rules):
        n_before = filling.n_items(score)
        score = np.where(kept, score, -np.inf)
        before, mean = mean, _mean(score, filling.best(score)[0])
        costs.append(cost(rule, n_before - filling.n_items(score), before, mean))
    caps: dict[str, int] = {}
    rows, passed = filling.best(score)
    for rule, name, most in (
        ("max_per_category", "per_category", rules.max_per_category),
        ("max_per_brand", "per_brand", rules.max_per_brand),
    ):
        if most is None:
            continue
        caps[name] = most
        passed_before = passed
        rows, passed = filling.best(score, **caps)
        before, mean = mean, _mean(score, rows)
        costs.append(cost(rule, max(passed - passed_before, 0), before, mean))
    if rules.pinned:
        n_before = len(rows)
        own = ~candidates.showing(rules.pinned)
        rest = rows[own[rows]][: k - len(rules.pinned)]
        pins = _pinned_scores(candidates, stages[0][2], rules.pinned)
        known = np.concatenate([pins[np.isfinite(pins)], score[rest]])
        after_pins = float(known.mean()) if len(known) else float("nan")
        costs.append(cost("pinned", n_before - len(rest), mean, after_pins))
        rows = rest
    return Filled(rows, score, tuple(costs), n_candidates)


def _filters(candidates: Candidates, rules: SlateRules) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    """Rule and (n_rows,) which candidates it keeps."""
    kept: list[tuple[str, npt.NDArray[np.bool_]]] = []
    if rules.only_categories:
        kept.append(("only_categories", candidates.in_categories(rules.only_categories)))
    if rules.exclude_items:
        kept.append(("exclude_items", ~candidates.showing(rules.exclude_items)))
    if rules.min_price is not None:
        kept.append(("min_price", candidates.prices() >= rules.min_price))
    if rules.max_price is not None:
        kept.append(("max_price", candidates.prices() <= rules.max_price))
    return kept


def _pinned_scores(candidates: Candidates, score: Vector, pinned: Sequence[str]) -> Vector:
    """(n_pinned,) best score of each pinned item before any rule; -inf where it has none."""
    found = np.full(len(pinned), -np.inf)
    for place, item_id in enumerate(pinned):
        own = score[candidates.item_ids == item_id]
        found[place] = own.max() if len(own) else -np.inf
    return found


def pinned_scores(candidates: Candidates, score: Vector, pinned: Sequence[str]) -> list[float | None]:
    """Best score of each pinned item before any rule; None where it has none."""
    return [float(one) if np.isfinite(one) else None for one in _pinned_scores(candidates, score, pinned)]


def _mean(score: Vector, rows: Rows) -> float:
    return float(score[rows].mean()) if len(rows) else float("nan")


def _head(score: Vector, n_rows: int) -> Rows:
    """Rows of the `n_rows` highest finite scores and their ties, best first, ties by row."""
    rows = np.flatnonzero(np.isfinite(score))
    if n_rows < len(rows):
        held = score[rows]
        rows = rows[held >= np.partition(held, len(rows) - n_rows)[len(rows) - n_rows]]
    return rows[np.argsort(-score[rows], kind="stable")]
