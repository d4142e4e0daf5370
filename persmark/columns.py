"""Every table and column name of a workspace, once, with its DuckDB type.

`TABLES` holds the DuckDB tables by group (one immutable file set per group); `STATE_TABLES` the
SQLite ones. Times are UTC without zone; ids are text; money is `DECIMAL(18,4)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

USER_ID = "user_id"
ITEM_ID = "item_id"
EVENT_TIME = "event_time"
EVENT_TYPE = "event_type"
SCORE = "score"
RANK = "rank"

# The vocabulary of behaviours; others are kept as they are.
PURCHASE = "purchase"
REFUND = "refund"
VIEW = "view"
CLICK = "click"
CART = "cart"
SEARCH = "search"
IMPRESSION = "impression"
CAMPAIGN_RECEIVED = "campaign_received"
COUPON_REDEEMED = "coupon_redeemed"
LIKE = "like"
FOLLOW = "follow"
SHARE = "share"
WISHLIST = "wishlist"
REMOVE_FROM_CART = "remove_from_cart"
CHECKOUT = "checkout"
SIGNUP = "signup"
RATING = "rating"
EVENT_TYPES = (
    VIEW, CLICK, CART, PURCHASE, REFUND, SEARCH, IMPRESSION, CAMPAIGN_RECEIVED, COUPON_REDEEMED,
    LIKE, FOLLOW, SHARE, WISHLIST, REMOVE_FROM_CART, CHECKOUT, SIGNUP, RATING,
)  # fmt: skip

PRODUCT, AD, CONTENT = "product", "ad", "content"
KINDS = (PRODUCT, AD, CONTENT)

MONEY = "DECIMAL(18,4)"
MONEY_SUM = "DECIMAL(38,4)"  # of any number of amounts

# One row per behaviour, sorted by user, then time.
_EVENT: Mapping[str, str] = MappingProxyType({
    "user_id": "VARCHAR",
    "item_id": "VARCHAR",
    "event_type": "VARCHAR",
    "event_time": "TIMESTAMP",  # UTC, whole seconds
    "value": MONEY,  # money of the line; negative for refunds
    "currency": "VARCHAR",
    "quantity": MONEY,
    "discount": MONEY,  # money off, positive
    "order_id": "VARCHAR",
    "channel": "VARCHAR",
    "campaign_id": "VARCHAR",
    "event_id": "VARCHAR",  # the source's own id, where it has one
    "properties": "VARCHAR",  # JSON object of what has no column
    "local_date": "DATE",  # in the workspace's time zone
    "local_hour": "INTEGER",  # 0 to 23
    "source_id": "INTEGER",
    "repeat_no": "INTEGER",  # 0 for the first of identical rows, then 1, 2, ...
    "by_rule": "INTEGER",  # 0 as it came, else the quality rule that changed it last
})  # fmt: skip

GROUPS: Mapping[str, Mapping[str, Mapping[str, str]]] = MappingProxyType({
    "events": {
        "events": _EVENT,
        # Events as they came that a quality rule changed or took out; `by_rule` says which did it first.
        "originals": _EVENT,
        # Rows of a later file that stood already: what an undo of the earlier file brings back.
        "echoes": _EVENT,
        # Gap-bounded runs of events; a delta holds all sessions of the users it touches.
        "sessions": {
            "user_id": "VARCHAR",
            "session_no": "INTEGER",  # from 1, in time
            "started_at": "TIMESTAMP",
            "ended_at": "TIMESTAMP",
            "n_events": "INTEGER",
            "n_own_events": "INTEGER",  # without what was done to the user: a mailing, an impression
        },
        # Additive counts, so that a page never scans events.
        "event_counts": {
            "local_date": "DATE",
            "local_hour": "INTEGER",
            "event_type": "VARCHAR",
            "source_id": "INTEGER",
            "n_events": "BIGINT",
            "value": MONEY_SUM,
        },
        # What links a user id of a source to other ids; the value itself stays in the vault.
        "identity_keys": {
            "source_user_id": "VARCHAR",
            "key": "VARCHAR",  # email, phone, device or user_id
            "digest": "VARCHAR",  # keyed pseudonym of the value
            "source_id": "INTEGER",
        },
        "identities": {
            "source_user_id": "VARCHAR",
            "user_id": "VARCHAR",
            "source_id": "INTEGER",
            "reason": "VARCHAR",
        },
        # What was shown where, with the probability that it was.
        "exposures": {
            "user_id": "VARCHAR",
            "item_id": "VARCHAR",
            "exposure_time": "TIMESTAMP",
            "slot": "VARCHAR",
            "position": "INTEGER",  # from 1
            "probability": "DOUBLE",  # of showing this item in this slot, 0 to 1
            "campaign_id": "VARCHAR",
            "clicked": "BOOLEAN",
        },
        "outcomes": {
            "campaign_id": "VARCHAR",
            "user_id": "VARCHAR",
            "arm": "VARCHAR",  # 'target' or 'holdout'
            "converted": "BOOLEAN",
            "value": MONEY,
        },
    },
    "catalogue": {
        "items": {
            "item_id": "VARCHAR",
            "kind": "VARCHAR",  # product, ad or content
            "title": "VARCHAR",
            "category_path": "VARCHAR",  # levels joined by ' / '
            "category": "VARCHAR",  # the level that profiles and charts speak of
            "brand": "VARCHAR",
            "price": MONEY,
            "currency": "VARCHAR",
            "text": "VARCHAR",
            "image": "VARCHAR",
            "attributes": "VARCHAR",  # JSON object
        },
        # Which ad (coupon, banner, mailer placement) covers which item, and when.
        "item_offers": {
            "offer_id": "VARCHAR",  # item_id of the ad; NULL for a plain placement
            "item_id": "VARCHAR",  # the covered item
            "campaign_id": "VARCHAR",
            "channel": "VARCHAR",  # coupon, mailer, display, ad, ...
            "location": "VARCHAR",
            "starts_on": "DATE",
            "ends_on": "DATE",  # inclusive
            "n_places": "INTEGER",  # shops or slots that carry it
        },
        "users": {
            "user_id": "VARCHAR",
            "attributes": "VARCHAR",  # JSON object of text values
        },
    },
    # Wide; its columns are the feature catalogue of persmark.profiles.
    "profiles": {
        "profiles": {
            "user_id": "VARCHAR",
            "as_of": "TIMESTAMP",
        },
        # What a later build needs of the contacts so far, to count those of its own last days.
        "recent_contacts": {
            "user_id": "VARCHAR",
            "event_time": "TIMESTAMP",
            "answered": "BOOLEAN",  # whether the user came by afterwards
        },
        # The same of the orders so far.
        "recent_orders": {
            "user_id": "VARCHAR",
            "bought_at": "TIMESTAMP",
        },
        # What the view `attention` is made of: ids and names as numbers, shares in whole billionths.
        "attention_users": {
            "user_no": "INTEGER",
            "user_id": "VARCHAR",
        },
        "attention_names": {
            "name_no": "INTEGER",
            "dimension": "VARCHAR",
            "name": "VARCHAR",
        },
        "attention_rows": {
            "user_no": "INTEGER",
            "name_no": "INTEGER",
            "n_events": "INTEGER",
            "attention_billionths": "INTEGER",
            "dwell_billionths": "INTEGER",
            "spend_billionths": "INTEGER",
        },
    },
    # Lists of users that no rule can say: found groups, lookalikes. A rebuild of profiles keeps them.
    "segments": {
        "segment_members": {
            "segment": "VARCHAR",  # name of the list
            "user_id": "VARCHAR",
        },
    },
    # Profiles as of other moments, kept to see who moved; each with the columns it was made with.
    "snapshots": {
        "snapshots": {
            "snapshot_id": "INTEGER",
            "user_id": "VARCHAR",
            "as_of": "TIMESTAMP",
        },
    },
    "scores": {
        "predictions": {
            "user_id": "VARCHAR",
            "target": "VARCHAR",
            "score": "DOUBLE",
            "run_id": "VARCHAR",
            "low": "DOUBLE",  # of an interval that was checked on a later window; NULL without one
            "high": "DOUBLE",
        },
        # What the published predictions were worked out from: wide, one row per user, sorted by user.
        "prediction_inputs": {
            "user_id": "VARCHAR",
        },
        "slates": {
            "slate_id": "VARCHAR",
            "user_id": "VARCHAR",
            "kind": "VARCHAR",
            "rank": "INTEGER",  # from 1
            "item_id": "VARCHAR",
            "score": "DOUBLE",
            "run_id": "VARCHAR",
        },
    },
})  # fmt: skip

TABLES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {table: columns for tables in GROUPS.values() for table, columns in tables.items()}
)
GROUP_OF: Mapping[str, str] = MappingProxyType(
    {table: group for group, tables in GROUPS.items() for table in tables}
)

# What readers see beside the tables; a view holds nothing of its own.
VIEWS: Mapping[str, str] = MappingProxyType({
    # How each user's own events spread over what they touch: n_events, and the shares of decayed
    # events, of dwell and of spend, each summing to 1 per user and dimension (category, brand, channel,
    # daypart). NULL without dwell, without spend.
    "attention": """
        SELECT
            u.user_id,
            n.dimension,
            n.name,
            r.n_events,
            CAST(r.attention_billionths AS DOUBLE) / 1000000000.0 AS attention_share,
            CAST(r.dwell_billionths AS DOUBLE) / 1000000000.0 AS dwell_share,
            CAST(r.spend_billionths AS DOUBLE) / 1000000000.0 AS spend_share
        FROM attention_rows AS r
        INNER JOIN attention_users AS u ON u.user_no = r.user_no
        INNER JOIN attention_names AS n ON n.name_no = r.name_no
    """,
})  # fmt: skip

# Small, transactional state. Types are SQLite's; times are ISO-8601 UTC text, JSON is text.
STATE_TABLES: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "workspace": {
        "id": "INTEGER PRIMARY KEY CHECK (id = 1)",
        "label": "TEXT NOT NULL",
        "kind": "TEXT NOT NULL",  # sample, demo or own
        "time_zone": "TEXT NOT NULL",
        "created_at": "TEXT NOT NULL",
    },
    "sources": {
        "source_id": "INTEGER PRIMARY KEY",
        "name": "TEXT NOT NULL",
        "kind": "TEXT NOT NULL",  # events, items or users
        "sha256": "TEXT NOT NULL",
        "mapping": "TEXT NOT NULL",
        "rows_in": "INTEGER NOT NULL",
        "loaded": "INTEGER NOT NULL",
        "duplicate": "INTEGER NOT NULL",
        "rejected": "INTEGER NOT NULL",
        "skipped": "INTEGER NOT NULL",
        # Events that its loaded records hold: more than those where a record lists several.
        "n_events": "INTEGER",
        "repeated": "INTEGER NOT NULL",  # kept, but identical to an earlier row of the same file
        "state": "TEXT NOT NULL",  # pending, loaded, undone or failed
        "seconds": "REAL NOT NULL",
        "loaded_at": "TEXT NOT NULL",
        "by_reason": "TEXT",  # JSON: reason code -> rejected rows
        "skipped_by_reason": "TEXT",  # JSON, as by_reason
        "questions": "TEXT",  # JSON: what was assumed, in words
        "form": "TEXT",  # JSON: how the file was read, for corrections of its rejected rows
        "corrects": "INTEGER",  # the source whose rejected rows it brings back fixed
        "read_as": "TEXT",  # the saved mapping it was read with
    },
    "rejects": {
        "source_id": "INTEGER NOT NULL",
        "line": "INTEGER NOT NULL",  # from 1, of the file as it came
        "reason": "TEXT NOT NULL",
        "detail": "TEXT NOT NULL",
        "raw": "BLOB NOT NULL",  # encrypted
    },
    "mappings": {
        "name": "TEXT PRIMARY KEY",
        "shape": "TEXT NOT NULL",  # the header it fits, as JSON
        "mapping": "TEXT NOT NULL",
        "saved_at": "TEXT NOT NULL",
    },
    "quality_rules": {
        "rule_id": "INTEGER PRIMARY KEY",
        "rule": "TEXT NOT NULL",
        "active": "INTEGER NOT NULL",
        "saved_at": "TEXT NOT NULL",
    },
    # What the last look at the data found; one row.
    "quality_findings": {
        "events": "INTEGER NOT NULL",  # content versions of the groups that were looked at
        "catalogue": "INTEGER NOT NULL",
        "findings": "TEXT NOT NULL",
        "checked_at": "TEXT NOT NULL",
    },
    "segments": {
        "segment_id": "INTEGER PRIMARY KEY",
        "name": "TEXT NOT NULL",
        "version": "INTEGER NOT NULL",
        "rule": "TEXT NOT NULL",
        "n_users": "INTEGER NOT NULL",
        "saved_at": "TEXT NOT NULL",
        "deleted": "INTEGER NOT NULL",
        "restores": "INTEGER",  # the older version whose rule it brought back
    },
    # Searches for groups and for lookalikes; what each found lies in the folder of its run.
    "discoveries": {
        "run_id": "TEXT PRIMARY KEY",
        "kind": "TEXT NOT NULL",  # groups or lookalikes
        "settings": "TEXT NOT NULL",
        "reads": "TEXT NOT NULL",  # content versions of the groups read
        "report": "TEXT NOT NULL",
        "seconds": "REAL NOT NULL",
        "found_at": "TEXT NOT NULL",
    },
    "placements": {
        "name": "TEXT PRIMARY KEY",
        "settings": "TEXT NOT NULL",
    },
    "runs": {
        "run_id": "TEXT PRIMARY KEY",
        "recommender": "TEXT NOT NULL",
        "settings": "TEXT NOT NULL",
        "reads": "TEXT NOT NULL",  # versions of the groups read
        "split": "TEXT NOT NULL",
        "metrics": "TEXT NOT NULL",  # with intervals
        "seconds": "REAL NOT NULL",
        "state": "TEXT NOT NULL",  # trained, published or retired
        "trained_at": "TEXT NOT NULL",
        "label": "TEXT",  # what people call it
        "data": "TEXT",  # what was chosen to learn from: window, weights
    },
    "evaluations": {
        "evaluation_id": "TEXT PRIMARY KEY",
        "reads": "TEXT NOT NULL",  # versions of the groups read
        "document": "TEXT NOT NULL",  # JSON: as `evaluate` prints it
        "made_at": "TEXT NOT NULL",
    },
    "prediction_runs": {
        "run_id": "TEXT PRIMARY KEY",
        "settings": "TEXT NOT NULL",
        "reads": "TEXT NOT NULL",  # versions of the groups read
        "report": "TEXT NOT NULL",  # JSON: what each target came to on the test window
        "seconds": "REAL NOT NULL",
        "state": "TEXT NOT NULL",  # trained, published or retired
        "trained_at": "TEXT NOT NULL",
    },
    "audiences": {
        "audience_id": "INTEGER PRIMARY KEY",
        "name": "TEXT NOT NULL UNIQUE",
        "definition": "TEXT NOT NULL",
        "n_users": "INTEGER NOT NULL",
        "created_at": "TEXT NOT NULL",
    },
    "holdouts": {
        "audience_id": "INTEGER NOT NULL",
        "share": "REAL NOT NULL",
        "seed": "INTEGER NOT NULL",
        "n_target": "INTEGER NOT NULL",
        "n_holdout": "INTEGER NOT NULL",
        "file": "TEXT NOT NULL",
        "sha256": "TEXT NOT NULL",
    },
    "consents": {
        "user_id": "TEXT NOT NULL",
        "purpose": "TEXT NOT NULL",
        "state": "TEXT NOT NULL",  # granted, denied or unknown
        # One state per user and purpose; the key ends the last declaration because it spans two columns.
        "changed_at": "TEXT NOT NULL, PRIMARY KEY (user_id, purpose)",
    },
    "exports": {
        "export_id": "INTEGER PRIMARY KEY",
        "audience_id": "INTEGER NOT NULL",
        "destination": "TEXT NOT NULL",
        "file": "TEXT NOT NULL",
        "n_rows": "INTEGER NOT NULL",
        "sha256": "TEXT NOT NULL",
        "certificate": "TEXT NOT NULL",
        "exported_at": "TEXT NOT NULL",
    },
    "audit": {
        "audit_id": "INTEGER PRIMARY KEY",
        "at": "TEXT NOT NULL",
        "actor": "TEXT NOT NULL",
        "verb": "TEXT NOT NULL",
        "request": "TEXT NOT NULL",
        "result": "TEXT NOT NULL",
    },
})  # fmt: skip
