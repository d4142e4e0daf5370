"""The recommenders by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from persmark.errors import NotFoundError
from persmark.recommend.blend import Blend
from persmark.recommend.content import Content
from persmark.recommend.contract import Recommender
from persmark.recommend.ease import Ease
from persmark.recommend.graph import Graph
from persmark.recommend.markov import Markov
from persmark.recommend.matrix_factorisation import MatrixFactorisation
from persmark.recommend.neural_cf import NeuralCf
from persmark.recommend.popular import Popular
from persmark.recommend.popular_by_group import PopularByGroup
from persmark.recommend.ranker import Ranker
from persmark.recommend.repeat import Repeat
from persmark.recommend.self_attention import SelfAttention
from persmark.recommend.spectral import Spectral
from persmark.text import text

RECOMMENDERS: Mapping[str, type[Recommender]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Popular,
            Repeat,
            Markov,
            Graph,
            Spectral,
            Ease,
            MatrixFactorisation,
            NeuralCf,
            SelfAttention,
            Content,
            PopularByGroup,
            Ranker,
            Blend,
        )
    }
)
# What anybody could do with a counter; every other recommender is measured against these.
SIMPLE = (Popular.name, Repeat.name)
# Made of other recommenders: a mixture has to beat the best single one to be worth its time.
COMBINED = ("ranker", "blend")


def recommender(name: str) -> type[Recommender]:
    """The class behind a name.

    Raises:
        NotFoundError: There is none; the hint lists what is available.
    """
    if name not in RECOMMENDERS:
        raise NotFoundError(
            text("A recommender's name must be known. Received: {name}.", name=name),
            title="No such recommender",
            hint=text("Available: {names}.", names=", ".join(RECOMMENDERS)),
        )
    return RECOMMENDERS[name]
