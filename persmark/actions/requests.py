"""What can be asked for: one frozen request per verb, JSON-able by `dataclasses.asdict`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from persmark.columns import PURCHASE


@dataclass(frozen=True)
class LoadSample:
    """Load the built-in sample, then build its profiles."""


@dataclass(frozen=True)
class LoadDemo:
    """Make the synthetic shop and magazine, load it, then build its profiles.

    Attributes:
        n_users: Invented users.
        seed: Same seed, same data.
    """

    n_users: int = 2000
    seed: int = 7


@dataclass(frozen=True)
class LoadFiles:
    """Load files one after the other.

    Attributes:
        paths: Where they lie.
        kind: events, items or users; guessed per file where left out.
        mapping: What the columns mean; proposed per file where left out.
        mapping_name: A saved mapping instead; where neither is given, the one saved for the file's shape.
        names: What people call them; the file names where left out.
        build_profiles: Build the profiles afterwards.
        delete_after: Remove the files once they are loaded (uploads).
        new_workspace: The workspace was made for these files, and goes again if nothing of them is loaded.
    """

    paths: tuple[str, ...]
    kind: str | None = None
    mapping: Mapping[str, Any] | None = None
    names: tuple[str, ...] = ()
    build_profiles: bool = True
    delete_after: bool = False
    new_workspace: bool = False
    mapping_name: str | None = None


@dataclass(frozen=True)
class UndoLoad:
    """Take the events of one source out again."""

    source_id: int


@dataclass(frozen=True)
class KeepApart:
    """Undo one merge: two user ids are two people from now on; see `persmark.events.keep_apart`."""

    one: str
    other: str


@dataclass(frozen=True)
class CheckQuality:
    """Look for what is odd about the events; see `persmark.events.quality`."""


@dataclass(frozen=True)
class SaveRule:
    """Save a quality rule, switched on; the events change with `ApplyRules`."""

    rule: Mapping[str, Any]


@dataclass(frozen=True)
class SwitchRule:
    """Switch a quality rule on or off; the events change with `ApplyRules`."""

    rule_id: int
    active: bool


@dataclass(frozen=True)
class ApplyRules:
    """Write the events anew under the rules that are switched on, check them, then build the profiles.

    Attributes:
        build_profiles: Build the profiles afterwards, where there are any.
    """

    build_profiles: bool = True


@dataclass(frozen=True)
class Compact:
    """Make one sorted base of the events again."""


@dataclass(frozen=True)
class BuildProfiles:
    """Bring the profiles to a time (ISO-8601 UTC), the last event's by default; only users whose
    events changed are counted anew where that can be told."""

    as_of: str | None = None


@dataclass(frozen=True)
class SaveSegment:
    """Save a rule under a name, as a new version where the name exists."""

    name: str
    rule: Mapping[str, Any]


@dataclass(frozen=True)
class DeleteSegment:
    """Put a saved segment away."""

    name: str


@dataclass(frozen=True)
class RestoreSegment:
    """Bring a segment that was put away back, or the rule of an older version into force again.

    Attributes:
        name: As it was saved.
        version: The version whose rule shall hold; None = the latest.
    """

    name: str
    version: int | None = None


@dataclass(frozen=True)
class UndoSegment:
    """Take back the last change of a segment: its deletion, or its last save."""

    name: str


@dataclass(frozen=True)
class DuplicateSegment:
    """Save a segment's rule under another name; a free one is found where none is given."""

    name: str
    new_name: str | None = None


@dataclass(frozen=True)
class ImportSegment:
    """Save the rule of a file; see `persmark.segments.import_segment`.

    Attributes:
        content: The file's text, JSON.
        name: What to save it as; the name in the file where left out.
    """

    content: str
    name: str | None = None


@dataclass(frozen=True)
class ExportSegment:
    """Write the users of a segment as CSV; see `persmark.segments.export_members`. `out` is a folder."""

    name: str
    out: str | None = None


@dataclass(frozen=True)
class TakeSnapshot:
    """Keep the profiles of another moment; see `persmark.segments.take_snapshot`.

    Attributes:
        as_of: ISO-8601, UTC.
        before_source: The number of an upload instead: as things stood before it.
    """

    as_of: str | None = None
    before_source: int | None = None


@dataclass(frozen=True)
class DropSnapshot:
    """Keep the profiles of a moment no longer."""

    snapshot_id: int


@dataclass(frozen=True)
class FindGroups:
    """Look for groups of users; see `persmark.segments.find_groups`."""

    families: tuple[str, ...] | None = None
    wanted: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class FindLookalikes:
    """Rank users by likeness to a segment, or to users by id; see `persmark.segments.find_lookalikes`."""

    segment: str | None = None
    rule: Mapping[str, Any] | None = None
    user_ids: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class SaveGroup:
    """Keep a found group's users as a segment."""

    run_id: str
    number: int
    name: str


@dataclass(frozen=True)
class SaveLookalikes:
    """Keep the first of a ranking of lookalikes as a segment."""

    run_id: str
    n_first: int
    name: str


@dataclass(frozen=True)
class Train:
    """Measure a recommender on the last window, train it on everything, keep the run.

    Attributes:
        recommender: Its name.
        settings: Name -> value; defaults for the rest.
        weights: Event type -> weight in place of the default; 0 leaves the type out.
        window_days: Learn from the last days only.
        label: What to call the run.
    """

    recommender: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    window_days: int | None = None
    label: str = ""


@dataclass(frozen=True)
class FindBest:
    """Measure recommenders within a time, train the best, publish it if it has earned that; see
    `persmark.recommend.FindBest`.

    Attributes:
        minutes: For everything.
        recommenders: Names; all where empty.
        settings: Recommender -> name -> value.
        weights: As in `Train`.
        window_days: As in `Train`.
        label: What to call the winner's run.
        resume: Go on where the same search stopped.
    """

    minutes: float = 10.0
    recommenders: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    window_days: int | None = None
    label: str = ""
    resume: bool = False


@dataclass(frozen=True)
class RenameRun:
    """Call a run something; "" takes the name away."""

    run_id: str
    label: str


@dataclass(frozen=True)
class PublishRun:
    """Make a run the one that slates use."""

    run_id: str


@dataclass(frozen=True)
class JudgeAttention:
    """Measure whether the attention weights of a run, the published one where left out, may be believed;
    see `persmark.attention.judge_run`."""

    run_id: str | None = None
    n_users: int = 200
    seed: int = 0


@dataclass(frozen=True)
class SummariseAttention:
    """Where a run looks over the users of some segments; everybody's where none is named. See
    `persmark.attention.summarise_users`."""

    run_id: str
    segments: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainPredictions:
    """Choose, judge and fit the profile models, and score everybody; see
    `persmark.profiles.predict.train_predictions`. The first run is published."""

    seed: int = 0


@dataclass(frozen=True)
class PublishPredictions:
    """Make a run of predictions the one that rules and pages use."""

    run_id: str


@dataclass(frozen=True)
class Evaluate:
    """Compare recommenders; see `persmark.recommend.EvaluateRequest`. Kept for the Leaderboard.

    `segments` names segments for a row of each; `weights` as in `Train`.
    """

    recommenders: tuple[str, ...] = ("popular", "repeat", "markov")
    split: str = "temporal"
    test_file: str | None = None
    test_days: int = 28
    target: str | None = PURCHASE
    min_item_events: int = 1
    k: int = 10
    repeats: str = "allowed"
    seed: int = 0
    segments: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    window_days: int | None = None
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class CreateAudience:
    """Choose users and withhold some at random; see `persmark.campaigns.create_audience`."""

    name: str
    segment: str | None = None
    item_id: str | None = None
    exclude_segments: tuple[str, ...] = ()
    limit: int | None = None
    holdout_share: float = 0.10
    seed: int = 1
    only_granted: bool = False


@dataclass(frozen=True)
class ExportAudience:
    """Write a target list; see `persmark.campaigns.export`. `out` is a folder."""

    audience: str
    destination: str = "csv"
    out: str | None = None
    k_items: int = 3


Request = (
    LoadSample
    | LoadDemo
    | LoadFiles
    | UndoLoad
    | CheckQuality
    | SaveRule
    | SwitchRule
    | ApplyRules
    | KeepApart
    | Compact
    | BuildProfiles
    | SaveSegment
    | DeleteSegment
    | RestoreSegment
    | UndoSegment
    | DuplicateSegment
    | ImportSegment
    | ExportSegment
    | TakeSnapshot
    | DropSnapshot
    | FindGroups
    | FindLookalikes
    | SaveGroup
    | SaveLookalikes
    | Train
    | FindBest
    | RenameRun
    | JudgeAttention
    | SummariseAttention
    | TrainPredictions
    | PublishPredictions
    | PublishRun
    | Evaluate
    | CreateAudience
    | ExportAudience
)
