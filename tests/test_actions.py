"""Verbs: who may do them, what they leave in the audit, and the same work detached."""

# ruff: noqa: E501 (one case a line)
from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from persmark import actions, events, jobs
from persmark.actions import Actor, NotAllowedError
from persmark.errors import BusyError, InputError, NotFoundError
from persmark.jobs import Job
from persmark.store import Workspace, create_workspace, list_workspaces, workspace_exists
from persmark.text import Text
from tests.conftest import HARD, copied
from tests.events.files import csv_of, loaded_from, write

OWNER = Actor(name=HARD, role="owner")
ROWS = [
    f"u{n % 3},i{n % 4},{'purchase' if n % 2 else 'view'},2026-01-{1 + n:02d} 10:00:00,{n}" for n in range(9)
]
RULE = {"column": "n_events", "is": ">=", "value": 1}
ANY = {
    "owner": [
        actions.LoadSample(), actions.LoadDemo(n_users=10), actions.LoadFiles(paths=("x",)), actions.UndoLoad(1),
        actions.Compact(), actions.CheckQuality(), actions.SaveRule({}), actions.SwitchRule(1, active=True),
        actions.ApplyRules(),
    ],
    "marketer": [
        actions.BuildProfiles(), actions.SaveSegment("s", RULE), actions.DeleteSegment("s"),
        actions.RestoreSegment("s"), actions.UndoSegment("s"), actions.DuplicateSegment("s"),
        actions.ImportSegment("{}"), actions.ExportSegment("s"), actions.Train("popular"), actions.PublishRun("x"),
        actions.FindBest(), actions.RenameRun("x", "y"),
        actions.TrainPredictions(), actions.PublishPredictions("x"), actions.Evaluate(),
        actions.CreateAudience("a"), actions.ExportAudience("a"),
    ],
}  # fmt: skip
CASES = [(role, request) for role, requests in ANY.items() for request in requests]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return loaded_from(tmp_path_factory.mktemp("loaded"), ROWS, OWNER)


@pytest.fixture
def shop(loaded: Workspace, data_folder: Path) -> Workspace:
    return copied(loaded, data_folder)


def audited(workspace: Workspace) -> list[str]:
    return [row["verb"] for row in workspace.state.rows("audit")]


@pytest.mark.parametrize(("least", "request_"), CASES, ids=lambda one: getattr(type(one), "__name__", one))
def test_a_lesser_role_is_refused_run_or_started(empty: Workspace, least: str, request_: Any) -> None:
    lesser = actions.ROLES[: actions.ROLES.index(least)]
    for role in (*lesser, "guest", ""):
        for do in (actions.run, actions.start):
            with pytest.raises(NotAllowedError) as refused:
                do(empty, Actor(name="O'Neil", role=role), request_)
            said = str(refused.value)
            assert f", a person must be {least}. Received: O'Neil, a {role}. Ask an owner" in said
    assert audited(empty) == []
    assert jobs.recent(empty) == []


def test_only_an_owner_makes_and_removes_workspaces(empty: Workspace) -> None:
    marketer = Actor(role="marketer")
    with pytest.raises(NotAllowedError, match=r"^To load, a person must be owner\."):
        actions.create_workspace_for_upload(marketer, "x.csv")
    with pytest.raises(NotAllowedError, match=r"^To undo, a person must be owner\."):
        actions.remove_workspace(marketer, empty.name)
    assert list_workspaces() == [empty.name]
    actions.remove_workspace(OWNER, empty.name)
    assert list_workspaces() == []


def test_every_load_build_train_and_export_leaves_one_row(shop: Workspace, tmp_path: Path) -> None:
    marketer = Actor("Zoë 张", "marketer")
    assert audited(shop) == ["load", "build profiles"]
    actions.run(shop, marketer, actions.BuildProfiles())
    trained = actions.run(shop, marketer, actions.Train("popular", {"half_life_days": 7}))
    actions.run(shop, marketer, actions.PublishRun(trained["run_id"]))
    actions.run(shop, marketer, actions.SaveSegment(HARD, RULE))
    actions.run(shop, marketer, actions.DeleteSegment(HARD))
    actions.run(shop, marketer, actions.RestoreSegment(HARD))
    actions.run(shop, marketer, actions.CreateAudience(HARD, segment=HARD, holdout_share=0.3))
    exported = actions.run(shop, marketer, actions.ExportAudience(HARD))
    assert Path(exported["file"]).parent == shop.folder / "exports"
    actions.run(shop, OWNER, actions.Compact())
    actions.run(shop, OWNER, actions.UndoLoad(1))
    assert audited(shop)[2:] == [
        "build profiles", "train", "publish", "save segment", "delete segment", "restore segment",
        "create audience", "export", "compact", "undo",
    ]  # fmt: skip
    rows = shop.state.rows("audit")
    assert {row["actor"] for row in rows[2:-2]} == {"Zoë 张"}
    assert json.loads(rows[0]["result"])["sources"][0]["loaded"] == 9
    asked = json.loads(rows[3]["request"])
    assert (asked["recommender"], asked["settings"]) == ("popular", {"half_life_days": 7})


def test_segments_are_undone_copied_and_brought_in(shop: Workspace) -> None:
    marketer = Actor("Zoë 张", "marketer")
    actions.run(shop, marketer, actions.SaveSegment(HARD, RULE))
    actions.run(shop, marketer, actions.SaveSegment(HARD, {"all": []}))
    assert actions.run(shop, marketer, actions.UndoSegment(HARD)) == {"segment": HARD, "version": 3}
    copied = actions.run(shop, marketer, actions.DuplicateSegment(HARD))
    assert copied == {"segment": f"{HARD} (copy)", "version": 1}
    brought = actions.run(shop, marketer, actions.ImportSegment(json.dumps(RULE), name="brought"))
    assert brought == {"segment": "brought", "version": 1, "also": []}
    with pytest.raises(InputError, match=r"at least 11 users\. Received: 3\."):
        actions.run(shop, marketer, actions.ExportSegment(HARD))
    assert audited(shop)[2:] == [
        "save segment",
        "save segment",
        "undo segment",
        "save segment",
        "save segment",
    ]


def test_a_refused_verb_leaves_no_row(shop: Workspace) -> None:
    before = audited(shop)
    with pytest.raises(NotFoundError, match=r"magic"):
        actions.run(shop, OWNER, actions.Train("magic"))
    with pytest.raises(InputError, match=r"^A time must be ISO-8601, UTC\. Received: soon\. For example"):
        actions.run(shop, OWNER, actions.BuildProfiles(as_of="soon"))
    with pytest.raises(InputError, match=r"^A mapping must have 'kind' and 'columns'"):
        actions.run(shop, OWNER, actions.LoadFiles(paths=("x",), mapping={}))
    assert audited(shop) == before


def test_progress_never_goes_back_and_stays_within_bounds(empty: Workspace, tmp_path: Path) -> None:
    told: list[float] = []

    def watch(fraction: float, message: Text) -> None:
        told.append(fraction)
        assert message.render()

    paths = [str(write(tmp_path / f"{n}.csv", csv_of([row]))) for n, row in enumerate(ROWS[:2])]
    actions.run(empty, OWNER, actions.LoadFiles(paths=tuple(paths)), watch)
    assert told == sorted(told)
    assert told[0] >= 0
    assert told[-1] <= 1


def test_files_are_named_as_asked_and_removed_where_they_are_uploads(
    empty: Workspace, tmp_path: Path
) -> None:
    upload = write(tmp_path / "tmp123", csv_of(ROWS))
    request = actions.LoadFiles(paths=(str(upload),), names=(HARD,), delete_after=True, build_profiles=False)
    found = actions.run(empty, OWNER, request)
    assert found["sources"][0]["file"] == HARD
    assert not upload.exists()
    assert "profiles" not in empty.versions()
    broken = write(tmp_path / "tmp124", "a,b\n1,2\n")
    with pytest.raises(InputError, match=rf"^Column 'user_id' must be found in {HARD[1:5]}"):
        actions.run(
            empty, OWNER,
            actions.LoadFiles(paths=(str(broken),), names=(HARD[1:],), kind="events", delete_after=True),
        )  # fmt: skip
    assert not broken.exists()


def until_ended(workspace: Workspace, job: Job) -> Job:
    give_up = time.monotonic() + 120
    while job.active and time.monotonic() < give_up:
        time.sleep(0.1)
        job = jobs.get(workspace, job.job_id)
    return job


def test_the_same_work_detached(empty: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "o'f 张 😀.csv", csv_of(ROWS))
    request = actions.LoadFiles(paths=(str(path),), names=(HARD,))
    job = until_ended(empty, actions.start(empty, OWNER, request))
    assert (job.state, job.error, job.verb, job.lane) == ("done", "", "load", "write")
    assert job.result is not None
    assert job.result["sources"][0]["file"] == HARD
    assert empty.stats("events")["n_events"] == 9
    assert empty.versions().keys() == {"events", "profiles"}
    assert {row["actor"] for row in empty.state.rows("audit")} == {HARD}
    assert [source.state for source in events.ledger(empty)] == ["loaded"]


def test_a_refusal_of_detached_work_is_one_clear_line(empty: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", csv_of(["u,i,view,01/02/2024,1"]))
    job = until_ended(empty, actions.start(empty, OWNER, actions.LoadFiles(paths=(str(path),))))
    assert job.state == "failed"
    assert job.error.startswith("A file's meaning must not be guessed: Is 01/02/2024 day first")
    assert empty.versions() == {}


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("Orders 2026.csv", "orders-2026"),
        ('O\'Neil "张" 😀.TSV.gz', "o-neil-张"),
        ("sample.parquet", "sample-2"),
        ("demo.jsonl", "demo-2"),
        ("😀.csv", "workspace"),
        (".csv", "workspace"),
        ("../../x.ndjson", "x"),
        ("shop.csv", "shop-3"),
    ],
)
def test_an_upload_gets_a_free_name(data_folder: Path, file_name: str, name: str) -> None:
    for taken in ("shop", "shop-2"):
        create_workspace(taken)
    assert actions.workspace_for_upload(file_name) == name
    made = actions.create_workspace_for_upload(OWNER, file_name, time_zone="Asia/Kathmandu")
    assert (made.name, made.label, made.time_zone) == (name, Path(file_name).name, "Asia/Kathmandu")


def test_the_first_start_makes_the_sample_and_who_comes_second_finds_it_begun(data_folder: Path) -> None:
    sample = actions.sample_workspace()
    wait = [sys.executable, "-c", "import time; time.sleep(600)"]
    begun = jobs.start(sample, "other", {}, lane="write", command=wait)
    try:
        assert actions.ensure_sample(OWNER).name == "sample"
        assert [job.job_id for job in jobs.recent(sample)] == [begun.job_id]
        with pytest.raises(BusyError, match=r"^Only one 'write' job can run at a time\."):
            actions.start(sample, OWNER, actions.UndoLoad(1))
    finally:
        jobs.cancel(sample, begun.job_id)
    assert sample.kind == "sample"
    assert workspace_exists("sample")


def test_nothing_trained_serves_nothing_and_a_name_must_be_trained(shop: Workspace) -> None:
    assert actions.serving(shop) is None
    with pytest.raises(
        InputError, match=r"^Recommender 'popular' must have been trained in this workspace\."
    ):
        actions.serving(shop, "popular")
    run = actions.run(shop, OWNER, actions.Train("popular"))
    found = actions.serving(shop, "popular")
    assert found is not None
    assert found[1] == run["run_id"]
