"""What links a user id of a file to others: its keys, kept as digests beside the events."""

from __future__ import annotations

from collections.abc import Mapping as Map

import pyarrow as pa

from persmark.events.identity import BLOCKED, PSEUDONYM
from persmark.events.mapping import KEY_COLUMNS, Mapping
from persmark.events.persons import Named, is_email, normal_phone
from persmark.events.rules import MergeUsers, active_rules, save_rule, saved_rules
from persmark.privacy import Vault
from persmark.store import Workspace, Writer, quoted
from persmark.text import Text, text


def capture(
    workspace: Workspace,
    w: Writer,
    mapping: Mapping,
    *,
    rows: str,
    named: Named,
    source_id: int,
) -> int:
    """Write the links of a file to `out.identity_keys`.

    E-mails are compared without case, phones by their digits. A declared user id is a value of the
    key `user_id`, its own included, and stands as it does in the events; other values only as their
    pseudonyms. Values that say that nobody is known are left out.

    Args:
        workspace: Whose vault's key makes the pseudonyms.
        w: Writing the group `events`.
        mapping: Says which keys the file has.
        rows: What stands after FROM: `user_id`, and `key_<name>` for each of the mapping's keys.
        named: The user ids that are pseudonyms now; they are linked to their own e-mail or phone.
        source_id: The file's number.

    Returns:
        How many links there are that link an id to something else than itself.
    """
    w.create("identity_keys")
    for key, stand_ins in (("email", named.emails), ("phone", named.phones)):
        _insert(w, "SELECT digest, $key, digest FROM digests", key, source_id, dict.fromkeys(stand_ins, ""))
    for key in mapping.keys:
        column = KEY_COLUMNS[key]
        values = [
            str(row[0])
            for row in w.rows(
                f"""SELECT DISTINCT trim({column}) AS value FROM {rows}
                WHERE NOT regexp_full_match(trim({column}), $blocked) ORDER BY 1""",
                {"blocked": BLOCKED},
            )
        ]
        _insert(
            w,
            f"""SELECT DISTINCT r.user_id, $key, d.digest
            FROM {rows} AS r JOIN digests AS d ON d.value = trim(r.{column})
            WHERE NOT regexp_full_match(r.user_id, '{BLOCKED}')""",
            key,
            source_id,
            _digests(workspace, key, values, mapping, source_id),
        )
    if mapping.keys:
        _declare(w, mapping, rows, source_id)
    place = w.place("identity_keys")
    n_rows, n_links = w.rows(
        f"SELECT count(*), count(*) FILTER (WHERE source_user_id <> digest) FROM {place}"
    )[0]
    if not n_rows:
        w.run(f"DROP TABLE {place}")
    return int(n_links)


def _insert(w: Writer, select: str, key: str, source_id: int, digests: Map[str, str]) -> None:
    """Add links that `select` makes of `digests` (value, digest) to the file's."""
    if not digests:
        return
    handed = pa.table({
        "value": pa.array(list(digests), pa.string()),
        "digest": pa.array([digest or value for value, digest in digests.items()], pa.string()),
    })  # fmt: skip
    w.rows(
        f"INSERT INTO {w.place('identity_keys')} SELECT *, {int(source_id)} FROM ({select}) ORDER BY ALL",
        {"key": key},
        inputs={"digests": handed},
    )


def _digests(
    workspace: Workspace, key: str, values: list[str], mapping: Mapping, source_id: int
) -> dict[str, str]:
    """What stands for each value in `identity_keys`; values that are none of the key's kind are left out."""
    vault = Vault(workspace.folder)
    secret: dict[str, str] = {}
    for value in values:
        address = value.lower() if is_email(value) else ""
        # A user id stands as itself, unless it is an address or a phone, as it does in the events.
        phone = normal_phone(value) if key == "phone" or mapping.phone_ids == "phone" else None
        plain = {"email": address, "phone": phone, "device": value, "user_id": address or phone}[key]
        if plain:
            secret[value] = plain
    stand_ins = dict(zip(secret, vault.digests(list(secret.values())), strict=True)) if secret else {}
    if key != "user_id":
        return stand_ins
    if secret:
        vault.wait(source_id, pseudonyms={stand_ins[value]: plain for value, plain in secret.items()})
    return {value: stand_ins.get(value, value) for value in values}


def _declare(w: Writer, mapping: Mapping, rows: str, source_id: int) -> None:
    """Say of the ids of the user column that they are ones; a device's, and pseudonyms, are not."""
    if mapping.columns["user_id"] in {mapping.keys.get(key) for key in ("email", "phone", "device")}:
        return
    device = KEY_COLUMNS["device"] if "device" in mapping.keys else "NULL"
    place = w.place("identity_keys")
    w.run(
        f"""INSERT INTO {place}
        SELECT user_id, 'user_id', user_id, {int(source_id)} FROM {rows} GROUP BY user_id
        HAVING NOT regexp_full_match(user_id, $blocked) AND NOT regexp_matches(user_id, $pseudonym)
            AND NOT coalesce(bool_or(trim({device}) = user_id), false)
            AND user_id NOT IN (
                SELECT source_user_id FROM {place} WHERE key = 'user_id' AND digest = source_user_id)
        ORDER BY user_id""",
        {"blocked": BLOCKED, "pseudonym": PSEUDONYM},
    )


def key_pairs(w: Writer, mapping: Mapping, source: str, params: Map[str, object]) -> bool:
    """Who has which key, from a file that the database reads itself, into `key_pairs` for `capture`.

    Args:
        w: Where to.
        mapping: Names the user's and the keys' columns.
        source: What stands after FROM; its holes are filled from `params`.
        params: As for `Writer.run`.

    Returns:
        Whether every user id is somebody's. Where not, a key must stand in, which the careful way does.
    """
    columns = ", ".join(f"{quoted(column)} AS {KEY_COLUMNS[key]}" for key, column in mapping.keys.items())
    user = f"nullif(trim({quoted(mapping.columns['user_id'])}), '')"
    w.run(
        f"""CREATE OR REPLACE TEMP TABLE key_pairs AS
        SELECT DISTINCT {user} AS user_id, {columns} FROM {source}""",
        params,
    )
    nobody = "SELECT 1 FROM key_pairs WHERE regexp_full_match(coalesce(user_id, ''), $blocked) LIMIT 1"
    return not w.rows(nobody, {"blocked": BLOCKED})


def link_notes(n_links: int) -> list[Text]:
    """What was linked, in words."""
    if not n_links:
        return []
    return [text("{n} links to e-mails, phones, devices or other ids tell which user ids are one person.",
                 n=n_links)]  # fmt: skip


def carry_links(workspace: Workspace, w: Writer) -> None:
    """Publish the links of a file that has no events, if there are new ones; the events stay.

    Where a rule merges users, the events must be written anew for the links to count.
    """
    if not brings_new(w):
        w.run(f"DROP TABLE IF EXISTS {w.place('identity_keys')}")
        return
    known = w.manifest.group("events").stats
    standing = bool(known.get("n_events") or known.get("n_originals"))
    rules = known.get("rules", [])
    if not standing:
        rules = [[number, rule.to_json()] for number, rule in active_rules(workspace).items()]
    merging = any(rule["kind"] == MergeUsers.kind for _, rule in rules)
    w.stats_of["events"].update(
        {
            **known,
            "rules": rules,
            "rules_behind": bool(known.get("rules_behind")) or (standing and merging),
            "n_deltas": known.get("n_deltas", -1) + 1,
        }
    )


def brings_new(w: Writer) -> bool:
    """Whether a file's links are not all among those that stand already."""
    place = w.place("identity_keys")
    held = w.rows(
        "SELECT 1 FROM duckdb_tables() WHERE database_name = $schema AND table_name = 'identity_keys'",
        {"schema": place.partition(".")[0]},
    )
    links = "SELECT source_user_id, key, digest FROM"
    return bool(held and w.rows(f"SELECT 1 FROM ({links} {place} EXCEPT {links} identity_keys) LIMIT 1"))


def agree(workspace: Workspace) -> None:
    """A mapping with keys is the person's consent to merging: see that a rule says so.

    One that was switched off stays off.
    """
    if not any(isinstance(one.rule, MergeUsers) for one in saved_rules(workspace)):
        save_rule(workspace, MergeUsers())
