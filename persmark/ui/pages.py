"""The pages, in the order of the story."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

FOLDER = Path(__file__).resolve().parents[2] / "pages"


@dataclass(frozen=True)
class Step:
    """One page: its title and its icon's name."""

    title: str
    icon: str


STEPS: Mapping[str, Step] = MappingProxyType({
    "events": Step("Events", "database"),
    "quality": Step("Data quality", "fact_check"),
    "profiles": Step("Profiles", "person_search"),
    "user": Step("User", "person"),
    "predictions": Step("Predictions", "online_prediction"),
    "segments": Step("Segments", "group_work"),
    "discover": Step("Discover", "travel_explore"),
    "compare": Step("Compare", "compare_arrows"),
    "train": Step("Train", "model_training"),
    "leaderboard": Step("Leaderboard", "leaderboard"),
    "attention": Step("Attention", "visibility"),
    "slates": Step("Slates", "view_carousel"),
    "campaigns": Step("Campaigns", "campaign"),
})  # fmt: skip


# What the menu says above its pages.
PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "Data": ("events", "quality"),
    "People": ("profiles", "user", "predictions", "segments", "discover", "compare"),
    "Recommenders": ("train", "leaderboard", "attention", "slates"),
    "Reach": ("campaigns",),
})  # fmt: skip


def page_path(name: str) -> str:
    """Where a page's file lies."""
    return str(FOLDER / f"{name}.py")
