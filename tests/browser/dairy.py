"""A small shop with a dairy category, and the builder's question answered from its rows alone."""

from __future__ import annotations

import csv
import random
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from persmark import actions
from persmark.store import Workspace, open_workspace
from tests.shop import ACTOR, HARD_USER

N_USERS = 90
_CATEGORIES = ("dairy", "bread", 'fruit & "veg" 果')
_END = datetime(2026, 6, 30, 12, 0)


def _rows() -> list[dict[str, str]]:
    draw = random.Random(20260630)
    rows = []
    for number in range(N_USERS):
        user = HARD_USER if number == 0 else f"user-{number:02d}"
        # Some come until the end, some fall silent one or two months before it.
        silent = draw.choice([0, 2, 5, 9, 20, 28, 35, 75])
        span = draw.choice([20, 80])
        for _ in range(draw.randint(2, 14)):
            moment = _END - timedelta(days=silent + draw.randint(0, span), minutes=draw.randint(1, 900))
            category = "dairy" if number % 3 == 0 and draw.random() < 0.6 else draw.choice(_CATEGORIES)
            rows.append(
                {
                    "customer": user, "time": moment.isoformat(sep=" "), "event": "purchase",
                    "item": f"sku-{category}-{draw.randint(1, 3)}", "category": category,
                    "amount": f"{draw.randint(100, 900) / 100:.2f}",
                }
            )  # fmt: skip
        if draw.random() < 0.4:
            sent = _END - timedelta(days=draw.choice([3, 12, 29, 31, 44]), minutes=draw.randint(1, 900))
            rows.append(
                {"customer": user, "time": sent.isoformat(sep=" "), "event": "campaign_received",
                 "item": "", "category": "", "amount": ""}
            )  # fmt: skip
    rows.append({**rows[0], "customer": "user-01", "time": _END.isoformat(sep=" ")})
    return rows


def load_dairy(folder: Path) -> Workspace:
    """The shop in a workspace of its own; `PERSMARK_DATA` must name where workspaces live."""
    path = folder / "dairy.csv"
    rows = _rows()
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    workspace = actions.create_workspace_for_upload(ACTOR, "dairy.csv")
    actions.run(workspace, ACTOR, actions.LoadFiles(paths=(str(path),), names=("dairy.csv",)))
    return open_workspace(workspace.name)


def _fifths(values: pd.Series) -> pd.Series:
    """1 to 5 by rank, the first groups one larger where five does not divide; equal ones by user id."""
    n = len(values)
    places = values.sort_index().sort_values(kind="stable").index
    larger, size = n % 5, n // 5
    edges = [size + (fifth < larger) for fifth in range(5)]
    scores = [fifth + 1 for fifth, width in enumerate(edges) for _ in range(width)]
    return pd.Series(scores, index=places)


def at_risk_dairy_not_contacted(path: Path) -> set[str]:
    """Who bought dairy at least three times in 60 days, is at risk by RFM, and was not contacted in 30.

    At risk: recency score 1 to 2, and the mean of the scores of orders and money, halves up, 3 to 4.
    """
    rows = pd.read_csv(path, parse_dates=["time"])
    now = rows["time"].max()
    bought = rows[rows["event"] == "purchase"]
    by_user = bought.groupby("customer")
    recency = _fifths(by_user["time"].max())
    frequency = _fifths(by_user["time"].nunique())
    money = _fifths(by_user["amount"].sum().round(4))
    mean = ((frequency + money + 1) // 2).astype(int)
    risky = set(recency.index[(recency <= 2) & mean.reindex(recency.index).isin([3, 4])])
    lately = bought[(bought["category"] == "dairy") & (bought["time"] > now - pd.Timedelta(days=60))]
    often = lately.groupby("customer").size()
    contacted = rows[(rows["event"] == "campaign_received") & (rows["time"] > now - pd.Timedelta(days=30))]
    return (risky & set(often.index[often >= 3])) - set(contacted["customer"])
