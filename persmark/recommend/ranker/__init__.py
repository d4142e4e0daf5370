"""`ranker`: candidates by simple recommenders, ordered by a network."""

from persmark.recommend.ranker.recommender import Ranker, RankerSettings

__all__ = ["Ranker", "RankerSettings"]
