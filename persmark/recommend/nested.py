"""Recommenders inside a recommender: trained by name, saved among its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from persmark.recommend.contract import Recommender
from persmark.recommend.interactions import Ids
from persmark.recommend.saved import Saved

if TYPE_CHECKING:
    pass


def names_of(wanted: str) -> tuple[str, ...]:
    """The recommenders named in a setting, divided by blanks or commas, each once.

    Raises:
        NotFoundError: One is unknown.
    """
    # The registry knows the ones that hold others, too: it is asked only now.
    from persmark.recommend.registry import recommender

    names = dict.fromkeys(wanted.replace(",", " ").split())
    return tuple(recommender(name).name for name in names)


def kind_of(name: str) -> type[Recommender]:
    """The class behind a name."""
    from persmark.recommend.registry import recommender

    return recommender(name)


def arrays_of(held: Mapping[str, Recommender]) -> dict[str, npt.NDArray[Any]]:
    """Weights of all, each name with its recommender's before it; item ids are kept once, outside."""
    return {f"{name}.{part}": array for name, one in held.items() for part, array in one._arrays().items()}


def facts_of(held: Mapping[str, Recommender]) -> Sequence[Mapping[str, Any]]:
    """What is saved beside the weights of all."""
    return [
        {"recommender": name, "settings": one.settings.as_dict(), **one._facts()}
        for name, one in held.items()
    ]


def restored(facts: Sequence[Mapping[str, Any]], outer: Saved, item_ids: Ids) -> dict[str, Recommender]:
    """What `arrays_of` and `facts_of` kept."""
    found: dict[str, Recommender] = {}
    for one in facts:
        name = str(one["recommender"])
        kind = kind_of(name)
        made = kind.__new__(kind)
        made.settings = kind.settings_type.of(one["settings"])
        made.item_ids = item_ids
        made.as_of, made.target = int(outer.facts["as_of"]), str(outer.facts["target"])
        arrays = {
            part.removeprefix(f"{name}."): array
            for part, array in outer.arrays.items()
            if part.startswith(f"{name}.")
        }
        made._restore(Saved({**outer.facts, **one}, arrays))
        found[name] = made
    return found


def standardised(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Each row with mean 0 and spread 1; a row of one value is all 0."""
    centre = scores.mean(axis=1, keepdims=True, dtype=np.float64)
    spread = scores.std(axis=1, keepdims=True, dtype=np.float64)
    level: npt.NDArray[np.float32] = ((scores - centre) / np.maximum(spread, 1e-9)).astype(np.float32)
    return level
