"""Every reason code that the code can give a row stands in the one list, with a sentence."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from persmark import events

ROOM = Path(events.__file__).parent
CODE = re.compile(r"[a-z]+(_[a-z]+)*")


def in_sql() -> set[str]:
    """Codes of the statements that type staged text: THEN '...' of the expression called `reason`."""
    found: set[str] = set()
    for path in (ROOM / "sql").glob("typed_*.sql"):
        for expression in re.findall(
            r"CASE((?:(?!\bCASE\b).)*?)END AS reason", path.read_text("utf-8"), re.S
        ):
            found.update(re.findall(r"THEN '(\w+)'", expression))
    return found


def _texts(node: ast.AST) -> set[str]:
    return {
        one.value
        for one in ast.walk(node)
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and CODE.fullmatch(one.value)
    }


def in_python() -> tuple[set[str], set[str]]:
    """Codes of rejecting and of skipping, by the names that carry them."""
    rejecting: set[str] = set()
    skipping: set[str] = set()
    for path in ROOM.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr == "skip" and node.args:
                    skipping |= _texts(node.args[0])
                if node.func.attr == "reject" and len(node.args) > 1:
                    rejecting |= _texts(node.args[1])
            named = node.targets if isinstance(node, ast.Assign) else []
            if any(isinstance(one, ast.Name) and one.id in ("trouble", "failed", "reason") for one in named):
                rejecting |= _texts(node.value) if not isinstance(node.value, ast.Call) else set()
            if isinstance(node, ast.FunctionDef) and node.name in ("broken", "_csv_reason"):
                for answer in ast.walk(node):
                    if isinstance(answer, ast.Return) and answer.value is not None:
                        rejecting |= _texts(answer.value)
    return rejecting, skipping


def test_every_code_is_in_the_list_with_what_to_do() -> None:
    rejecting, skipping = in_python()
    given = in_sql() | rejecting
    assert {"no_user", "bad_price", "bad_time", "open_quote", "bad_encoding", "bad_json"} <= given
    assert given <= set(events.REASONS)
    assert {"blank", "preamble"} <= skipping <= set(events.SKIPPED)
    for code, reason in events.REASONS.items():
        assert CODE.fullmatch(code)
        for sentence in (reason.meaning.render(), reason.to_do.render()):
            assert sentence.endswith(".")
        assert events.what_to_do(code).render() == f"{reason.meaning} {reason.to_do}"


def test_the_readme_says_the_same() -> None:
    readme = (ROOM.parents[1] / "README.md").read_text("utf-8")
    for code, reason in events.REASONS.items():
        assert f"| `{code}` | {reason.meaning} | {reason.to_do} |" in readme
