"""Segments every workspace has: everyone, each RFM segment, each lifecycle stage."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from persmark.profiles import LIFECYCLE, RFM_SEGMENTS, Group
from persmark.segments.nodes import Rule
from persmark.text import Text, text

EVERYONE = "everyone"


def _of_column(prefix: str, column: str, groups: tuple[Group, ...]) -> dict[str, tuple[Text, Text, Rule]]:
    return {
        f"{prefix}: {group.name}": (
            group.title,
            group.definition,
            {"column": column, "is": "=", "value": group.name},
        )
        for group in groups
    }


# Name -> what a page calls it, who belongs to it, its rule.
BUILT_IN: Mapping[str, tuple[Text, Text, Rule]] = MappingProxyType(
    {
        EVERYONE: (text("Everyone"), text("All users with an event."), {"all": []}),
        **_of_column("rfm", "rfm_segment", RFM_SEGMENTS),
        **_of_column("lifecycle", "lifecycle", LIFECYCLE),
    }
)

BUILT_IN_RULES: Mapping[str, Rule] = MappingProxyType({name: rule for name, (_, _, rule) in BUILT_IN.items()})
