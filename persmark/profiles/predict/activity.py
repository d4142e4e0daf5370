"""What BG/NBD and Gamma-Gamma say of users at a moment: a baseline, and features of the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from persmark.errors import EmptyError
from persmark.profiles.predict.bgnbd import BgNbd, GammaGamma, fit_bgnbd, fit_gamma_gamma
from persmark.profiles.predict.features import Frame
from persmark.profiles.predict.learners import Floats
from persmark.profiles.predict.targets import AHEAD_DAYS, BUY, BUY_DAYS, CHURN, SPEND

NONE_SHORT, NONE_LONG, DAYS_LONG = "bgnbd_none_4w", "bgnbd_none_12w", "bgnbd_days_12w"
MONEY_LONG = "bgnbd_money_12w"
_WEEK = 7.0


@dataclass(frozen=True)
class Activity:
    """Both models, fitted to the buyers of one moment; times in weeks, purchases are buying days.

    Attributes:
        visits: How often they come back.
        money: What a buying day is worth; None where nothing has a price.
    """

    visits: BgNbd
    money: GammaGamma | None

    @classmethod
    def fit(cls, given: Frame) -> Activity | None:
        """None where too few came back."""
        x, t_x, age, mean = _history(given, _buyers(given))
        try:
            visits = fit_bgnbd(x, t_x, age)
        except EmptyError:
            return None
        try:
            return cls(visits, fit_gamma_gamma(x + 1, mean))
        except EmptyError:
            return cls(visits, None)

    def columns(self, given: Frame) -> Frame:
        """The users with what both models say of them; NaN for who never bought."""
        rows = _buyers(given)
        x, t_x, age, mean = _history(given, rows)
        ahead = AHEAD_DAYS / _WEEK
        days = self.visits.expected(x, t_x, age, ahead)
        said = {
            NONE_SHORT: self.visits.none(x, t_x, age, BUY_DAYS / _WEEK),
            NONE_LONG: self.visits.none(x, t_x, age, ahead),
            DAYS_LONG: days,
        }
        if self.money is not None:
            said[MONEY_LONG] = days * self.money.expected(x + 1, np.maximum(mean, 0.0))
        columns = {}
        for name, values in said.items():
            columns[name] = np.full(len(given), np.nan, np.float32)
            columns[name][rows] = values
        return given.with_columns(columns)


def said(target: str, given: Frame) -> Floats | None:
    """(n_users,) what the models predict for a target; None where they say nothing of it.

    A user who never bought is given no chance.
    """
    column = {BUY: NONE_SHORT, CHURN: NONE_LONG, SPEND: MONEY_LONG}.get(target)
    if column is None or column not in given.columns:
        return None
    values = given.columns[column].astype(np.float64)
    return 1.0 - np.nan_to_num(values, nan=1.0) if target == BUY else np.nan_to_num(values)


def _buyers(given: Frame) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.flatnonzero(given.columns["buying_days"] > 0)


def _history(given: Frame, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> tuple[Floats, ...]:
    """Repeat buying days, age at the last and age now in weeks, and mean money of a buying day."""
    days, ago, first, money = (
        given.columns[name][rows].astype(np.float64)
        for name in ("buying_days", "bought_ago", "first_bought_ago", "money_ever")
    )
    return days - 1, (first - ago) / _WEEK, first / _WEEK, money / days
