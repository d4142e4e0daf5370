"""The fields of a profile that `ranker` attends to, and what they are called in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PROFILE_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "n_events": "how many events they have",
        "n_steps": "how often they came",
        "step_size": "how much they do at a time",
        "since_last": "how long ago they last came",
        "step_gap": "how long they usually stay away",
        "due": "whether they are due",
        "active_days": "how long they have been coming",
        "steps_28d": "how often they came in 28 days",
        "n_items": "how many different items they had",
        "repeat_share": "how often they come back to an item",
        "price_level": "their price level",
        "night": "their share of nights",
        "morning": "their share of mornings",
        "afternoon": "their share of afternoons",
        "evening": "their share of evenings",
        "weekend": "their share of weekends",
        "one_brand": "how much they keep to one brand",
    }
)


def field_title(field: str) -> str:
    """What a field is called: a counted one by its words, one of the users file by its own name."""
    return PROFILE_FIELDS.get(field, field.replace("_", " "))
