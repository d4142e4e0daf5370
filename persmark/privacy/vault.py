"""Contacts and source ids under lock."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa

from persmark.errors import ColumnMissingError, InputError
from persmark.privacy.consent import save_consents
from persmark.privacy.keys import Key, key_in_force, other_key
from persmark.store import State
from persmark.store.state import Row
from persmark.text import text

CONTACT_FIELDS = ("email", "phone", "first_name", "last_name", "country", "zip", "city", "address")

# The fields by which a person can be written to or called.
REACHED_BY = ("email", "phone")

VAULT_TABLES: Mapping[str, Mapping[str, str]] = MappingProxyType({
    # `fields` names what is known of the user, such as "email,phone", so that reach can be counted
    # while every value stays locked.
    "contacts": {"user_id": "TEXT PRIMARY KEY", "sealed": "BLOB NOT NULL", "fields": "TEXT"},
    "pseudonyms": {"user_id": "TEXT PRIMARY KEY", "sealed": "BLOB NOT NULL"},
    # Rows of a file that is being loaded: `table` says where they go once the load stands.
    "waiting": {
        "source_id": "INTEGER NOT NULL",
        "table": "TEXT NOT NULL",
        "user_id": "TEXT NOT NULL",
        "sealed": "BLOB NOT NULL",
        "fields": "TEXT",
    },
    # As the workspace's `consents`: a yes or no of a file that is being loaded.
    "waiting_consents": {
        "source_id": "INTEGER NOT NULL",
        "user_id": "TEXT NOT NULL",
        "purpose": "TEXT NOT NULL",
        "state": "TEXT NOT NULL",
    },
    # Which key this vault was begun with, so that another one is refused before it writes.
    "lock": {"id": "INTEGER PRIMARY KEY CHECK (id = 1)", "key_id": "BLOB NOT NULL"},
})  # fmt: skip

_PAGE = 20_000  # waiting rows in memory at a time
_FEW = 200  # up to so many users are looked up one by one; more are read in one pass

Place = Callable[[str], str]


class Vault:
    """The one place of a workspace where e-mails, phones and names stand, each row encrypted.

    Args:
        folder: The workspace's folder; the vault is its `vault.sqlite`. Safe to share by threads.
    """

    def __init__(self, folder: Path) -> None:
        self.path = Path(folder) / "vault.sqlite"
        self._state = State(self.path, VAULT_TABLES)

    def _open(self, *, write: bool = False) -> Key:
        """The key, if it is the one this vault was begun with."""
        locks = self._state.rows("lock", limit=1)
        key = key_in_force(create=write and not locks)
        if locks and locks[0]["key_id"] != key.key_id:
            raise other_key()
        if write and not locks:
            self._state.put("lock", {"id": 1, "key_id": key.key_id})
        return key

    def put_contacts(self, table: pa.Table) -> int:
        """Keep contacts; a user's earlier ones are replaced, of equal user ids the last row counts.

        Args:
            table: `user_id` and any of `email`, `phone`, `first_name`, `last_name`, `country`,
                `zip`, `city`, all text; nulls are left out.

        Returns:
            How many rows were kept.

        Raises:
            ColumnMissingError: No `user_id`.
            InputError: A column that is no contact field, or a row without user id.
            KeyLostError: The vault was begun with another key.
        """
        found = _checked(table)
        with self._state.transaction():
            key = self._open(write=True)
            self._state.put_many(
                "contacts",
                [
                    {
                        "user_id": user,
                        "sealed": key.seal(_packed(fields), _contact_place(user)),
                        "fields": _named(fields),
                    }
                    for user, fields in found.items()
                ],
            )
        return int(table.num_rows)

    def check_key(self) -> None:
        """Refuse a lost or another key before anything is written.

        Raises:
            KeyLostError: The vault was begun with a key that is not the one at hand.
        """
        self._open()

    def digests(self, values: Sequence[str]) -> list[str]:
        """The pseudonym of each value, kept nowhere: for telling equal values, not for undoing.

        Raises:
            KeyLostError: The vault was begun with another key.
        """
        with self._state.transaction():
            key = self._open(write=True)
        named = {value: key.pseudonym(value) for value in set(values)}
        return [named[value] for value in values]

    def wait(
        self,
        source_id: int,
        *,
        contacts: pa.Table | None = None,
        pseudonyms: Mapping[str, str] | None = None,
        consents: Sequence[tuple[str, str, str]] = (),
    ) -> None:
        """Hold what a file that is being loaded brings, sealed, until `keep` or `drop` of its number.

        Args:
            source_id: The load's number.
            contacts: As for `put_contacts`; fields that are null leave what is known as it is.
            pseudonyms: Pseudonym -> source id.
            consents: User id, purpose and state.

        Raises:
            KeyLostError: The vault was begun with another key.
        """
        found = _checked(contacts) if contacts is not None else {}
        with self._state.transaction():
            key = self._open(write=True)
            earlier = self._one_by_one("contacts", found, _contact_place, key)
            known = {user: json.loads(earlier.get(user, b"{}")) | fields for user, fields in found.items()}
            rows = [
                ("contacts", user, _packed(fields), _contact_place(user), _named(fields))
                for user, fields in known.items()
            ]
            rows += [
                ("pseudonyms", user, source.encode(), _pseudonym_place(user), "")
                for user, source in (pseudonyms or {}).items()
            ]
            self._state.add_many(
                "waiting",
                (
                    {
                        "source_id": source_id,
                        "table": table,
                        "user_id": user,
                        "sealed": key.seal(value, place),
                        "fields": fields,
                    }
                    for table, user, value, place, fields in rows
                ),
            )
            self._state.add_many(
                "waiting_consents",
                (
                    {"source_id": source_id, "user_id": user, "purpose": purpose, "state": state}
                    for user, purpose, state in consents
                ),
            )

    def next_waiting(self) -> int | None:
        """The number of a load whose rows wait; None where there is none."""
        for table in ("waiting", "waiting_consents"):
            for row in self._state.rows(table, limit=1):
                return int(row["source_id"])
        return None

    def keep(self, source_id: int, state: State) -> None:
        """The load stands: its waiting rows take their places. Needs no key; may be repeated.

        Args:
            source_id: The load's number.
            state: The workspace's `state`, where consents stand.
        """
        with state.transaction():
            for said in self._pages("waiting_consents", source_id):
                names = ("user_id", "purpose", "state")
                save_consents(state, pa.table({name: [row[name] for row in said] for name in names}))
        with self._state.transaction():
            for rows, table in product(self._pages("waiting", source_id), ("contacts", "pseudonyms")):
                self._state.put_many(
                    table,
                    [
                        {name: row[name] for name in VAULT_TABLES[table]}
                        for row in rows
                        if row["table"] == table
                    ],
                )
            self.drop(source_id)

    def drop(self, source_id: int) -> None:
        """The load never was: its waiting rows go."""
        for table in ("waiting", "waiting_consents"):
            self._state.drop(table, {"source_id": source_id})

    def contacts(self, user_ids: Sequence[str]) -> pa.Table:
        """Contacts of the users that have any, in the order asked for.

        Returns:
            (n_known_users, 8): `user_id` and the contact fields, text, null where not known.

        Raises:
            KeyLostError: The key is lost or another one.
        """
        found = self._found("contacts", user_ids, _contact_place)
        known = [user for user in dict.fromkeys(user_ids) if user in found]
        rows = [json.loads(found[user]) for user in known]
        return pa.table(
            {"user_id": pa.array(known, pa.string())}
            | {name: pa.array([row.get(name) for row in rows], pa.string()) for name in CONTACT_FIELDS}
        )

    def reach(self) -> pa.Table:
        """What is known of whom, no value of it: needs no key.

        Returns:
            One row per user with a contact: `user_id`, `email`, `phone`; the last two say whether there
            is one, null where the contact is older than that note.
        """
        rows = self._state.tuples("contacts", ("user_id", "fields"))
        named = [None if fields is None else fields.split(",") for _, fields in rows]
        return pa.table(
            {"user_id": pa.array([user for user, _ in rows], pa.string())}
            | {
                field: pa.array([None if fields is None else field in fields for fields in named], pa.bool_())
                for field in REACHED_BY
            }
        )

    def fields_of(self, user_id: str) -> tuple[str, ...] | None:
        """Names of the contact fields that hold something of one user, no value of them: needs no key.

        Returns:
            Empty without a contact; None where the contact is older than that note.
        """
        rows = self._state.tuples("contacts", ("fields",), {"user_id": user_id})
        if not rows:
            return ()
        (fields,) = rows[0]
        return None if fields is None else tuple(name for name in str(fields).split(",") if name)

    def is_pseudonym(self, user_id: str) -> bool:
        """Whether a user id stands for a source id that is kept here: needs no key."""
        return bool(self._state.tuples("pseudonyms", ("user_id",), {"user_id": user_id}))

    def stamp(self) -> tuple[int, ...]:
        """Tells one state of the vault from another, for what is kept by it."""
        beside = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in beside)

    def pseudonyms(self, source_user_ids: Sequence[str]) -> list[str]:
        """A pseudonym for each source id, kept here so that `source_ids` can undo it.

        Raises:
            KeyLostError: The vault was begun with another key; its people would get new names.
        """
        with self._state.transaction():
            key = self._open(write=True)
            named = {source: key.pseudonym(source) for source in dict.fromkeys(source_user_ids)}
            self._state.put_many(
                "pseudonyms",
                [
                    {"user_id": user, "sealed": key.seal(source.encode(), _pseudonym_place(user))}
                    for source, user in named.items()
                ],
            )
        return [named[source] for source in source_user_ids]

    def source_ids(self, user_ids: Sequence[str]) -> dict[str, str]:
        """Source id by pseudonym; ids that are no pseudonyms of this vault are left out."""
        found = self._found("pseudonyms", user_ids, _pseudonym_place)
        return {user: source.decode() for user, source in found.items()}

    def forget(self, user_ids: Iterable[str]) -> int:
        """Delete all that is kept about these users; returns how many rows that were."""
        with self._state.transaction():
            return sum(
                self._state.drop(table, {"user_id": user})
                for user in user_ids
                for table in ("contacts", "pseudonyms", "waiting", "waiting_consents")
            )

    def _pages(self, table: str, source_id: int) -> Iterator[list[Row]]:
        """A load's waiting rows, so many at a time that they are no burden."""
        offset = 0
        while rows := self._state.rows(table, {"source_id": source_id}, limit=_PAGE, offset=offset):
            yield rows
            offset += len(rows)

    def _one_by_one(self, table: str, user_ids: Iterable[str], place: Place, key: Key) -> dict[str, bytes]:
        """As `_found`, for some of very many; quick only inside a transaction."""
        if not self._state.rows(table, limit=1):
            return {}
        rows = (row for user in user_ids for row in self._state.rows(table, {"user_id": user}))
        return {row["user_id"]: key.unseal(row["sealed"], place(row["user_id"])) for row in rows}

    def _found(self, table: str, user_ids: Sequence[str], place: Place) -> dict[str, bytes]:
        if len(user_ids) <= _FEW:
            rows = [row for user in user_ids for row in self._state.rows(table, {"user_id": user})]
        else:
            wanted = set(user_ids)
            rows = [row for row in self._state.rows(table) if row["user_id"] in wanted]
        if not rows:
            return {}
        key = self._open()
        return {row["user_id"]: key.unseal(row["sealed"], place(row["user_id"])) for row in rows}


def _checked(table: pa.Table) -> dict[str, dict[str, str]]:
    """User -> contact fields that are not null, the last row of each user.

    Raises:
        ColumnMissingError: No `user_id`.
        InputError: A column that is no contact field, or a row without user id.
    """
    if "user_id" not in table.column_names:
        raise ColumnMissingError(
            text("Contacts must have a column 'user_id'. Received: {names}.",
                 names=", ".join(table.column_names))
        )  # fmt: skip
    fields = [name for name in table.column_names if name != "user_id"]
    if unknown := [name for name in fields if name not in CONTACT_FIELDS]:
        raise InputError(
            text("Contact columns must be known ones. Received: {names}.", names=", ".join(unknown)),
            hint=text("Available: {names}.", names=", ".join(CONTACT_FIELDS)),
        )
    users = table.column("user_id").to_pylist()
    if not all(users):
        raise InputError(
            text("Every contact must have a user id. Received: {n} rows without one.",
                 n=sum(not user for user in users))
        )  # fmt: skip
    columns = [table.column(name).to_pylist() for name in fields]
    return {
        user: {name: value for name, value in zip(fields, values, strict=True) if value is not None}
        for user, *values in zip(users, *columns, strict=True)
    }


def _named(fields: Mapping[str, str]) -> str:
    """The contact fields that hold something, in their order."""
    return ",".join(name for name in CONTACT_FIELDS if fields.get(name))


def _packed(fields: Mapping[str, str]) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode()


def _contact_place(user_id: str) -> str:
    """Bound to the user as well, so that one person's row cannot be put under another's id."""
    return f"contacts.sealed {user_id}"


def _pseudonym_place(user_id: str) -> str:
    return f"pseudonyms.sealed {user_id}"
