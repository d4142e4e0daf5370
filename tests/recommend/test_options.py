"""Settings refuse what they do not know."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from persmark.errors import InputError
from persmark.recommend.options import Settings, option


@dataclass(frozen=True)
class Tried(Settings):
    """One setting of each type."""

    steps: int = option(3, about="whole", low=1, high=9)
    share: float = option(0.5, about="real", low=0.0)
    on: bool = option(False, about="switch")
    mode: str = option("a", about="word")


def test_parse_reads_each_type() -> None:
    assert Tried.parse(["steps=4", "share = 2", "on=yes", "mode=b=c"]) == Tried(4, 2.0, True, "b=c")
    assert Tried.of({"share": 1}).as_dict() == {"steps": 3, "share": 1.0, "on": False, "mode": "a"}


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("speed=1", r"name must be known\. Received: speed\. Available: steps, share, on, mode"),
        ("steps=4.5", r"'steps' must be a whole number\. Received: 4\.5"),
        ("share=much", r"'share' must be a number\. Received: much"),
        ("on=maybe", r"'on' must be true or false\. Received: maybe"),
        ("steps=10", r"'steps' must lie between 1 and 9\. Received: 10"),
        ("share=nan", r"'share' must lie between 0 and any number\. Received: nan"),
        ("steps", r"must be given as key=value\. Received: steps"),
    ],
)
def test_parse_refuses(pair: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Tried.parse([pair])


def test_parse_refuses_a_name_given_twice() -> None:
    with pytest.raises(InputError, match="Received: steps twice"):
        Tried.parse(["steps=1", "steps=2"])


def test_a_switch_is_no_number() -> None:
    with pytest.raises(InputError, match=r"'share' must be a number\. Received: True"):
        Tried.of({"share": True})
