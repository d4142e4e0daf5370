"""Which encoding a file is taken for; the same table in whatever writing is the same events."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from persmark import events
from persmark.events.charset import encoding_of
from persmark.store import Workspace, create_workspace
from tests.events.files import UTC_PLAIN, csv_of, event_rows, lines_rejected, load, write
from tests.events.renderings import ROWS, files


def hashes_of(renderings: Iterable[tuple[str, bytes]], root: Path) -> dict[str, list[str]]:
    """Content hash -> the renderings that have it."""
    found: dict[str, list[str]] = {}
    for number, (name, raw) in enumerate(renderings):
        workspace = create_workspace(f"w{number}", root=root)
        source = load(workspace, write(root / "x.csv", raw))
        assert (source.loaded, source.rejected) == (len(ROWS) - 1, 0), name
        with workspace.reader() as reader:
            found.setdefault(events.content_hash(reader), []).append(name)
    return found


def test_one_table_in_many_writings_has_one_hash(data_folder: Path, tmp_path: Path) -> None:
    found = hashes_of(files(step=7), tmp_path)
    assert len(found) == 1, found
    workspace = create_workspace("plain")
    load(workspace, write(tmp_path / "y.csv", next(iter(files()))[1]))
    with workspace.reader() as reader:
        assert list(found) == [events.content_hash(reader)]
    assert sorted(event_rows(workspace, "user_id, item_id"), key=str) == sorted(
        ((row[0], row[1] or None) for row in ROWS[1:]), key=str
    )


def test_the_content_hash_knows_order_from_content(data_folder: Path, tmp_path: Path) -> None:
    rows = ["u,i,view,2026-01-01,1", "v,j,cart,2026-01-02,2", "v,j,cart,2026-01-02,2"]
    found = []
    for number, body in enumerate(
        [rows, rows[::-1], rows[:2], [*rows, rows[2]], [rows[0], rows[0], rows[1]]]
    ):
        workspace = create_workspace(f"w{number}")
        load(workspace, write(tmp_path / "x.csv", csv_of(body)), mapping=UTC_PLAIN)
        with workspace.reader() as reader:
            found.append(events.content_hash(reader))
    assert found[0] == found[1]
    assert len(set(found)) == 4
    assert all(len(one) == 32 for one in found)


# name -> (encoding the file is written in, what it is taken for, words in it)
SCRIPTS = {
    "Chinese": ("gb18030", "gb18030", ["张三", "纯牛奶", "李四", "全麦面包", "手机壳", "iPhone手机壳 T恤"]),
    "Chinese in GBK": ("gbk", "gb18030", ["张三", "纯牛奶", "李四", "全麦面包", "裙子", "茶叶"]),
    "one Chinese word": ("gbk", "gb18030", ["张", "a", "b"]),
    "Chinese in Big5": ("big5", "big5hkscs", ["張三", "牛奶", "李四", "麵包", "手機", "茶葉"]),
    "old Chinese script in GBK": ("gbk", "gb18030", ["張三", "牛奶", "李四", "麵包", "手機", "茶葉"]),
    "Japanese": ("shift_jis", "cp932", ["田中", "牛乳", "さくら", "パン", "カメラ", "本"]),
    "Japanese in EUC": ("euc-jp", "euc_jis_2004", ["田中", "牛乳", "さくら", "パン", "カメラ", "本"]),
    "Korean": ("euc-kr", "cp949", ["김철수", "우유", "이영희", "빵", "책", "전화기"]),
    "Russian": ("cp1251", "cp1251", ["Иван", "Молоко", "Анна", "Хлеб", "Книга", "Телефон"]),
    "Russian in KOI8-R": ("koi8-r", "koi8_r", ["Иван", "Молоко", "Анна", "Хлеб", "Книга", "Телефон"]),
    "Russian in DOS": ("cp866", "cp866", ["Иван", "Молоко", "Анна", "Хлеб", "Книга", "Телефон"]),
    "Greek": ("cp1253", "cp1253", ["Γιώργος", "γάλα", "Μαρία", "ψωμί"]),
    "French": ("cp1252", "cp1252", ["Zoë", "Cafés", "crème à la pêche", "déjà vu", "été"]),
    "one French word": ("cp1252", "cp1252", ["Cafés"]),
    "French in GBK": ("gbk", "gb18030", ["Cafés", "crème à la pêche", "été"]),
    "French in DOS": ("cp850", "cp850", ["Cafés", "crème à la pêche", "été"]),
    "German": ("cp1252", "cp1252", ["Müller", "Brötchen", "Jäger", "Süßes", "Öl"]),
    "Spanish capitals": ("cp1252", "cp1252", ["EL NIÑO", "AÑO"]),
    "Polish": ("cp1250", "cp1250", ["Łukasz", "żółty", "świeży chleb", "mąka"]),
    "quotes and prices": ("cp1252", "cp1252", ["T-shirt – “blue”", "€5", "O’Neil", "5 £"]),
    "no-break spaces": ("cp1252", "cp1252", ["1\u00a0234"]),
}  # fmt: skip


@pytest.mark.parametrize("case", SCRIPTS)
def test_the_encoding_of_ten_lines_is_found(tmp_path: Path, case: str) -> None:
    encoding, taken_for, words = SCRIPTS[case]
    rows = [f"u{n},{words[n % len(words)]},view,2026-01-01,1" for n in range(10)]
    found = events.propose(write(tmp_path / "x.csv", csv_of(rows), encoding))
    assert found.format.encoding == taken_for
    assert found.preview["item_id"].tolist() == [words[n % len(words)] for n in range(10)]


def test_letters_that_come_late_decide_the_encoding(tmp_path: Path) -> None:
    rows = ["u,i,view,2026-01-01,1"] * 60_000 + ["Zoë,Cafés,view,2026-01-01,1"]
    path = write(tmp_path / "x.csv", csv_of(rows), "cp1252")
    assert path.stat().st_size > 1 << 20
    assert events.propose(path).format.encoding == "cp1252"


@pytest.mark.parametrize("case", ["Chinese", "Chinese in Big5", "Japanese", "Korean", "German"])
def test_a_byte_that_is_no_text_costs_its_line_in_any_encoding(
    empty: Workspace, tmp_path: Path, case: str
) -> None:
    encoding, _, words = SCRIPTS[case]
    rows = [f"u{n},{words[n % len(words)]},view,2026-01-01,1" for n in range(20)]
    bad = b"\x81" if encoding in ("cp1252", "shift_jis") else b"\xff"
    raw = csv_of(rows).encode(encoding) + b"x,a" + bad + b",view,2026-01-01,1\ny,b,view,2026-01-01,1\n"
    source = load(empty, write(tmp_path / "x.csv", raw), mapping=UTC_PLAIN)
    assert lines_rejected(empty, source) == [(22, "bad_encoding")]
    assert {row[0] for row in event_rows(empty, "item_id")} == {*words, "b"}


def test_marks_and_nul_bytes_tell_unicode() -> None:
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        assert encoding_of("user_id,event_time\nu,2026-01-01\n".encode(encoding), whole=True) == encoding
    assert encoding_of("\ufeffuser".encode("utf-32-le"), whole=True) == "utf-32"
    assert encoding_of(b"\x84\x31\x95\x33" + "张".encode("gb18030"), whole=True) == "gb18030"
