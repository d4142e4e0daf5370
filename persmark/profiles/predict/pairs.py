"""Users by categories: what each did with each before a moment, one row per user, one column per category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from persmark.profiles.predict.features import Column, Frame, Numbers, Whom, footed, places, query, squeezed
from persmark.store import Reader

if TYPE_CHECKING:
    import pyarrow as pa

N_FACTORS = 20
_AGES = ("pair_ago", "pair_first_ago")
# Of the user, beside what they did with the category.
OF_USER = (
    "buying_days_14", "buying_days_28", "buying_days_84", "money_28", "money_84", "bought_ago", "late_gap",
    "average_order_value", "discount_share", "contacts_28", "looks_28",
)  # fmt: skip
RFM = ("pair_ago", "pair_days", "pair_money", "bought_ago", "buying_days", "money_ever")
LINEAR = (
    "pair_days_7", "pair_days_14", "pair_days_28", "pair_days_56", "pair_days_84", "pair_days_168",
    "pair_days", "pair_ago", "pair_gap", "pair_due", "pair_lines_84", "pair_money_84", "pair_money",
    "pair_looks_14", "pair_looks_84", "pair_share", "pair_expected", "n_things_84",
    *OF_USER, "buying_days", "money_ever",
)  # fmt: skip
TREES = (*LINEAR, "thing_rate_28", "thing_rate_84")
# Nothing is as good as never: what stands in for an age or a gap that does not exist.
_NEVER: Mapping[str, float] = {"pair_ago": 400.0, "pair_gap": 200.0, "pair_due": 10.0, "bought_ago": 400.0}
_MOST_DUE = 10.0


@dataclass(frozen=True)
class Things:
    """The categories that are predicted, by their place.

    Attributes:
        names: Categories; item ids where no item has a category.
        titles: What people call them.
        by_item: Whether they are items.
    """

    names: tuple[str, ...]
    titles: tuple[str, ...]
    by_item: bool

    def __len__(self) -> int:
        return len(self.names)

    def table(self) -> pa.Table:
        """As SQL sees them."""
        import pyarrow as pa

        numbers = pa.array(range(len(self.names)), pa.int32())
        return pa.table({"thing": pa.array(self.names, pa.string()), "thing_no": numbers})

    def some(self, kept: Sequence[int]) -> Things:
        """Some of them, in that order."""
        return Things(tuple(self.names[i] for i in kept), tuple(self.titles[i] for i in kept), self.by_item)


@dataclass(frozen=True)
class Pairs:
    """Users by categories as of a moment.

    Attributes:
        of: The users.
        values: Feature -> (n_users, n_things) or (n_users, 1) or (1, n_things), on the models' footing.
    """

    of: Frame
    values: Mapping[str, Numbers]
    n_things: int

    def plane(self, name: str) -> Numbers:
        """(n_users, n_things) one feature of all pairs."""
        return np.broadcast_to(self.values[name], (len(self.of), self.n_things))


def most_bought(reader: Reader, as_of: object, *, days: int, most: int) -> Things:
    """The categories most users bought in the days before; items where no item has a category."""
    by_item = not reader.value("SELECT count(*) FROM items WHERE category IS NOT NULL")
    rows = reader.rows(
        query("things"), {"by_item": by_item, "as_of": as_of, "days": days, "most": most}, limit_ms=None
    )
    return Things(tuple(str(row[0]) for row in rows), tuple(str(row[1]) for row in rows), by_item)


def _params(things: Things, of: Frame, whom: Whom) -> dict[str, Any]:
    return {"by_item": things.by_item, "as_of": of.as_of, **whom.params()}


def _dense(reader: Reader, things: Things, of: Frame, whom: Whom) -> tuple[dict[str, Numbers], Numbers]:
    """Raw planes of the SQL's columns, and who is known for what."""
    found = reader.table(
        query("pair_windows"),
        _params(things, of, whom),
        inputs={"things_asked": things.table()},
        limit_ms=None,
    )
    rows, kept = places(of.users, found.column("user_id").to_pylist())
    columns = found.column("thing_no").to_numpy()[kept]
    planes: dict[str, Numbers] = {}
    for name in found.column_names[2:]:
        plane = np.full((len(of), len(things)), np.nan if name in _AGES else 0.0, np.float32)
        plane[rows, columns] = np.asarray(found.column(name).to_numpy(zero_copy_only=False), np.float32)[kept]
        planes[name] = plane
    tenure = of.columns["tenure_days"]
    return planes, tenure


def bought_lately(planes: Mapping[str, Numbers]) -> Numbers:
    """(n_users, n_things) how often each was bought in 84 days, on a scale where ten is not ten times one."""
    return np.log1p(planes["pair_days_84"])


def pairs(
    reader: Reader,
    things: Things,
    of: Frame,
    *,
    whom: Whom | None = None,
    factors: Numbers | None = None,
    rates: Mapping[str, Numbers] | None = None,
) -> Pairs:
    """The features of all pairs.

    Args:
        reader: Of the version that is looked at.
        things: Which categories.
        of: The users at the moment; `tenure_days` among their columns.
        whom: As the users were chosen.
        factors: (n_factors, n_things) what buying patterns are made of, as `factors_of` gives them;
            those of these users where left out.
        rates: `thing_rate_28`, `thing_rate_84` -> (1, n_things), where these users are too few to tell.
    """
    whom = whom or Whom()
    planes, tenure = _dense(reader, things, of, whom)
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = (planes["pair_first_ago"] - planes["pair_ago"]) / (planes["pair_days"] - 1)
    gap[planes["pair_days"] < 2] = np.nan
    values: dict[str, Numbers] = {"pair_gap": gap}
    values["pair_due"] = np.minimum(planes["pair_ago"] / np.maximum(gap, 1.0), _MOST_DUE)
    buying = np.maximum(np.nan_to_num(of.columns["buying_days_84"]), 1.0)[:, None]
    values["pair_share"] = planes["pair_days_84"] / buying
    bought = planes["pair_days_84"] > 0
    values["n_things_84"] = bought.sum(axis=1, keepdims=True).astype(np.float32)
    lately = bought_lately(planes)
    held = factors if factors is not None else factors_of([lately])
    values["pair_expected"] = np.asarray((lately @ held.T) @ held, np.float32)
    active = max(int((of.columns["buying_days_84"] > 0).sum()), 1)
    values["thing_rate_84"] = (bought.sum(axis=0, keepdims=True) / active).astype(np.float32)
    values["thing_rate_28"] = ((planes["pair_days_28"] > 0).sum(axis=0, keepdims=True) / active).astype(
        np.float32
    )
    values |= rates or {}
    for name, plane in planes.items():
        if name != "pair_first_ago":
            column = plane
            if name in ("pair_days", "pair_money"):
                column = plane * (28.0 / np.maximum(tenure + 1.0, 28.0)).astype(np.float32)[:, None]
            values[name] = footed(name, column, of.span_days, tenure)
    nothing = np.full(len(of), np.nan, np.float32)
    for name in (*OF_USER, "buying_days", "money_ever"):
        values[name] = footed(name, of.columns.get(name, nothing), of.span_days, tenure)[:, None]
    return Pairs(of, values, len(things))


def factors_of(lately: Sequence[Numbers]) -> Numbers:
    """(n_factors, n_things) the directions in which users' purchases differ most, of several moments."""
    gram = sum(one.T.astype(np.float64) @ one for one in lately)
    _, vectors = np.linalg.eigh(np.asarray(gram))
    return np.asarray(vectors[:, ::-1][:, :N_FACTORS].T, np.float32)


def linear_inputs(given: Pairs, thing: int, names: Sequence[str] = LINEAR) -> Numbers:
    """(n_users, n_inputs) what a linear model of one category sees."""
    columns = []
    for name in names:
        column = given.plane(name)[:, thing]
        columns.append(squeezed(np.where(np.isnan(column), _NEVER.get(name, 0.0), column)))
    if "pair_days_84" in names:
        columns += [(given.plane(f"pair_days_{n}")[:, thing] > 0).astype(np.float32) for n in (14, 28, 84)]
    return np.column_stack(columns)


def tree_inputs(given: Pairs, rows: Column, columns: Column) -> Numbers:
    """(n_pairs, n_inputs) what trees see of the pairs at these places."""
    return np.column_stack([given.plane(name)[rows, columns] for name in TREES])


def pair_outcomes(
    reader: Reader, things: Things, of: Frame, days: int, *, whom: Whom | None = None
) -> Column:
    """(n_users, n_things) whether each was bought in the days after the moment."""
    params = {"by_item": things.by_item, "as_of": of.as_of, "days": days, "below": (whom or Whom()).below}
    found = reader.table(
        query("pair_outcomes"), params, inputs={"things_asked": things.table()}, limit_ms=None
    )
    rows, kept = places(of.users, found.column("user_id").to_pylist())
    happened = np.zeros((len(of), len(things)), bool)
    happened[rows, found.column("thing_no").to_numpy()[kept]] = True
    return happened
