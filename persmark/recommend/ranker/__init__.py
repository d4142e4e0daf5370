"""`ranker`: candidates by simple recommenders, ordered by a network."""

from persmark.recommend.ranker.recommender import Ranker
from persmark.recommend.ranker.settings import RankerSettings

__all__ = ["Ranker", "RankerSettings"]
