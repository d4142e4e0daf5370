"""SQL files keep to the words that a second engine will understand as the first does (design, section 8)."""

# ruff: noqa: E501 (one case a line)
from __future__ import annotations

import re
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1] / "persmark"
FILES = sorted(HOUSE.rglob("sql/*.sql"))

# What a pattern forbids -> why, and what to write instead.
FORBIDDEN = {
    r"\bquantile_cont\s*\(": "quantile_cont(x, p): rank the rows and take one",
    r"\bapprox_quantile\s*\(": "approx_quantile: not the same on two engines",
    r"\bdate_diff\s*\(\s*'day'": "date_diff('day', ...): subtract epochs or dates",
    r"\bdatediff\s*\(\s*'day'": "datediff('day', ...): subtract epochs or dates",
    r"\bextract\s*\(\s*dow\b": "extract(dow ...): isodow counts alike everywhere",
    r"(?<!_)\bhash\s*\(": "hash(...): md5 is the same everywhere",
    r"\bsubstr(?:ing)?\s*\([^,()]*(?:\([^()]*\)[^,()]*)*,\s*0\s*,": "substring(s, 0, n): positions count from 1",
}  # fmt: skip


def _without_comments(sql: str) -> str:
    return re.sub(r"--[^\n]*|/\*.*?\*/", " ", sql, flags=re.DOTALL)


def problems(sql: str) -> list[str]:
    """What a text uses that it should not."""
    bare = _without_comments(sql).lower()
    return [why for pattern, why in FORBIDDEN.items() if re.search(pattern, bare)]


def test_there_are_sql_files_to_look_at() -> None:
    assert len(FILES) > 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(HOUSE).as_posix())
def test_a_file_keeps_to_the_neutral_words(path: Path) -> None:
    assert problems(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT quantile_cont(value, 0.5) FROM events",
        "SELECT APPROX_QUANTILE(value, 0.5)",
        "SELECT date_diff('day', a, b)",
        "SELECT extract( dow FROM event_time)",
        "SELECT hash(user_id)",
        "SELECT substring(concat(a, b), 0, 3)",
        "SELECT substr(s, 0 , 3)",
    ],
)
def test_the_lint_finds_each_of_them(sql: str) -> None:
    assert len(problems(sql)) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT md5(user_id), date_diff('second', a, b), substring(s, 1, 3), extract(isodow FROM t)",
        "SELECT 1 -- hash(x) would differ",
        "SELECT 1 /* quantile_cont(x, p) */",
        "SELECT hash_order, substring(s, 10, 2)",
    ],
)
def test_the_lint_lets_the_rest_be(sql: str) -> None:
    assert problems(sql) == []
