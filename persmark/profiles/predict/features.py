"""What predictions are worked out from: the profile of a moment, and what was done in the days before.

Counts that grow while time goes by would mean one thing in an early history and another in a late one.
Before a model sees them they are put on a common footing (`footed`): counts of a window as if the
history were at least that long, counts of a whole history per 28 days.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from persmark.profiles.build import profiles_as_of
from persmark.profiles.catalogue import FEATURES
from persmark.profiles.predict.targets import BUY_DAYS
from persmark.store import Reader, Workspace, read_sql

if TYPE_CHECKING:
    import pyarrow as pa

Numbers = npt.NDArray[np.float32]
Column = npt.NDArray[Any]

EVERYBODY = "g"  # above every md5
_FIRST, _LAST = "", "\U0010ffff"
_DAY = 86400.0
_WINDOW = re.compile(r"_(7|14|28|56|84|168)$")
_WINDOWED_BY_PROFILE = ("_recent", "_week", "_before")
_GROWING_UNITS = ("events", "orders", "items", "sessions", "minutes", "money")
_GROWING = ("buying_days", "money_ever", "contacts", "redeemed", "channel_contacts", "channel_answers")
_LONGEST_DAYS = 168.0  # longer ages are all one to a model
_AGES = ("tenure_days", "first_bought_ago", "days_since_first_purchase")
_NOT_MEANT = ("user_id", "as_of")
_MOST_LEVELS = 24
_NAMES = ("VARCHAR",)
# Names of things come in hundreds and speak of the catalogue; their shares and counts are features.
_NAMES_LEFT_OUT = re.compile(r"top_category_\d$|favourite_brand$|opportunity")


def query(name: str) -> str:
    """One of the SQL files of this room."""
    return read_sql("persmark.profiles.predict", name)


@dataclass(frozen=True)
class Whom:
    """Which users are looked at.

    Attributes:
        below: Only those whose MD5 is less: a sample that is the same at every moment.
        first: The first user in order.
        last: The last one.
    """

    below: str = EVERYBODY
    first: str = _FIRST
    last: str = _LAST

    def params(self) -> dict[str, object]:
        """For the SQL files."""
        return {"below": self.below, "first": self.first, "last": self.last}


def sampled(n_users: int, most: int) -> Whom:
    """About `most` of so many users, by the order of their MD5."""
    if n_users <= most:
        return Whom()
    return Whom(below=f"{int(16**8 * most / n_users):08x}")


@dataclass(frozen=True)
class Frame:
    """Users as of a moment.

    Attributes:
        as_of: The moment, UTC.
        span_days: How long the history before it is.
        users: (n_users,) ids, sorted.
        columns: Feature -> (n_users,) float32 with NaN for nothing, or text with None.
    """

    as_of: datetime
    span_days: float
    users: Column
    columns: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.users)

    def of(self, rows: Column) -> Frame:
        """Some of the users."""
        return Frame(
            self.as_of,
            self.span_days,
            self.users[rows],
            {name: column[rows] for name, column in self.columns.items()},
        )

    def with_columns(self, more: Mapping[str, Column]) -> Frame:
        """With further features."""
        return Frame(self.as_of, self.span_days, self.users, {**self.columns, **more})


def column_of(values: pa.ChunkedArray) -> Column | None:
    """A model's column of a profile's; None for what is no feature."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if pa.types.is_temporal(kind):
        return None
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        found: Column = np.asarray(values.to_pylist(), dtype=object)
        return found
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        values = pc.cast(values, pa.float64())
    if not pa.types.is_floating(values.type):
        return None
    return np.asarray(pc.fill_null(values, float("nan")).to_numpy(), dtype=np.float32)


def frame(
    workspace: Workspace,
    reader: Reader,
    as_of: datetime,
    begun: datetime,
    *,
    whom: Whom | None = None,
    profiles: pa.Table | None = None,
) -> Frame:
    """The features of users as of a moment, from events up to it alone.

    Args:
        workspace: Whose events.
        reader: Of the version that is looked at.
        as_of: The moment, UTC.
        begun: When the history starts.
        whom: Which users; all of them by default.
        profiles: As `profiles_as_of` gives them for that moment, where they are at hand.
    """
    whom = whom or Whom()
    given = profiles if profiles is not None else profiles_as_of(workspace, as_of)
    mine = reader.table(query("profile_rows"), whom.params(), inputs={"profiles_given": given}, limit_ms=None)
    columns: dict[str, Column] = {}
    for name in mine.column_names:
        if name in _NOT_MEANT or _NAMES_LEFT_OUT.search(name):
            continue
        column = column_of(mine.column(name))
        if column is not None:
            columns[name] = column
    users = np.asarray(mine.column("user_id").to_pylist(), dtype=object)
    windows = reader.table(query("user_windows"), {"as_of": as_of, **whom.params()}, limit_ms=None)
    columns |= aligned(users, windows)
    return Frame(as_of, (as_of - begun).total_seconds() / _DAY, users, columns)


def aligned(users: Column, table: pa.Table) -> dict[str, Column]:
    """The table's numbers in the users' order; NaN for users without a row."""
    rows, found = places(users, table.column("user_id").to_pylist())
    columns: dict[str, Column] = {}
    for name in table.column_names:
        if name == "user_id":
            continue
        column = np.full(len(users), np.nan, np.float32)
        values = column_of(table.column(name))
        assert values is not None
        column[rows] = values[found]
        columns[name] = column
    return columns


def places(users: Column, wanted: Sequence[str]) -> tuple[Column, Column]:
    """Rows of the sorted `users` where the wanted ids stand, and which of the wanted are there."""
    asked = np.asarray(wanted, dtype=object)
    if not len(users) or not len(asked):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    at = np.minimum(np.searchsorted(users, asked), len(users) - 1)
    found = np.flatnonzero(users[at] == asked)
    return at[found], found


def channel_frame(reader: Reader, of: Frame, channel: str, *, whom: Whom | None = None) -> Frame:
    """The users with what passed between them and one channel."""
    values = {"as_of": of.as_of, "channel": channel, "answer_days": BUY_DAYS, **(whom or Whom()).params()}
    found = aligned(of.users, reader.table(query("channel_windows"), values, limit_ms=None))
    ages = ("channel_visited_ago", "channel_answered_ago")
    return of.with_columns(
        {name: column if name in ages else np.nan_to_num(column) for name, column in found.items()}
    )


def is_growing(name: str) -> bool:
    """Whether a feature counts over the whole history."""
    if name in _GROWING:
        return True
    feature = FEATURES.get(name)
    if feature is None or name.endswith(_WINDOWED_BY_PROFILE):
        return False
    counts = name.startswith("n_") or name in ("frequency", "monetary", "dwell_minutes")
    return counts and feature.unit in _GROWING_UNITS


def footed(name: str, column: Numbers, span_days: float, tenure_days: Numbers) -> Numbers:
    """A feature on the footing that a model sees."""
    window = _WINDOW.search(name)
    if window:
        days = float(window[1])
        return column * np.float32(days / min(days, max(span_days, 1.0)))
    if is_growing(name):
        return np.asarray(column * 28.0 / np.maximum(np.nan_to_num(tenure_days) + 1.0, 28.0), np.float32)
    if name.startswith("bgnbd_none"):
        # A chance speaks to a sum of features as its odds.
        kept = np.clip(column, 1e-4, 1 - 1e-4)
        return np.asarray(np.log(kept / (1 - kept)), np.float32)
    if name in _AGES:
        return np.minimum(column, np.float32(_LONGEST_DAYS))
    return column


@dataclass(frozen=True)
class Shape:
    """How a frame becomes a matrix; JSON-able, and all that a stored model needs beside itself.

    Attributes:
        numbers: Columns of numbers.
        gappy: Of those, the ones that had no value for somebody.
        names: Columns of text -> their commonest values.
    """

    numbers: tuple[str, ...]
    gappy: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]

    @property
    def columns(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.numbers, *self.names)

    def to_json(self) -> dict[str, Any]:
        """For a manifest."""
        return {
            "numbers": list(self.numbers),
            "gappy": list(self.gappy),
            "names": {name: list(levels) for name, levels in self.names.items()},
        }

    @classmethod
    def of_json(cls, held: Mapping[str, Any]) -> Shape:
        """What `to_json` made."""
        names = {name: tuple(levels) for name, levels in held["names"].items()}
        return cls(tuple(held["numbers"]), tuple(held["gappy"]), names)

    @classmethod
    def of_frames(cls, frames: Sequence[Frame], *, only: Sequence[str] | None = None) -> Shape:
        """Columns that say something: those with more than one value among the users.

        Args:
            frames: Of the moments that are learned from.
            only: Of these columns alone.
        """
        numbers, gappy, names = [], [], {}
        for name, first in frames[0].columns.items():
            if only is not None and name not in only:
                continue
            held = np.concatenate([one.columns[name] for one in frames if name in one.columns])
            if first.dtype == object:
                levels, counts = np.unique(
                    held[[v is not None for v in held]].astype(str), return_counts=True
                )
                most = levels[np.argsort(-counts, kind="stable")][:_MOST_LEVELS]
                if len(levels) > 1 and counts.max() < len(held):
                    names[name] = tuple(str(level) for level in most)
            else:
                known = held[~np.isnan(held)]
                if len(known) and (known.min() < known.max() or len(known) < len(held)):
                    numbers.append(name)
                    if len(known) < len(held):
                        gappy.append(name)
        return cls(tuple(numbers), tuple(gappy), names)

    def _numbers(self, given: Frame) -> list[Numbers]:
        nothing = np.full(len(given), np.nan, np.float32)
        tenure = given.columns.get("tenure_days", nothing)
        return [
            footed(name, given.columns.get(name, nothing), given.span_days, tenure) for name in self.numbers
        ]

    def trees(self, given: Frame) -> Numbers:
        """(n_users, n_columns) numbers as they are, texts as places among their values (0 = commonest), NaN
        for nothing."""
        columns = self._numbers(given)
        for name, levels in self.names.items():
            known = {level: float(place) for place, level in enumerate(levels)}
            held = given.columns.get(name, np.full(len(given), None, object))
            columns.append(np.array([known.get(value, np.nan) for value in held], np.float32))
        return np.column_stack(columns) if columns else np.zeros((len(given), 0), np.float32)

    def linear(self, given: Frame) -> Numbers:
        """(n_users, n_inputs) logarithms of numbers, marks for those that are missing, one mark per text."""
        columns: list[Numbers] = []
        for name, column in zip(self.numbers, self._numbers(given), strict=True):
            columns.append(squeezed(column))
            if name in self.gappy:
                columns.append(np.isnan(column).astype(np.float32))
        for name, levels in self.names.items():
            held = given.columns.get(name, np.full(len(given), None, object))
            columns += [np.array(held == level, np.float32) for level in levels]
        return np.column_stack(columns) if columns else np.zeros((len(given), 0), np.float32)


def squeezed(column: Numbers) -> Numbers:
    """log(1 + |x|) with its sign, 0 for nothing: what a linear model can add up."""
    known = np.nan_to_num(column)
    return np.asarray(np.sign(known) * np.log1p(np.abs(known)), np.float32)


def typical(of: Frame, columns: Sequence[str]) -> dict[str, Any]:
    """The median, or the commonest text, of all users; what most have not is None."""
    found: dict[str, Any] = {}
    for name in columns:
        column = of.columns[name]
        if column.dtype == object:
            values, counts = np.unique([value or "" for value in column], return_counts=True)
            found[name] = str(values[int(counts.argmax())]) or None if len(values) else None
        else:
            known = column[~np.isnan(column)]
            found[name] = float(np.median(known)) if 2 * len(known) >= len(column) and len(known) else None
    return found
