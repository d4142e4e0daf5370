"""Candidates, scores, rules, slate, and what each rule costs."""

from persmark.slates.build import build_slate
from persmark.slates.candidates import product_candidates
from persmark.slates.fill import Candidates
from persmark.slates.liking import STRENGTH, who_would_like
from persmark.slates.rules import RuleCost, SlateRules
from persmark.slates.slate import Slate, SlateItem, SlateRequest

__all__ = [
    "STRENGTH",
    "Candidates",
    "RuleCost",
    "Slate",
    "SlateItem",
    "SlateRequest",
    "SlateRules",
    "build_slate",
    "product_candidates",
    "who_would_like",
]
