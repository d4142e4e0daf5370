"""Which room may import what, and what must never be loaded to serve a page."""

# ruff: noqa: E501 (one case a line)
from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOUSE = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py")), *sorted((ROOT / "persmark").rglob("*.py"))]


@cache
def _imported(path: Path) -> set[str]:
    """Top names of every import in a file, wherever it stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def _who_imports(*names: str) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in HOUSE if _imported(path) & set(names)]


def test_imports_run_downward_only() -> None:
    """The contracts of pyproject.toml, checked by import-linter."""
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", "--no-cache"],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_only_the_store_opens_databases() -> None:
    assert [
        path for path in _who_imports("duckdb", "sqlite3") if not path.startswith("persmark/store/")
    ] == []


def test_only_pages_and_ui_draw() -> None:
    outside = [
        path
        for path in _who_imports("streamlit")
        if not path.startswith(("app.py", "pages/", "persmark/ui/"))
    ]
    assert outside == []


# What shows that a room needs no training library: everything it imports, transitively.
LOADED = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
heavy = sorted({"tensorflow", "keras", "torch", "jax"} & {name.split(".")[0] for name in sys.modules})
print(",".join(heavy))
"""


def test_importing_a_room_loads_no_training_library() -> None:
    """One process for all of them: what one loads, all of them have loaded."""
    rooms = ["persmark.slates", "persmark.actions", "persmark.__main__", "persmark.ui.pages"]
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *rooms], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_the_frame_loads_no_training_library() -> None:
    """Everything that the shell of the pages imports, without running it."""
    rooms = sorted(name for name in _persmark_imports(ROOT / "persmark" / "ui" / "shell.py"))
    for page in (ROOT / "pages").glob("*.py"):
        rooms += sorted(_persmark_imports(page))
    assert rooms
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *sorted(set(rooms))],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1:] in ([], [""])


def _persmark_imports(path: Path) -> set[str]:
    return {
        node.module
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("persmark")
    }


def test_nobody_unpickles_what_somebody_else_wrote() -> None:
    assert _who_imports("pickle", "joblib", "dill", "shelve", "marshal") == []
