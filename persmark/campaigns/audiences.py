"""Audiences: chosen once, split once into target and holdout, never drawn again."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from persmark.errors import FileRefusedError, NotFoundError
from persmark.experiments import minimum_detectable_difference
from persmark.privacy import MINIMUM_GROUP_SIZE, consents
from persmark.privacy.consent import DENIED, GRANTED
from persmark.store import Workspace
from persmark.text import Text, text

EMAIL = "email"  # the purpose whose denial keeps a user out of a target list
# The base rate that the detectable difference is told against: a purchase within so many days.
BASE_DAYS = 28
# Ad platforms accept no shorter list (Google Customer Match and Meta: 100; pages of 2025).
PLATFORM_MINIMUM = 100


@dataclass(frozen=True)
class Audience:
    """Users chosen for a campaign, with the share of them that is withheld.

    Args:
        audience_id: Its number in the workspace.
        name: What people call it; unique.
        definition: How it was chosen: `segment`, `rule`, `item_id`, `exclude_segments`, `limit`,
            `n_matching`, `n_denied` and `n_undecided_left_out` (left out for want of consent),
            `n_undecided` (in the target list without a yes or no), `only_granted`, `consent_known`,
            `n_drawn` of `n_equal` (users whom the recommender could not tell apart, where the limit
            fell among them), `base_rate`, `as_of`, `data_versions`, `recommender`, `run_id`.
        share: Asked for as holdout.
        seed: Of the draw.
        n_target: Users to be contacted.
        n_holdout: Users withheld.
        file: The arm file, below the workspace's folder.
        sha256: Of the arm file.
        created_at: ISO-8601 UTC.
    """

    audience_id: int
    name: str
    definition: Mapping[str, Any]
    share: float
    seed: int
    n_target: int
    n_holdout: int
    file: str
    sha256: str
    created_at: str

    @property
    def n_users(self) -> int:
        """Target and holdout together."""
        return self.n_target + self.n_holdout

    @property
    def minimum_detectable_difference(self) -> float | None:
        """Smallest rise of the base rate that 80% power would show; None where none would."""
        base = self.definition.get("base_rate")
        if base is None or not (self.n_target and self.n_holdout):
            return None
        return minimum_detectable_difference(self.n_target, self.n_holdout, base)

    @property
    def notes(self) -> tuple[Text, ...]:
        """What a reader should know about how it was chosen."""
        held = self.definition
        said = [
            text("{n} users in the target list, {m} withheld at random (seed {seed}).",
                 n=self.n_target, m=self.n_holdout, seed=str(self.seed))
        ]  # fmt: skip
        if not held.get("consent_known"):
            said.append(text("This workspace has no e-mail consents: nobody was left out for want of one."))
        else:
            said += self._consent_notes()
        allowed = held["n_matching"] - held["n_denied"] - held.get("n_undecided_left_out", 0)
        if held.get("limit") and allowed > held["limit"]:
            said.append(
                text("The {n} who would like the item most, of {total}.", n=held["limit"], total=allowed)
                if held.get("item_id")
                else text("{n} of {total} users, drawn at random.", n=held["limit"], total=allowed)
            )
        if held.get("n_drawn"):
            said.append(
                text("'{name}' cannot tell {m} users apart: {n} of them were drawn at random.",
                     name=held["recommender"], n=held["n_drawn"], m=held["n_equal"])
            )  # fmt: skip
        found = self.minimum_detectable_difference
        if found is not None:
            said.append(
                text(
                    "{base}% bought within {days} days; a rise of at least {points} percentage points"
                    " would be noticed in 80% of tries.",
                    base=100 * held["base_rate"], days=BASE_DAYS, points=100 * found,
                )
            )  # fmt: skip
        return tuple(said)

    def _consent_notes(self) -> list[Text]:
        held, said = self.definition, []
        if held.get("n_denied"):
            said.append(text("{n} users were left out: they denied e-mail.", n=held["n_denied"]))
        if held.get("n_undecided_left_out"):
            said.append(
                text("{n} users were left out: they have not said yes or no to e-mail.",
                     n=held["n_undecided_left_out"])
            )  # fmt: skip
        if held.get("n_undecided"):
            said.append(undecided_note(held["n_undecided"], self.n_target))
        return said

    @property
    def warnings(self) -> tuple[Text, ...]:
        """What is likely to go wrong with it."""
        said: list[Text] = []
        if self.n_users < MINIMUM_GROUP_SIZE:
            said.append(
                text(
                    "Fewer than {n} users: figures about them could point at a person.", n=MINIMUM_GROUP_SIZE
                )
            )
        if self.n_target < PLATFORM_MINIMUM:
            said.append(
                text("Ad platforms accept no list under {n} users; this one has {m}.",
                     n=PLATFORM_MINIMUM, m=self.n_target)
            )  # fmt: skip
        if not self.n_holdout:
            said.append(text("Nobody is withheld: the campaign's effect can never be measured."))
        elif self.definition.get("base_rate") is not None:
            found, base = self.minimum_detectable_difference, self.definition["base_rate"]
            if found is None:
                said.append(text("The holdout of {n} is too small to notice any effect.", n=self.n_holdout))
            elif found > base:
                said.append(
                    text("The holdout of {n} is small: only more than a doubling would be noticed.",
                         n=self.n_holdout)
                )  # fmt: skip
        return tuple(said)

    def to_json(self, language: str = "en") -> dict[str, Any]:
        """The document that `audience --json` prints."""
        return {
            "audience": self.name,
            "audience_id": self.audience_id,
            "segment": self.definition.get("segment"),
            "item_id": self.definition.get("item_id"),
            "n_users": self.n_users,
            "n_target": self.n_target,
            "n_holdout": self.n_holdout,
            "holdout_share": self.share,
            "seed": self.seed,
            "n_denied": self.definition.get("n_denied"),
            "n_undecided": self.definition.get("n_undecided"),
            "only_granted": self.definition.get("only_granted", False),
            "minimum_detectable_difference": self.minimum_detectable_difference,
            "arm_file": self.file,
            "sha256": self.sha256,
            "created_at": self.created_at,
            "notes": [note.render(language) for note in self.notes],
            "warnings": [warning.render(language) for warning in self.warnings],
        }


def list_audiences(workspace: Workspace) -> list[Audience]:
    """All audiences, the latest first."""
    holdouts = {row["audience_id"]: row for row in workspace.state.rows("holdouts")}
    rows = workspace.state.rows("audiences", order="audience_id DESC")
    return [_audience(row, holdouts[row["audience_id"]]) for row in rows]


def audience(workspace: Workspace, name: str) -> Audience:
    """One audience by its name.

    Raises:
        NotFoundError: There is none; the hint lists the latest.
    """
    rows = workspace.state.rows("audiences", {"name": plain_name(name)})
    if not rows:
        there = ", ".join(one.name for one in list_audiences(workspace)[:10]) or "none yet"
        raise NotFoundError(
            text("Audience '{name}' must exist. Received: {name}.", name=name),
            title="No such audience",
            hint=text("Available: {names}.", names=there),
        )
    (holdout,) = workspace.state.rows("holdouts", {"audience_id": rows[0]["audience_id"]})
    return _audience(rows[0], holdout)


def arms(workspace: Workspace, audience: Audience) -> pa.Table:
    """Who is in which arm: `user_id`, `arm`, by user.

    Raises:
        FileRefusedError: The arm file is gone, or not the one that was drawn.
    """
    path = workspace.folder / audience.file
    if not path.is_file() or sha256_of(path) != audience.sha256:
        raise FileRefusedError(
            text("The arms of '{name}' must be as they were drawn. Received: a file that is gone or changed.",
                 name=audience.name),
            title="Arms changed",
            hint="Restore the file from a backup; drawing again would break the experiment.",
        )  # fmt: skip
    return pq.read_table(path)


@dataclass(frozen=True)
class EmailConsent:
    """Who said yes or no to e-mail.

    Args:
        granted: Users who said yes.
        denied: Users who said no.
        known: Whether the workspace knows of anybody's consent at all.
    """

    granted: frozenset[str]
    denied: frozenset[str]
    known: bool

    def n_undecided(self, users: Iterable[str]) -> int | None:
        """Users who said neither; None where no consents are known."""
        if not self.known:
            return None
        return sum(user not in self.granted and user not in self.denied for user in users)


def email_consent(workspace: Workspace) -> EmailConsent:
    """Consent to e-mail as it stands now.

    A person of several user ids said what any of them said, and no where one of them said no.
    """
    asked = consents(workspace.state, EMAIL)
    said = list(zip(asked["user_id"].to_pylist(), asked["state"].to_pylist(), strict=True))
    if said:
        with workspace.reader() as reader:
            named = dict(reader.rows("SELECT source_user_id, user_id FROM identities", limit_ms=None))
        said = [(named.get(user, user), state) for user, state in said]
    denied = frozenset(user for user, state in said if state == DENIED)
    return EmailConsent(
        granted=frozenset(user for user, state in said if state == GRANTED) - denied,
        denied=denied,
        known=bool(said),
    )


def undecided_note(n: int, total: int) -> Text:
    """Who is contacted without having been asked."""
    return text("{n} of {total} have not said yes or no to e-mail; they are on the list.", n=n, total=total)


def sha256_of(path: Path) -> str:
    """Lower-case hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def plain_name(name: str) -> str:
    """A name as it is kept: composed Unicode, no outer blanks."""
    return unicodedata.normalize("NFC", name).strip()


def _audience(row: Mapping[str, Any], holdout: Mapping[str, Any]) -> Audience:
    return Audience(
        audience_id=row["audience_id"],
        name=row["name"],
        definition=json.loads(row["definition"]),
        share=holdout["share"],
        seed=holdout["seed"],
        n_target=holdout["n_target"],
        n_holdout=holdout["n_holdout"],
        file=holdout["file"],
        sha256=holdout["sha256"],
        created_at=row["created_at"],
    )
