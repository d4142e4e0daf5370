"""Data quality as verbs: after every load, by request, and on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from persmark import actions, jobs
from persmark.__main__ import main
from persmark.errors import InputError
from persmark.events import quality
from persmark.store import Workspace
from tests.conftest import HARD, copied
from tests.events.files import csv_of, event_rows, loaded_from, write

OWNER = actions.Actor(name=HARD)
ROWS = ["a,i,view,2026-01-01 10:00:00,", f"-1,i,Add To Crt {HARD[1:6]},2026-01-02 10:00:00,", "b,i,view,x,"]
FOLD = {"kind": "fold_type", "from": f"Add To Crt {HARD[1:6]}", "to": "cart"}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return loaded_from(tmp_path_factory.mktemp("loaded"), ROWS, OWNER)


@pytest.fixture
def shop(loaded: Workspace, data_folder: Path) -> Workspace:
    return copied(loaded, data_folder)


def test_a_load_is_checked_and_an_undo_too(shop: Workspace) -> None:
    found = quality.findings(shop)
    assert found is not None
    assert {one.key: one.n for one in found}["rejected"] == 1
    actions.run(shop, OWNER, actions.UndoLoad(1))
    assert quality.findings(shop) == []


def test_a_rule_is_saved_applied_and_written_down_and_the_profiles_follow(shop: Workspace) -> None:
    assert actions.run(shop, OWNER, actions.SaveRule(FOLD)) == {"rule_id": 1}
    assert quality.rules_pending(shop)
    done = actions.run(shop, OWNER, actions.ApplyRules())
    assert done == {"n_events": 2, "n_changed": 1, "n_left_out": 0}
    assert not quality.rules_pending(shop)
    assert not shop.stale("profiles")
    assert quality.findings(shop) is not None
    assert actions.run(shop, OWNER, actions.SwitchRule(1, active=False)) == {"rule_id": 1, "active": False}
    actions.run(shop, OWNER, actions.ApplyRules(build_profiles=False))
    assert shop.stale("profiles")
    counted = actions.run(shop, OWNER, actions.CheckQuality())
    assert sum(counted.values()) == len(quality.findings(shop) or [])
    rows = [row for row in shop.state.rows("audit") if row["verb"] in ("save rule", "rules")]
    assert [row["actor"] for row in rows] == [HARD] * 3
    assert json.loads(rows[0]["request"]) == {"rule": FOLD}
    with pytest.raises(InputError, match=r"^A quality rule must be a JSON object of a known 'kind'\."):
        actions.run(shop, OWNER, actions.SaveRule({"kind": "x"}))


def test_a_rule_that_waits_is_applied_with_the_next_load(shop: Workspace, tmp_path: Path) -> None:
    actions.run(shop, OWNER, actions.SaveRule(FOLD))
    path = write(tmp_path / "2.csv", csv_of(["c,i,view,2026-01-03 10:00:00,"]))
    actions.run(shop, OWNER, actions.LoadFiles(paths=(str(path),), build_profiles=False))
    assert [row[0] for row in event_rows(shop, "event_type")] == ["cart", "view", "view"]


def test_rules_are_applied_by_a_detached_job(shop: Workspace) -> None:
    actions.run(shop, OWNER, actions.SaveRule(FOLD))
    job = actions.start(shop, OWNER, actions.ApplyRules(build_profiles=False))
    assert (job.verb, job.lane) == ("rules", "write")
    while (job := jobs.get(shop, job.job_id)).active:
        pass
    assert (job.state, job.result) == ("done", {"n_events": 2, "n_changed": 1, "n_left_out": 0})


def cli(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert main(["quality", "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_command_line_checks_applies_and_takes_back(
    shop: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--workspace", shop.name)
    first = cli(capsys, *where)
    fixes = [one["fix"] for one in first["findings"] if one["key"] == "anonymous"]
    assert fixes == [{"kind": "drop_users", "users": ["-1"]}]
    file = write(tmp_path / "rule 张.json", json.dumps(fixes[0]))
    done = cli(capsys, *where, "--apply", str(file))
    assert [(one["rule_id"], one["active"], one["applied"], one["n_events"]) for one in done["rules"]] == [
        (1, True, True, 1)
    ]
    assert [row[0] for row in event_rows(shop)] == ["a"]
    back = cli(capsys, *where, "--off", "1")
    assert back["findings"] == first["findings"]
    assert [row[0] for row in event_rows(shop)] == ["-1", "a"]
    assert main(["quality", *where, "--off", "9"]) == 2
    assert "Quality rule 9 must exist. Received: 9. Available: 1." in capsys.readouterr().err
