"""The build: fixed SQL steps over the events, one published table."""

from __future__ import annotations

import re
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from persmark.errors import EmptyError
from persmark.jobs import OnProgress
from persmark.profiles import attention
from persmark.profiles.catalogue import ATTRIBUTE_PREFIX, FEATURES, LIFECYCLE, RFM_SEGMENTS
from persmark.profiles.look import bins_sql
from persmark.profiles.touched import find_touched, recipe, up_to_date
from persmark.settings import ProfileSettings, settings
from persmark.store import Reader, Workspace, Writer, quoted, read_sql
from persmark.text import text

if TYPE_CHECKING:
    import pyarrow as pa

# Steps of several statements, see persmark.profiles.attention.
_WALK, _SPREAD = "walk", "spread"

# File -> what a person reads while it runs, and its part of the whole work.
STEPS: tuple[tuple[str, str, float], ...] = (
    ("base", "Counting each user's events", 0.1),
    ("given_back", "Netting refunds off", 0.01),
    ("orders", "Finding orders", 0.02),
    ("buying", "Measuring gaps between purchases", 0.02),
    ("bought_items", "Counting items", 0.01),
    ("ended_sessions", "Counting sessions", 0.01),
    ("item_numbers", "Reading the catalogue", 0.01),
    ("channel_numbers", "Reading channels", 0.01),
    ("order_items", "Telling new items from known ones", 0.01),
    ("contacts", "Looking for answers to contacts", 0.01),
    (_WALK, "Weighing events by age", 0.16),
    ("dwelt", "Adding up dwell", 0.02),
    (_SPREAD, "Spreading attention over categories, brands, channels and hours", 0.4),
    ("counted", "Putting each user's facts together", 0.0),
)
# After `facts` or `facts_refreshed` has put the facts of all users together.
LAST_STEPS: tuple[tuple[str, str, float], ...] = (
    ("recent_contacts", "Counting recent contacts", 0.01),
    ("recent_orders", "Counting recent orders", 0.01),
    ("recent", "Comparing the last days with those before", 0.03),
    ("price_levels", "Comparing prices", 0.01),
    ("scores", "Scoring recency, frequency and money", 0.02),
    ("profiles", "Writing profiles", 0.14),
)
AROUND = ("seen", "seen_touched", "facts", "facts_refreshed", *attention.STEPS)
RECIPE = (*AROUND, *(name for name, _, _ in (*STEPS, *LAST_STEPS) if name not in (_WALK, _SPREAD)))

# Features whose histograms are published, so that a page draws them without a scan.
HISTOGRAMS = (
    "recency_days", "frequency", "monetary", "average_order_value", "n_events", "n_sessions",
    "mean_gap_days", "tenure_days", "inactive_days", "n_items",
)  # fmt: skip
NAMES = (
    "rfm_segment",
    "lifecycle",
    "top_category_1",
    "favourite_brand",
    "favourite_channel",
    "favourite_daypart",
)
N_BINS = 20


@dataclass(frozen=True)
class ProfilesBuilt:
    """What a build published.

    Attributes:
        n_users: Users with at least one event up to `as_of`.
        as_of: UTC without zone.
        seconds: Wall clock of the build.
        n_refreshed: Of those, users that were counted from their events; the others were carried on.
    """

    n_users: int
    as_of: datetime
    seconds: float
    n_refreshed: int


def _utc(moment: datetime) -> datetime:
    """Without zone, in UTC; a moment without zone is taken as UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def attribute_columns(keys: list[str]) -> dict[str, str]:
    """Column name -> key: lower case, everything but letters and digits `_`, doubles numbered.

    >>> attribute_columns(["Age Group", "age-group"])
    {'attribute_age_group': 'Age Group', 'attribute_age_group_2': 'age-group'}
    """
    columns: dict[str, str] = {}
    for key in keys:
        plain = re.sub(r"\W+", "_", key.lower()).strip("_")[:48] or "unnamed"
        name, count = f"{ATTRIBUTE_PREFIX}{plain}", 1
        while name in columns:
            count += 1
            name = f"{ATTRIBUTE_PREFIX}{plain}_{count}"
        columns[name] = key
    return columns


def _attributes(writer: Writer, most: int) -> dict[str, str]:
    """Spread the users' JSON into the temporary table `attribute_values`; returns column -> key."""
    found = writer.rows(read_sql("persmark.profiles", "attribute_keys"), {"max_attributes": most})
    columns = attribute_columns([row[0] for row in found])
    # JSON pointers take any key: only ~ and / need an escape.
    pointers = {
        f"key_{number}": "/" + key.replace("~", "~0").replace("/", "~1")
        for number, key in enumerate(columns.values())
    }
    values = "".join(
        f", min(CASE WHEN json_valid(attributes) THEN json_extract_string(attributes, ${hole}) END)"
        f" AS {quoted(column)}"
        for hole, column in zip(pointers, columns, strict=True)
    )
    writer.run(
        f"CREATE TEMP TABLE attribute_values AS SELECT user_id{values} FROM users GROUP BY user_id", pointers
    )
    return columns


def _params(sql: str, values: dict[str, Any]) -> dict[str, Any]:
    """The values a statement has holes for."""
    return {name: value for name, value in values.items() if re.search(rf"\${name}\b", sql)}


def _run(writer: Writer, name: str, values: dict[str, Any]) -> None:
    sql = read_sql("persmark.profiles", name)
    writer.run(sql, _params(sql, values))


def _bins(reader: Reader, feature: str) -> list[dict[str, Any]]:
    sql, params = bins_sql(feature, FEATURES[feature].dtype, N_BINS, table="out.profiles")
    return [
        {"bin": bin_, "value": value, "low": low, "high": high, "n_users": n_users}
        for bin_, value, low, high, n_users in reader.rows(sql, params)
    ]


def _stats(writer: Writer, chosen: ProfileSettings, facts: dict[str, Any]) -> dict[str, Any]:
    groups = {}
    for column, known in (("rfm_segment", RFM_SEGMENTS), ("lifecycle", LIFECYCLE)):
        rows = writer.rows(f"SELECT {column}, count(*) FROM out.profiles GROUP BY {column}")
        counted = dict(rows)
        groups[column] = {group.name: int(counted.get(group.name, 0)) for group in known}
    return {
        **facts,
        "settings": asdict(chosen),
        "recipe": recipe(RECIPE),
        **groups,
        "features": {name: _bins(writer, name) for name in (*HISTOGRAMS, *NAMES)},
    }


def build_profiles(
    workspace: Workspace,
    *,
    as_of: datetime | None = None,
    actor: str,
    on_progress: OnProgress | None = None,
) -> ProfilesBuilt:
    """Work out one row per user and publish it as table `profiles`.

    Only events up to `as_of` are looked at, so that a profile of the past knows nothing of its
    future. Columns: see `FEATURES`.

    Args:
        workspace: Whose events.
        as_of: The moment the profiles describe, UTC; the last event's time by default.
        actor: Who asked, for the audit.
        on_progress: Called with the fraction done and what is being done.

    Raises:
        EmptyError: There are no events, or none up to `as_of`.
    """
    return _publish(workspace, as_of, actor, on_progress, whole=True)


def refresh_profiles(
    workspace: Workspace,
    *,
    as_of: datetime | None = None,
    actor: str,
    on_progress: OnProgress | None = None,
) -> ProfilesBuilt:
    """Bring the published profiles up to now, counting only the users anew whose events changed.

    The result is that of `build_profiles` at the same moment. What is counted from events stays true
    of a user without new ones; what depends on the moment (days since, contacts of the last days,
    lifecycle) or on the others (scores) follows from published facts and is worked out for everybody.
    Where nothing changed, nothing is published. Where the change cannot be told from the published
    files (see `find_touched`), all profiles are built.

    Args:
        workspace: Whose events.
        as_of: The moment the profiles describe, UTC; the last event's time by default.
        actor: Who asked, for the audit.
        on_progress: Called with the fraction done and what is being done.

    Raises:
        EmptyError: There are no events, or none up to `as_of`.
    """
    return _publish(workspace, as_of, actor, on_progress, whole=False)


def making() -> dict[str, Any]:
    """The digest of the statements (`recipe`) and the `settings` in force, which profiles are made by."""
    return {"recipe": recipe(RECIPE), "settings": asdict(settings().profiles)}


def outdated(workspace: Workspace) -> bool:
    """Whether the published profiles were made by other statements or settings than those in force."""
    made = workspace.stats("profiles")
    return bool(made) and any(made.get(name) != value for name, value in making().items())


def profiles_as_of(
    workspace: Workspace,
    as_of: datetime,
    *,
    up_to_source: int | None = None,
    on_progress: OnProgress | None = None,
) -> pa.Table:
    """One row per user as of another moment, or of the first sources alone; nothing is published.

    Stands beside the published profiles: no lock is taken, and the work lies in a file that is thrown
    away. The catalogue and the users' attributes are those of today, as they carry no time.

    Args:
        workspace: Whose events.
        as_of: The moment the profiles describe, UTC.
        up_to_source: Only events of sources with at most this number count; None = of all.
        on_progress: Called with the fraction done and what is being done.

    Returns:
        The columns of `profiles`, sorted by `user_id`.

    Raises:
        EmptyError: There are no such events up to `as_of`.
    """
    with workspace.scratch("profiles") as writer:
        _make(writer, _utc(as_of), settings().profiles, up_to_source=up_to_source, on_progress=on_progress)
        return writer.table("SELECT * FROM out.profiles ORDER BY user_id")


def _publish(
    workspace: Workspace, as_of: datetime | None, actor: str, on_progress: OnProgress | None, *, whole: bool
) -> ProfilesBuilt:
    began = time.monotonic()
    chosen = settings().profiles
    with workspace.write("profiles") as writer:
        newest = writer.value("SELECT max(event_time) FROM events")
        if newest is None:
            raise EmptyError(text("Profiles need events. Received: a workspace without any."),
                             title="No events yet", hint="Load events first.")  # fmt: skip
        moment = _utc(as_of) if as_of else newest
        if not whole and up_to_date(writer, moment, chosen, recipe(RECIPE)):
            writer.discarded = True
            n_users, n_refreshed = int(writer.manifest.group("profiles").stats["n_users"]), 0
        else:
            refreshing = not whole and find_touched(writer, moment, chosen, recipe(RECIPE))
            attributes, n_users, n_refreshed = _make(
                writer, moment, chosen, refreshing=refreshing, on_progress=on_progress
            )
            facts = {
                "n_users": n_users,
                "n_refreshed": n_refreshed,
                "as_of": moment.isoformat(),
                "newest_event_time": newest.isoformat(),
                "attributes": attributes,
            }
            writer.stats.update(_stats(writer, chosen, facts))
    built = ProfilesBuilt(n_users, moment, round(time.monotonic() - began, 3), n_refreshed)
    workspace.audit(
        actor,
        "build profiles",
        {"as_of": moment.isoformat()},
        {"n_users": n_users, "n_refreshed": n_refreshed, "seconds": built.seconds},
    )
    if on_progress:
        on_progress(1.0, text("{n} profiles, {m} of them counted anew", n=n_users, m=n_refreshed))
    return built


def _make(
    writer: Writer,
    moment: datetime,
    chosen: ProfileSettings,
    *,
    refreshing: bool = False,
    up_to_source: int | None = None,
    on_progress: OnProgress | None = None,
) -> tuple[dict[str, str], int, int]:
    """Fill the tables; returns the attributes' columns, all users and those counted from events."""
    values = {
        "as_of": moment,
        "up_to_source": up_to_source,
        "session_gap_minutes": settings().events.session_gap_minutes,
        **asdict(chosen),
    }
    steps = (*STEPS, *LAST_STEPS)
    if on_progress:
        on_progress = writer.watch(on_progress, list(accumulate(part for _, _, part in steps)))
        on_progress(0.0, text("Looking for what changed") if refreshing else text("Reading users"))
    attributes = _attributes(writer, chosen.max_attributes)
    if up_to_source is None:
        writer.run(read_sql("persmark.profiles", "seen_touched" if refreshing else "seen"))
    else:
        _run(writer, "seen_sources", values)
        _run(writer, "seen_sources_sessions", values)
    done, n_counted = 0.0, 0
    for name, doing, part in steps:
        if on_progress:
            on_progress(done, text(doing))
        if name == _WALK:
            found = _params(read_sql("persmark.profiles", "touches"), values)
            one_file = len(writer.manifest.group("events").files) == 1
            in_order = one_file and not refreshing and up_to_source is None
            attention.walk(writer, found, in_order=in_order)
        elif name == _SPREAD:
            for spread in attention.spread(writer, n_counted, refreshing=refreshing):
                if on_progress:
                    on_progress(done + part * spread, text(doing))
        else:
            _run(writer, name, values)
        done += part
        if name == "base":
            n_counted = int(writer.rows("SELECT count(*) FROM base")[0][0])
            if not n_counted and not refreshing:
                raise EmptyError(
                    text("Profiles need an event up to {as_of}. Received: only later ones.", as_of=moment),
                    title="No events by then", hint="Choose a later moment.",
                )  # fmt: skip
        if name == "counted":
            _gather(writer, refreshing=refreshing)
    (n_users,) = writer.rows("SELECT count(*) FROM out.profiles")[0]
    return attributes, int(n_users), n_counted


def _gather(writer: Writer, *, refreshing: bool) -> None:
    """The facts of all users: counted now, or published before."""
    if not refreshing:
        writer.run(read_sql("persmark.profiles", "facts"))
        return
    stored = ", ".join(quoted(row[0]) for row in writer.rows("DESCRIBE counted"))
    writer.run(read_sql("persmark.profiles", "facts_refreshed").replace('"stored"', stored))
