"""The big clean events file of the benchmarks, streamed to disk."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from persmark.columns import CART, CLICK, PURCHASE, VIEW
from persmark.errors import InputError
from persmark.simulate.draws import Floats, Ints, shares
from persmark.text import text

HEADER = ("user_id", "item_id", "event_type", "event_time", "value", "quantity", "order_id", "channel")
_TYPES = (VIEW, CLICK, CART, PURCHASE)
_CHANNELS = ("web", "app", "email", "social", "push")
_SLICE_ROWS = 500_000  # rows made at once; part of what a seed means, so not a parameter
_MEAN_STEPS = 6.0  # events per session
# Share of the day's sessions that have begun by the end of each hour.
_HOURS = shares(np.array(
    [1, 1, 1, 1, 1, 2, 4, 6, 7, 8, 8, 8, 9, 8, 8, 8, 9, 10, 12, 14, 15, 13, 8, 4], np.float64
))  # fmt: skip


def write_events_csv(
    path: Path | str, *, n_events: int, n_users: int, seed: int, n_items: int = 30_000, days: int = 90,
    ends_on: date = date(2026, 6, 30), new_user_share: float = 0.0,
) -> None:  # fmt: skip
    """Write a clean events file as an export would be: rows in time order, no two rows equal.

    Users come in sessions of about six events; a tenth of the users make about 45% of the events;
    items follow a Zipf law; views lead to clicks, carts and, for two carts in five, purchases.

    Args:
        path: The CSV file; header `user_id,item_id,event_type,event_time,value,quantity,order_id,
            channel`, times as `YYYY-MM-DD HH:MM:SS`, about 48 bytes a row. Value and quantity only
            on carts and purchases, order only on purchases.
        n_events: Rows to write, at least 1.
        n_users: Users to draw from; with far fewer events than users not everyone appears.
        seed: Same seed and numbers, same bytes.
        n_items: Items to draw from.
        days: Length in days; the last is `ends_on`.
        new_user_share: Share of sessions by users that no other file of this function has.

    Raises:
        InputError: A count is below 1.
    """
    for name, count in (("n_events", n_events), ("n_users", n_users), ("n_items", n_items), ("days", days)):
        if count < 1:
            raise InputError(
                text("{name} must be at least {low}. Received: {value}.", name=name, low=1, value=count)
            )
    first = datetime.combine(ends_on - timedelta(days=days - 1), time())
    base = int((first - datetime(1970, 1, 1)).total_seconds())
    world = _Shop(
        seed=seed, n_users=n_users, n_items=n_items, base=base, seconds=days * 86400,
        new_user_share=new_user_share, day=ends_on,
    )  # fmt: skip
    n_slices = max(1, -(-n_events // _SLICE_ROWS))
    carried: dict[str, Any] | None = None
    options = csv.WriteOptions(include_header=False, quoting_style="none", batch_size=65536)
    with Path(path).open("wb") as file:
        file.write((",".join(HEADER) + "\n").encode())
        for number in range(n_slices):
            wanted = n_events * (number + 1) // n_slices - n_events * number // n_slices
            rows = world.slice_rows(number, n_slices, wanted)
            if carried is not None:
                rows = {name: np.concatenate([carried[name], rows[name]]) for name in rows}
            order = np.argsort(rows["time"], kind="stable")
            rows = {name: values[order] for name, values in rows.items()}
            # Sessions that run past the slice wait for the next one, so that time never goes back.
            cut = len(order)
            if number + 1 < n_slices:
                cut = int(np.searchsorted(rows["time"], world.slice_end(number, n_slices)))
            csv.write_csv(world.table({name: v[:cut] for name, v in rows.items()}), file, options)
            carried = {name: v[cut:] for name, v in rows.items()}


class _Shop:
    """What all slices share: who comes how often, what is looked at how often."""

    def __init__(
        self, *, seed: int, n_users: int, n_items: int, base: int, seconds: int, new_user_share: float,
        day: date,
    ) -> None:  # fmt: skip
        self.seed, self.base, self.seconds, self.new_user_share = seed, base, seconds, new_user_share
        rng = np.random.default_rng([seed, 1])
        self.user_shares = shares(rng.gamma(0.3, 1.0, n_users) + 0.01)
        weights: Floats = np.power(np.arange(n_items) + 8.0, -0.9)
        self.item_shares: Floats = shares(weights)
        self.item_of_rank: Ints = rng.permutation(n_items)
        euros = np.exp(rng.normal(2.6, 0.9, n_items)).astype(np.int64).clip(max=999)
        self.cents: Ints = euros * 100 + 99
        self.visit_order: Ints = rng.permutation(n_users)
        self.n_users, self.n_items = n_users, n_items
        self.users = _numbered("u", n_users)
        self.items = _numbered("i", n_items)
        self.day = day

    def slice_end(self, number: int, n_slices: int) -> int:
        return self.base + self.seconds * (number + 1) // n_slices

    def slice_rows(self, number: int, n_slices: int, wanted: int) -> dict[str, Any]:
        """`wanted` events of sessions that begin in slice `number`, unsorted."""
        rng = np.random.default_rng([self.seed, 2, self.day.toordinal(), number])
        n_sessions = int(wanted / _MEAN_STEPS * 1.1) + 50
        steps = np.minimum(rng.geometric(1.0 / _MEAN_STEPS, n_sessions), 60)
        while steps.sum() < wanted:
            steps = np.concatenate([steps, np.minimum(rng.geometric(1.0 / _MEAN_STEPS, 100), 60)])
        ends = np.cumsum(steps)
        n_sessions = int(np.searchsorted(ends, wanted)) + 1
        steps = steps[:n_sessions]
        steps[-1] -= int(ends[n_sessions - 1]) - wanted
        session = np.repeat(np.arange(n_sessions), steps)
        is_first = np.r_[True, session[1:] != session[:-1]]

        user = np.searchsorted(self.user_shares, rng.random(n_sessions)).clip(max=self.n_users - 1)
        # Where there are sessions enough, everyone comes at least once; the rest falls by habit.
        low, high = (self.n_users * k // n_slices for k in (number, number + 1))
        if 2 * (high - low) <= n_sessions:
            user[: high - low] = self.visit_order[low:high]
        if self.new_user_share:
            fresh = rng.random(n_sessions) < self.new_user_share
            user = np.where(fresh, -1 - rng.integers(0, max(1, int(fresh.sum()) // 2 + 1), n_sessions), user)
        begin, end = self.seconds * number / n_slices, self.seconds * (number + 1) / n_slices
        if number + 1 == n_slices:
            end = max(begin + 1, end - 3 * 3600)  # so that the last sessions end within the last day
        start = self._starts(rng, n_sessions, begin, end)
        channel = np.searchsorted(np.array([0.48, 0.80, 0.89, 0.96, 1.0]), rng.random(n_sessions))

        n = len(session)
        gaps = (1 + rng.exponential(45.0, n)).astype(np.int64).clip(max=1500)
        gaps[is_first] = 0
        passed = np.cumsum(gaps)
        moment = start[session] + passed - passed[is_first][session]

        u = rng.random(n)
        kind = np.where(u < 0.70, 0, np.where(u < 0.88, 1, 2))
        kind[is_first] = 0
        after_cart = np.r_[False, (kind[:-1] == 2) & ~is_first[1:]]
        kind[after_cart & (rng.random(n) < 0.42)] = 3
        # Only a view brings a new item; clicks, carts and purchases are about the item at hand.
        is_new = (kind == 0) & ((rng.random(n) < 0.75) | is_first)
        at = np.maximum.accumulate(np.where(is_new, np.arange(n), 0))
        rank = np.searchsorted(self.item_shares, rng.random(n)).clip(max=self.n_items - 1)
        item = self.item_of_rank[rank][at]
        quantity = 1 + (rng.random(n) < 0.15) + (rng.random(n) < 0.03)
        # Unique over files of different days: the orders of a slice are numbered in a block of its own.
        block = (self.day.toordinal() % 1000) * 1_000_000_000 + number * _SLICE_ROWS
        return {
            "user": user[session], "time": moment, "item": item, "kind": kind, "quantity": quantity,
            "order": np.where(kind == 3, block + session, -1), "channel": channel[session],
        }  # fmt: skip

    def _starts(self, rng: np.random.Generator, n: int, begin: float, end: float) -> Ints:
        """Start seconds, evenly over days and by the shop's hours within them, inside the slice."""
        out = np.empty(0, np.int64)
        first, last = int(begin // 86400), int(-(-end // 86400))
        while len(out) < n:
            day = rng.integers(first, last, 2 * n + 100)
            u = rng.random(len(day))
            hour = np.searchsorted(_HOURS, u)
            second = day * 86400 + hour * 3600 + rng.integers(0, 3600, len(day))
            out = np.concatenate([out, second[(second >= begin) & (second < end)]])
        return self.base + out[:n]

    def table(self, rows: dict[str, Any]) -> pa.Table:
        kind = rows["kind"]
        has_value, bought = kind >= 2, kind == 3
        return pa.table({
            "user_id": self._user_names(rows["user"]),
            "item_id": self.items.take(pa.array(rows["item"])),
            "event_type": pa.array(_TYPES).take(pa.array(kind)),
            "event_time": pa.array(rows["time"], pa.timestamp("s")),
            "value": _euros(self.cents[rows["item"]] * rows["quantity"], has_value),
            "quantity": pa.array(rows["quantity"], mask=~has_value),
            "order_id": pa.array(rows["order"], mask=~bought),
            "channel": pa.array(_CHANNELS).take(pa.array(rows["channel"])),
        })  # fmt: skip

    def _user_names(self, numbers: Ints) -> pa.Array:
        fresh = int(-numbers.min()) if len(numbers) and numbers.min() < 0 else 0
        if not fresh:
            return self.users.take(pa.array(numbers))
        names = pa.concat_arrays([self.users, _numbered(f"n{self.day:%y%m%d}", fresh)])
        return names.take(pa.array(np.where(numbers < 0, self.n_users - 1 - numbers, numbers)))


def _numbered(prefix: str, count: int) -> pa.Array:
    return pa.array([f"{prefix}{number}" for number in range(1, count + 1)], pa.string())


def _euros(cents: Ints, valid: np.ndarray[Any, np.dtype[np.bool_]]) -> pa.Array:
    """Cents as DECIMAL(9,2), so that the file says 3.50 and not 3.5."""
    halves = np.zeros((len(cents), 2), np.int64)
    halves[:, 0] = np.where(valid, cents, 0)
    mask = pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
    return pa.Array.from_buffers(pa.decimal128(9, 2), len(cents), [mask, pa.py_buffer(halves.tobytes())])
