"""What people and models attend to, and whether a weight is a reason.

`explain` shows a user's slate beside the events that carry it; `judge` measures whether a model's
attention weights may be read as reasons.
"""

from persmark.attention.explain import ItemExplained, UserExplained, explain
from persmark.attention.judge import Case, Judged, judge

__all__ = ["Case", "ItemExplained", "Judged", "UserExplained", "explain", "judge"]
