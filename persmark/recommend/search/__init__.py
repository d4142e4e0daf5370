"""The best recommender in a given time: measured one after the other, the winner trained on everything."""

from persmark.recommend.search.asked import FindBest
from persmark.recommend.search.find import Found, find_best
from persmark.recommend.search.kept import unfinished
from persmark.recommend.search.measuring import Skipped

__all__ = ["FindBest", "Found", "Skipped", "find_best", "unfinished"]
