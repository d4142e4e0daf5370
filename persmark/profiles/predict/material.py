"""What a training reads, each moment once: frames, outcomes, pairs, and what passed through channels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from persmark.profiles.build import profiles_as_of
from persmark.profiles.predict import features
from persmark.profiles.predict.activity import Activity
from persmark.profiles.predict.features import Column, Frame, Whom
from persmark.profiles.predict.learners import Floats
from persmark.profiles.predict.pairs import Pairs, Things, pair_outcomes, pairs
from persmark.profiles.predict.targets import AHEAD_DAYS, BUY, CHURN, NEXT, SPEND
from persmark.profiles.predict.windows import Plan
from persmark.store import Reader, Workspace


@dataclass
class Sample:
    """Users of one moment for whom a target is defined, and what came.

    Attributes:
        frame: Their features.
        found: (n_users,) what came: 0 or 1, money, or days.
    """

    frame: Frame
    found: Floats

    def __len__(self) -> int:
        return len(self.frame)

    def of(self, rows: Column) -> Sample:
        """Some of them."""
        return Sample(self.frame.of(rows), self.found[rows])


@dataclass
class Material:
    """All that a training reads of one version of a workspace.

    Attributes:
        workspace: Whose.
        reader: Of the version.
        begun: First event.
        as_of: The moment that is predicted from.
        whom: The users that are learned from.
        pair_whom: Those whose pairs are learned from.
    """

    workspace: Workspace
    reader: Reader
    begun: datetime
    as_of: datetime
    whom: Whom
    pair_whom: Whom
    things: Things = field(default_factory=lambda: Things((), (), False))
    _frames: dict[tuple[datetime, Whom], Frame] = field(default_factory=dict)
    _pairs: dict[datetime, tuple[Pairs, Column]] = field(default_factory=dict)

    def frame(self, moment: datetime, whom: Whom | None = None) -> Frame:
        """Features of the users that are learned from."""
        whom = whom or self.whom
        if (moment, whom) not in self._frames:
            self._read(moment, whom)
        return self._frames[moment, whom]

    def _read(self, moment: datetime, whom: Whom) -> None:
        """All frames of a moment at once: the profiles of everybody are held no longer than that."""
        given = profiles_as_of(self.workspace, moment)
        asked = dict.fromkeys((self.whom, self.pair_whom, whom))
        if moment == self.as_of:
            asked[Whom()] = None
        activity: Activity | None = None
        for one in asked:
            made = features.frame(self.workspace, self.reader, moment, self.begun, whom=one, profiles=given)
            if one == self.whom:
                activity = Activity.fit(made)
            self._frames[moment, one] = activity.columns(made) if activity else made

    def outcomes(self, moment: datetime, days: int) -> dict[str, Column]:
        """`n_lines`, `money`, `days_until` of the days after, in the users' order; NaN for nothing."""
        params = {"as_of": moment, "days": days, "below": self.whom.below}
        found = self.reader.table(features.query("user_outcomes"), params, limit_ms=None)
        return features.aligned(self.frame(moment).users, found)

    def sample(self, target: str, moment: datetime, days: int) -> Sample:
        """One of `TARGETS` at a moment."""
        given, came = self.frame(moment), self.outcomes(moment, days)
        bought = np.nan_to_num(came["n_lines"]) > 0
        if target == BUY:
            return Sample(given, bought.astype(np.float64))
        buyers = np.flatnonzero(given.columns["buying_days"] > 0)
        found = {
            CHURN: ~bought,
            SPEND: np.nan_to_num(came["money"]),
            NEXT: np.where(bought, came["days_until"], np.float32(AHEAD_DAYS)),
        }[target]
        return Sample(given, found.astype(np.float64)).of(buyers)

    def reached(self, channel: str, moment: datetime, days: int, *, contacted: bool) -> Sample:
        """Who came by a channel or answered through it; of the contacted alone where nobody comes by it."""
        params = {"as_of": moment, "days": days, "below": self.whom.below, "channel": channel}
        table = self.reader.table(features.query("channel_outcomes"), params, limit_ms=None)
        given = features.channel_frame(self.reader, self.frame(moment), channel, whom=self.whom)
        came = features.aligned(given.users, table)
        sample = Sample(given, np.nan_to_num(came["reached"]).astype(np.float64))
        return sample.of(np.flatnonzero(came["contacted"] > 0)) if contacted else sample

    def pairs(self, moment: datetime, days: int) -> tuple[Pairs, Column]:
        """Pairs of a moment and which of them came to a purchase in the days after."""
        if moment not in self._pairs:
            given = self.frame(moment, self.pair_whom)
            made = pairs(self.reader, self.things, given, whom=self.pair_whom)
            self._pairs[moment] = (
                made, pair_outcomes(self.reader, self.things, given, days, whom=self.pair_whom)
            )  # fmt: skip
        return self._pairs[moment]

    def let_go(self, kept: Iterable[datetime]) -> None:
        """Forget the pairs of all other moments."""
        wanted = set(kept)
        self._pairs = {moment: held for moment, held in self._pairs.items() if moment in wanted}


def halves(users: Column) -> Column:
    """Which of two halves each user belongs to, whatever else is drawn: by the parity of an MD5."""
    import hashlib

    def parity(user: str) -> bool:
        return hashlib.md5(user.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()[-1] % 2 == 0

    return np.fromiter((parity(str(user)) for user in users), bool, len(users))


@dataclass(frozen=True)
class Split:
    """What candidates are fitted to before one is chosen, and what chooses.

    Attributes:
        fit: Samples, the latest first.
        choose: A later window, or the other half of the users where the past holds no two windows.
    """

    fit: Sequence[Sample]
    choose: Sample


def split(plan: Plan, samples: dict[datetime, Sample]) -> Split:
    """The past of a plan, parted in two; nothing of the test windows is in either."""
    earlier, decides = plan.choice
    if decides is not None:
        return Split([samples[moment] for moment in earlier], samples[decides])
    parted = {moment: halves(samples[moment].frame.users) for moment in earlier}
    fit = [samples[moment].of(np.flatnonzero(~parted[moment])) for moment in earlier]
    return Split(fit, samples[earlier[0]].of(np.flatnonzero(parted[earlier[0]])))
