"""What every statement of a rule shares: its moment, its events, and the holes that values go into."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlglot import exp

from persmark.segments.nodes import Fields
from persmark.segments.rules import ITEM_FIELDS
from persmark.segments.trees import column, is_null, nested, select, table

DAY_SECONDS = 86_400


def seconds(days: float) -> int:
    """Whole seconds of a span of days."""
    return round(days * DAY_SECONDS)


class Scope:
    """Collects a statement's parameters, and knows which events it may look at.

    Args:
        as_of: The profiles' moment; None reads it from the table.
        up_to_source: Only events of sources up to this id; None = of all.
        user_id: Only this user is asked about, so only their rows are read.

    Attributes:
        params: Parameter name -> value.
    """

    def __init__(
        self, as_of: datetime | None, *, up_to_source: int | None = None, user_id: str | None = None
    ) -> None:
        self.params: dict[str, Any] = {}
        self._as_of = as_of
        self._up_to_source = up_to_source
        self._user_id = user_id

    def hole(self, value: object) -> exp.Placeholder:
        """A new parameter that holds `value`."""
        name = f"v{len(self.params)}"
        self.params[name] = list(value) if isinstance(value, tuple) else value
        return exp.Placeholder(this=name)

    def _named(self, name: str, value: object) -> exp.Placeholder:
        self.params.setdefault(name, value)
        return exp.Placeholder(this=name)

    def now(self) -> exp.Expr:
        """The moment that rules count back from."""
        if self._as_of is not None:
            return self._named("as_of", self._as_of)
        return nested(select(exp.Max(this=column("as_of", "profiles")), of=table("profiles")))

    def ago(self, days: float) -> exp.Expr:
        """So many days before that moment."""
        span = exp.Mul(
            this=self.hole(seconds(days)),
            expression=exp.Interval(this=exp.Literal.string("1"), unit=exp.var("SECOND")),
        )
        return exp.Sub(this=self.now(), expression=span)

    def one_of(self, place: exp.Expr, values: Sequence[str]) -> exp.Expr:
        """Equal to one of the values."""
        if len(values) == 1:
            return exp.EQ(this=place, expression=self.hole(values[0]))
        return exp.In(this=place, field=self.hole(tuple(values)))

    def whose(self, name: str) -> list[exp.Expr]:
        """Rows of a table that name a user, and of the user asked about where there is one."""
        return self.of_user(name) or [exp.Not(this=is_null(column("user_id", name)))]

    def of_user(self, name: str) -> list[exp.Expr]:
        """Rows of the user asked about; no test where all are."""
        if self._user_id is None:
            return []
        return [exp.EQ(this=column("user_id", name), expression=self._named("user_id", self._user_id))]

    def seen(self, *, within_days: float | None = None, until_days: float | None = None) -> list[exp.Expr]:
        """Events that a rule may look at: up to the moment, in the span asked for."""
        at = column("event_time", "events")
        until = self.now() if until_days is None else self.ago(until_days)
        tests = [*self.whose("events"), exp.LTE(this=at, expression=until)]
        if within_days is not None:
            tests.append(exp.GT(this=at.copy(), expression=self.ago(within_days)))
        if self._up_to_source is not None:
            tests.append(
                exp.LTE(
                    this=column("source_id", "events"),
                    expression=self._named("up_to_source", self._up_to_source),
                )
            )
        return tests

    def fitting(self, fields: Fields) -> list[exp.Expr]:
        """Events that are what `fields` say; of items, those items' events."""
        tests: list[exp.Expr] = []
        of_items: list[exp.Expr] = []
        for name, values in fields:
            if name in ITEM_FIELDS:
                of_items.append(self.one_of(column(name, "items"), values))
            else:
                tests.append(self.one_of(column(name, "events"), values))
        if of_items:
            items = select(column("item_id", "items"), of=table("items"), where=of_items)
            tests.append(exp.In(this=column("item_id", "events"), query=nested(items)))
        return tests

    @staticmethod
    def inside(users: exp.Select) -> exp.Expr:
        """The users that a statement lists."""
        return exp.In(this=column("user_id", "profiles"), query=nested(users))
