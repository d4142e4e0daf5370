"""Users cut into disjoint cells by which of some segments they are in: counted once, added up at will.

Two segments may share users. Sums over cells add up exactly to those of each segment, of the users of
two of them, and of everybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from persmark.errors import InputError
from persmark.segments.evaluate import Saved
from persmark.segments.flags import clause_flags
from persmark.segments.intervals import Moments, Numbers
from persmark.segments.rules import Rule
from persmark.store import Reader, quoted
from persmark.text import text

if TYPE_CHECKING:
    import pyarrow as pa

LEAST, MOST = 2, 4


@dataclass(frozen=True)
class Cells:
    """Every user's cell: bit i is set where the user is in segment i.

    Attributes:
        names: The segments, in order.
        table: `user_id`, `cell`; one row per profile, in the order of `user_id`.
    """

    names: tuple[str, ...]
    table: pa.Table

    @property
    def n_cells(self) -> int:
        """Two for each segment."""
        return 1 << len(self.names)

    @property
    def places(self) -> NDArray[np.int64]:
        """The users' cells, in the order of `user_id`."""
        found: NDArray[np.int64] = self.table.column("cell").to_numpy().astype(np.int64)
        return found

    def of(self, *places: int, without: int | None = None) -> list[int]:
        """The cells of the users in all of these segments and not in one; of everybody without any."""
        wanted = sum(1 << place for place in places)
        no = 0 if without is None else 1 << without
        return [cell for cell in range(self.n_cells) if cell & wanted == wanted and not cell & no]

    def n_users(self, *places: int) -> int:
        """How many users are in all of these segments."""
        counted = np.bincount(self.places, minlength=self.n_cells)
        return int(counted[self.of(*places)].sum())


def cells(reader: Reader, rules: Mapping[str, Rule], *, saved: Saved | None = None) -> Cells:
    """Cut the users by some segments.

    Args:
        reader: Whose profiles.
        rules: Name -> rule, two to four of them.
        saved: Segments the rules may speak of.

    Raises:
        EmptyError: Profiles have not been built.
        InputError: There are too few or too many rules, or one is not understood.
        NotFoundError: A rule speaks of an unknown segment.
    """
    import pyarrow as pa

    if not LEAST <= len(rules) <= MOST:
        raise InputError(
            text("Segments to compare must be {least} to {most}. Received: {n}.",
                 least=LEAST, most=MOST, n=len(rules)),
            hint="Choose two of them to begin with.",
        )  # fmt: skip
    flags = clause_flags(reader, {"any": list(rules.values())}, saved=saved)
    found = np.zeros(flags.num_rows, dtype=np.int32)
    for place in range(len(rules)):
        found |= flags.column(f"c{place}").to_numpy().astype(np.int32) << place
    return Cells(tuple(rules), pa.table({"user_id": flags.column("user_id"), "cell": found}))


def numbers(reader: Reader, columns: Sequence[str]) -> Numbers:
    """Profile columns as numbers, (n_columns, n_users) in the order of `user_id`; NaN without a value."""
    import pyarrow.compute as pc

    asked = ", ".join(
        f"CAST({quoted(name)} AS DOUBLE) AS {quoted(f'v{place}')}" for place, name in enumerate(columns)
    )
    found = reader.table(f"SELECT {asked} FROM profiles ORDER BY user_id" if columns else "SELECT 1 AS one")
    out = np.empty((len(columns), found.num_rows if columns else 0))
    for place in range(len(columns)):
        out[place] = pc.fill_null(found.column(place), float("nan")).to_numpy()
    return out


def moments(cut: Cells, values: Numbers) -> Moments:
    """Sums over the users of each cell who have a value, (n_cells, n_values).

    Args:
        cut: The users' cells.
        values: (n_values, n_users), NaN without a value.
    """
    of = cut.places
    shape = (cut.n_cells, len(values))
    n, mean, squares, cubes = np.zeros(shape), np.full(shape, np.nan), np.zeros(shape), np.zeros(shape)
    for place, one in enumerate(values):
        known = ~np.isnan(one)
        cell, number = of[known], one[known]
        n[:, place] = np.bincount(cell, minlength=cut.n_cells)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean[:, place] = np.bincount(cell, number, cut.n_cells) / n[:, place]
        # About the cell's own mean: raw sums of large amounts would cancel.
        away = number - mean[cell, place]
        squares[:, place] = np.bincount(cell, away**2, cut.n_cells)
        cubes[:, place] = np.bincount(cell, away**3, cut.n_cells)
    return Moments(n, mean, squares, cubes)


def medians(cut: Cells, values: Numbers) -> Numbers:
    """Medians over the users of each segment, (n_segments, n_values); NaN where nobody has a value."""
    out = np.full((len(cut.names), len(values)), np.nan)
    for segment in range(len(cut.names)):
        inside = (cut.places & (1 << segment)) > 0
        for place, one in enumerate(values[:, inside]):
            known = one[~np.isnan(one)]
            if len(known):
                out[segment, place] = np.median(known)
    return out


def named(reader: Reader, cut: Cells, columns: Sequence[str]) -> list[dict[str, Numbers]]:
    """Users of each cell by the value of columns of names: one mapping value -> (n_cells,) per column."""
    if not columns:
        return []
    asked = ", ".join(
        f"CAST({quoted(name)} AS VARCHAR) AS {quoted(f'v{place}')}" for place, name in enumerate(columns)
    )
    found = reader.table(f"SELECT {asked} FROM profiles ORDER BY user_id")
    out = []
    for place in range(len(columns)):
        coded = found.column(place).combine_chunks().dictionary_encode()
        known = coded.is_valid().to_numpy(zero_copy_only=False)
        codes = coded.indices.fill_null(0).to_numpy()[known].astype(np.int64)
        values = coded.dictionary.to_pylist()
        counted = np.bincount(codes * cut.n_cells + cut.places[known], minlength=len(values) * cut.n_cells)
        by_value = counted.reshape(len(values), cut.n_cells).astype(float)
        out.append(dict(zip(values, by_value, strict=True)))
    return out
