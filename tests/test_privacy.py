import base64
import stat
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from persmark.columns import STATE_TABLES
from persmark.errors import ColumnMissingError, InputError
from persmark.privacy import (
    CONTACT_FIELDS,
    KEY_VARIABLE,
    KeyLostError,
    Vault,
    consent_counts,
    consents,
    key_path,
    pseudonym,
    save_consents,
    seal,
    seal_all,
    unseal,
)
from persmark.store import State

KEY = "00" * 32
PSEUDONYM = "x34a69e1f7ee1f9d1b0a39e9ea32ba84c"  # of liz@example.com under KEY
OTHER = "11" * 32
NAMES = {"u1": 'O\'Connor "Liz"', "u 2": "欧阳 秀英", "ü3": "Zoë 🦊", "u4'; --": "Größmann"}


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or makes the key of whoever runs it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PERSMARK_DATA", str(tmp_path / "data"))
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


def contacts() -> pa.Table:
    return pa.table({
        "user_id": list(NAMES),
        "email": ["liz@example.com", "xiuying@example.org", None, "g@example.net"],
        "last_name": list(NAMES.values()),
    })  # fmt: skip


def test_seal_round_trips_and_never_repeats_itself() -> None:
    first, second = seal(b"a,b,\xff\x00"), seal(b"a,b,\xff\x00")
    assert first != second
    assert len(first) == 6 + 37
    assert unseal(first) == unseal(second) == b"a,b,\xff\x00"
    assert [unseal(sealed, "p") for sealed in seal_all([b"", b"x"], "p")] == [b"", b"x"]


def test_the_key_file_is_made_for_its_owner_only_and_kept() -> None:
    sealed = seal(b"x")
    assert stat.S_IMODE(key_path().stat().st_mode) == 0o600
    written = key_path().read_text()
    assert unseal(sealed) == b"x"
    assert key_path().read_text() == written
    assert [path.name for path in key_path().parent.iterdir()] == ["key"]


def test_a_key_file_others_can_read_is_refused() -> None:
    seal(b"x")
    key_path().chmod(0o644)
    with pytest.raises(
        InputError, match=r"readable by its owner only. Received: mode 0644 on .*key. Run: chmod 600"
    ):
        seal(b"x")


def test_the_key_is_not_made_inside_the_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "data" / "config"))
    with pytest.raises(InputError, match="must lie outside the data folder"):
        seal(b"x")


def test_hex_and_base64_name_the_same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = bytes(range(224, 256))
    monkeypatch.setenv(KEY_VARIABLE, secret.hex())
    sealed = seal(b"x")
    for written in (base64.b64encode(secret), base64.urlsafe_b64encode(secret)):
        monkeypatch.setenv(KEY_VARIABLE, written.decode())
        assert unseal(sealed) == b"x"
    assert not key_path().exists()


@pytest.mark.parametrize("written", ["short", "zz" * 32, base64.b64encode(b"x" * 31).decode()])
def test_a_malformed_key_is_refused_without_repeating_it(
    written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, written)
    with pytest.raises(
        InputError, match=f"must be 32 bytes, .* Received: {len(written)} characters"
    ) as refusal:
        seal(b"x")
    assert written not in str(refusal.value)


def test_another_key_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    sealed = seal(b"x")
    monkeypatch.setenv(KEY_VARIABLE, OTHER)
    with pytest.raises(KeyLostError, match=r"Received: another key. Set PERSMARK_KEY to the earlier key"):
        unseal(sealed)


def test_no_key_is_refused_and_none_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    sealed = seal(b"x")
    monkeypatch.delenv(KEY_VARIABLE)
    with pytest.raises(
        KeyLostError, match=r"Received: no key at .*key. Restore that file, or set PERSMARK_KEY"
    ):
        unseal(sealed)
    assert not key_path().exists()


def test_altered_moved_and_cut_values_are_refused() -> None:
    sealed = seal(b"x", "a")
    with pytest.raises(KeyLostError, match="an altered one"):
        unseal(sealed[:-1] + bytes([sealed[-1] ^ 1]), "a")
    with pytest.raises(KeyLostError, match="an altered one"):
        unseal(sealed, "b")
    with pytest.raises(KeyLostError, match="Received: 3 bytes"):
        unseal(sealed[:3], "a")


def test_pseudonym_is_stable_per_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    first = pseudonym("liz@example.com")
    # HMAC-SHA256 twice (of the purpose, then of the id), worked out with openssl.
    assert first == PSEUDONYM
    assert pseudonym("Liz@example.com") != first
    monkeypatch.setenv(KEY_VARIABLE, OTHER)
    assert pseudonym("liz@example.com") != first


def test_vault_round_trips_names_of_every_script(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    assert vault.put_contacts(contacts()) == 4
    found = vault.contacts([*reversed(NAMES), "nobody", "u1"])
    assert found.column("user_id").to_pylist() == list(reversed(NAMES))
    assert found.column("last_name").to_pylist() == list(reversed(NAMES.values()))
    assert found.column("email").to_pylist() == [
        "g@example.net",
        None,
        "xiuying@example.org",
        "liz@example.com",
    ]
    assert found.column("zip").to_pylist() == [None] * 4


def test_vault_replaces_a_contact_as_a_whole(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    vault.put_contacts(contacts())
    vault.put_contacts(pa.table({"user_id": ["u1", "u1"], "phone": ["+12025550100", "+12025550101"]}))
    (row,) = vault.contacts(["u1"]).to_pylist()
    assert (row["phone"], row["email"]) == ("+12025550101", None)


def test_nothing_stands_in_clear(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    vault.put_contacts(contacts())
    vault.pseudonyms(["liz@example.com"])
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("vault.sqlite*"))
    for value in ("example.", "liz", "Connor", "秀英", "欧阳", "Größmann"):
        assert value.encode() not in stored


def test_vault_refuses_another_key_before_it_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    vault = Vault(tmp_path)
    vault.put_contacts(contacts())
    monkeypatch.setenv(KEY_VARIABLE, OTHER)
    for act in (
        lambda: vault.contacts(["u1"]),
        lambda: vault.put_contacts(contacts()),
        lambda: vault.pseudonyms(["a"]),
    ):
        with pytest.raises(KeyLostError, match="Received: another key"):
            act()
    monkeypatch.delenv(KEY_VARIABLE)
    with pytest.raises(KeyLostError, match="Received: no key at"):
        vault.put_contacts(contacts())
    assert vault.forget(["u1"]) == 1, "erasing needs no key"


def test_a_contact_moved_to_another_user_does_not_open(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    vault.put_contacts(contacts())
    vault._state.change("contacts", {"user_id": "u1"}, {"user_id": "thief"})
    with pytest.raises(KeyLostError, match="an altered one"):
        vault.contacts(["thief"])


def test_forget_removes_contact_and_source_id(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    (user,) = vault.pseudonyms(["liz@example.com"])
    vault.put_contacts(pa.table({"user_id": [user, "u2"], "email": ["liz@example.com", None]}))
    assert vault.source_ids([user, "u2"]) == {user: "liz@example.com"}
    assert vault.forget([user, "nobody"]) == 2
    assert vault.contacts([user, "u2"]).column("user_id").to_pylist() == ["u2"]
    assert vault.source_ids([user]) == {}


def test_many_users_are_found_in_one_pass(tmp_path: Path) -> None:
    users = [f"u{number}" for number in range(500)]
    vault = Vault(tmp_path)
    vault.put_contacts(pa.table({"user_id": users, "city": users}))
    assert vault.contacts(users[:300]).column("city").to_pylist() == users[:300]


def test_reach_is_counted_without_a_key_and_without_a_value(tmp_path: Path, monkeypatch) -> None:
    vault = Vault(tmp_path)
    hard = "u4'; -- 秀"
    told = {"user_id": [hard, "u2", "u3"], "email": ["a@example.com", None, ""], "phone": [None, "1", "2"]}
    vault.put_contacts(pa.table(told))
    vault.wait(1, contacts=pa.table({"user_id": ["u2", "u4"], "email": ["b@example.com", None]}))
    before = vault.stamp()
    vault.keep(1, State(tmp_path / "state.sqlite", STATE_TABLES))
    assert vault.stamp() != before
    vault._state.add("contacts", {"user_id": "older", "sealed": b"kept before fields were noted"})
    monkeypatch.setenv(KEY_VARIABLE, "")
    reach = {row["user_id"]: (row["email"], row["phone"]) for row in vault.reach().to_pylist()}
    assert reach == {
        hard: (True, False), "u2": (True, True), "u3": (False, True), "u4": (False, False),
        "older": (None, None),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("table", "error", "said"),
    [
        (pa.table({"email": ["a"]}), ColumnMissingError, "must have a column 'user_id'. Received: email"),
        (pa.table({"user_id": ["a"], "iban": ["x"]}), InputError, "Received: iban. Available: email, phone"),
        (pa.table({"user_id": ["a", None, ""]}), InputError, "Received: 2 rows without one"),
    ],
)
def test_contacts_that_make_no_sense_are_refused(
    table: pa.Table, error: type[Exception], said: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said):
        Vault(tmp_path).put_contacts(table)


def test_what_waits_counts_only_once_it_is_kept(tmp_path: Path) -> None:
    state, vault = State(tmp_path / "state.sqlite", STATE_TABLES), Vault(tmp_path)
    vault.put_contacts(pa.table({"user_id": ["u1"], "phone": ["1"], "email": ["old@example.com"]}))
    (user,) = vault.digests(["liz@example.com"])
    for number in (7, 8):
        vault.wait(
            number,
            contacts=pa.table({"user_id": ["u1", "张"], "email": [f"{number}@example.com", None]}),
            pseudonyms={user: "liz@example.com"},
            consents=[("u1", "email", "granted")],
        )
    assert vault.next_waiting() == 7
    assert vault.contacts(["u1", "张"]).column("email").to_pylist() == ["old@example.com"]
    assert (vault.source_ids([user]), consents(state).num_rows) == ({}, 0)
    vault.drop(8)
    vault.keep(7, state)
    vault.keep(7, state)
    (row, nothing) = vault.contacts(["u1", "张"]).to_pylist()
    assert (row["email"], row["phone"]) == ("7@example.com", "1"), "what a file says nothing of stays"
    assert nothing == {"user_id": "张", **dict.fromkeys(CONTACT_FIELDS)}
    assert vault.source_ids([user]) == {user: "liz@example.com"}
    assert consents(state).column("state").to_pylist() == ["granted"]
    assert vault.next_waiting() is None


def test_what_waits_is_sealed_and_forgotten_with_its_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = Vault(tmp_path)
    vault.wait(
        1, contacts=contacts(), pseudonyms={"x1": "liz@example.com"}, consents=[("u1", "sms", "denied")]
    )
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("vault.sqlite*"))
    assert not [one for one in ("example.", "Connor", "欧阳") if one.encode() in stored]
    assert vault.forget([*NAMES, "x1"]) == 6
    assert vault.next_waiting() is None
    vault.check_key()
    monkeypatch.setenv(KEY_VARIABLE, OTHER)
    for act in (vault.check_key, lambda: vault.digests(["a"]), lambda: vault.wait(2, contacts=contacts())):
        with pytest.raises(KeyLostError, match="Received: another key"):
            act()


def test_threads_share_a_vault_and_one_new_key(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            user = f"u{number}"
            vault.put_contacts(pa.table({"user_id": [user], "city": [user]}))
            assert vault.contacts([user]).column("city").to_pylist() == [user]
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert vault.contacts([f"u{number}" for number in range(8)]).num_rows == 8


def consent_rows(*rows: tuple[str, str, str]) -> pa.Table:
    return pa.table({
        name: [row[place] for row in rows] for place, name in enumerate(("user_id", "purpose", "state"))
    })  # fmt: skip


def test_the_latest_consent_counts(tmp_path: Path) -> None:
    state = State(tmp_path / "state.sqlite", STATE_TABLES)
    save_consents(
        state, consent_rows(("o'a", "email", "granted"), ("张", "email", "unknown"), ("张", "sms", "granted"))
    )
    save_consents(state, consent_rows(("o'a", "email", "denied")), changed_at="2026-07-01T00:00:00Z")
    counts = consent_counts(state)
    assert counts["email"] == {"granted": 0, "denied": 1, "unknown": 1}
    assert counts["ad_user_data"] == {"granted": 0, "denied": 0, "unknown": 0}
    rows = consents(state, "email").to_pylist()
    assert [(row["user_id"], row["state"]) for row in rows] == [("o'a", "denied"), ("张", "unknown")]
    assert rows[0]["changed_at"] == "2026-07-01T00:00:00Z"


def test_unknown_purposes_and_states_are_refused_whole(tmp_path: Path) -> None:
    state = State(tmp_path / "state.sqlite", STATE_TABLES)
    with pytest.raises(
        InputError, match=r"consent's state must be a known one. Received: maybe. Available: granted"
    ):
        save_consents(state, consent_rows(("a", "email", "granted"), ("b", "email", "maybe")))
    with pytest.raises(InputError, match=r"consent's purpose must be a known one. Received: fax"):
        save_consents(state, consent_rows(("a", "fax", "granted")))
    with pytest.raises(ColumnMissingError, match=r"must have a column 'purpose'. Received: user_id"):
        save_consents(state, pa.table({"user_id": ["a"]}))
    assert consents(state).num_rows == 0
