"""The command line: every verb, its JSON keys, and one clear line for the caller's mistakes."""

# ruff: noqa: E501 (one case a line)
from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from persmark.__main__ import main
from persmark.store import list_workspaces, open_workspace
from tests.conftest import HARD
from tests.events.files import HEADER, csv_of, write
from tests.shop import HARD_USER, write_csv

ROOT = Path(__file__).parents[1]
RULE = {"column": "n_purchases", "is": ">=", "value": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where workspaces live: the demo of 200 users and a shop, both with profiles and a trained run."""
    made = tmp_path_factory.mktemp("data o'f 张")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERSMARK_DATA", str(made))
        patch.setenv("PERSMARK_KEY", "5a" * 32)
        files = tmp_path_factory.mktemp("files")
        assert main(["simulate", "--users", "200", "--seed", "3"]) == 0
        assert main(["load", str(write_csv(files / "shop.csv")), "--profiles"]) == 0
        for name in ("demo", "shop"):
            assert main(["train", "popular", "--workspace", name]) == 0
    return made


@pytest.fixture(autouse=True)
def environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSMARK_DATA", str(folder))
    monkeypatch.setenv("PERSMARK_KEY", "5a" * 32)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Run a verb in this process; its JSON, with nothing else on standard output."""

    def do(*words: str) -> Any:
        capsys.readouterr()
        assert main([*words, "--json"]) == 0
        out = capsys.readouterr().out
        assert out.count("\n") == 1
        return json.loads(out)

    yield do


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Run a verb that must be refused; its one line on standard error."""

    def do(*words: str) -> str:
        capsys.readouterr()
        try:
            status = main(list(words))
        except SystemExit as left:
            status = int(left.code or 0)
        said = capsys.readouterr()
        assert (status, said.out) == (2, ""), said.err
        assert said.err.endswith("\n")
        assert said.err.count("\n") == 1, said.err
        return said.err

    yield do


def audits(workspace: str, verb: str) -> list[dict[str, Any]]:
    return open_workspace(workspace).state.rows("audit", {"verb": verb})


def test_workspaces_are_listed_made_and_deleted(run: Any, refused: Any) -> None:
    found = run("workspaces", "--create", "张-x", "--time-zone", "Asia/Kathmandu")
    assert found[0]["workspace"] == "demo"
    (made,) = [one for one in found if one["workspace"] == "张-x"]
    assert made == {
        "workspace": "张-x", "label": "张-x", "kind": "own", "time_zone": "Asia/Kathmandu", "n_events": 0,
        "n_users": 0, "as_of": None,
    }  # fmt: skip
    assert "张-x" not in [one["workspace"] for one in run("workspaces", "--delete", "张-x")]
    assert refused("workspaces", "--delete", "张-x").startswith("persmark: Workspace '张-x' must exist.")


LOAD_KEYS = {"file", "sha256", "kind", "rows_in", "loaded", "duplicate", "rejected", "skipped",
             "rejected_by_reason", "questions", "mapping", "seconds"}  # fmt: skip


def test_load_makes_a_workspace_named_after_the_file(run: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "Käufe 'Mai' 😀.csv", csv_of(["u,i,view,2026-01-01,1", "v,i,view,bad,1"]))
    document = run("load", str(path))
    assert document.keys() == {"workspace", "sources"}
    assert document["workspace"] == "käufe-mai"
    (source,) = document["sources"]
    assert source.keys() >= LOAD_KEYS
    assert (source["file"], source["rows_in"], source["loaded"], source["rejected"]) == (path.name, 2, 1, 1)
    assert source["rejected_by_reason"] == {"bad_time": 1}
    assert source["questions"] == ["Times carry no zone: in which zone were they written? (UTC)"]
    assert source["mapping"]["columns"] == {name: name for name in HEADER.split(",")}
    (row,) = audits("käufe-mai", "load")
    assert json.loads(row["result"])["sources"][0]["sha256"] == source["sha256"]
    again = run("load", str(path), "--workspace", "käufe-mai")
    assert (again["sources"][0]["loaded"], again["sources"][0]["duplicate"]) == (0, 1)
    assert run("load", str(path))["workspace"] == "käufe-mai-2"


def test_rejected_rows_are_written_and_come_back_fixed(run: Any, tmp_path: Path) -> None:
    made = run("load", str(write(tmp_path / "shop.csv", "user_id,event_time\nu,2026-01-01\nv,soon\n")))
    there, out = ("--workspace", made["workspace"]), tmp_path / "fixed.csv"
    found = run("rejects", str(made["sources"][0]["source_id"]), "--out", str(out), *there)
    assert found == {"source_id": 1, "file": str(out), "n_rows": 1}
    out.write_text(out.read_text("utf-8").replace("v,soon", "v,2026-01-02"), "utf-8")
    (source,) = run("load", str(out), *there)["sources"]
    assert (source["loaded"], source["rejected"], source["corrects"]) == (1, 0, 1)


def test_load_takes_a_saved_mapping_by_its_name(run: Any, tmp_path: Path) -> None:
    given = write(
        tmp_path / "m.json", json.dumps({"kind": "events", "columns": {"user_id": "a", "event_time": "b"}})
    )
    first = write(tmp_path / "first.csv", "a,b\nu,2026-01-01\n")
    second = write(tmp_path / "second.csv", "a,b\nv,2026-01-02\n")
    made = run("load", str(first), "--mapping", str(given))
    (source,) = run("load", str(second), "--workspace", made["workspace"], "--mapping", "first.csv")[
        "sources"
    ]
    assert (source["loaded"], source["read_as"]) == (1, "first.csv")


def test_load_takes_several_files_of_kinds_and_a_mapping(run: Any, tmp_path: Path) -> None:
    mapping = {"kind": "events", "columns": {"user_id": "a", "event_time": "b"}, "time_format": "dmy"}
    given = write(tmp_path / "m.json", json.dumps(mapping))
    first = write(tmp_path / "first.csv", "a,b\nu,01/02/2024\n")
    second = write(tmp_path / "second.csv", "a,b\nv,03/04/2024\n")
    document = run("load", str(first), str(second), "--mapping", str(given))
    assert [one["loaded"] for one in document["sources"]] == [1, 1]
    items = write(tmp_path / "items.csv", "id,title\n1,Käse\n")
    document = run("load", str(items), "--kind", "items", "--workspace", document["workspace"])
    assert (document["sources"][0]["kind"], document["sources"][0]["loaded"]) == ("items", 1)


def test_of_several_files_one_that_cannot_be_read_keeps_the_others_out(
    run: Any, refused: Any, tmp_path: Path
) -> None:
    good, empty = tmp_path / "good.csv", tmp_path / "empty.csv"
    good.write_text("user_id,event_time\nu,2026-01-01\n")
    empty.write_text("")
    before = [one["workspace"] for one in run("workspaces")]
    assert "Received: empty.csv, which is empty." in refused("load", str(good), str(empty))
    assert [one["workspace"] for one in run("workspaces")] == before


def test_amounts_whose_sum_no_column_of_amounts_holds_go_all_the_way(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    rows = [f"u,{n},purchase,2026-01-0{n} 10:00:00,90000000000000" for n in (1, 2, 3)]
    path.write_text("\n".join(["user_id,item_id,event_type,event_time,value", *rows]) + "\n")
    made = run("load", str(path), "--profiles")
    assert made["sources"][0]["loaded"] == 3
    with open_workspace(made["workspace"]).reader() as reader:
        assert reader.rows("SELECT CAST(monetary AS VARCHAR) FROM profiles") == [("270000000000000.0000",)]
    run("workspaces", "--delete", made["workspace"])


def test_a_dry_run_says_what_a_file_seems_to_be_and_loads_nothing(run: Any, tmp_path: Path) -> None:
    before = list_workspaces()
    path = write(tmp_path / "x.csv", csv_of(["u,i,view,01/02/2024,1"]))
    (source,) = run("load", str(path), "--dry-run")["sources"]
    assert source.keys() == {"kind", "columns", "mapping", "notes", "questions"}
    assert [one["key"] for one in source["questions"]] == ["time_format", "time_zone"]
    assert list_workspaces() == before


def test_profiles(run: Any) -> None:
    found = run("profiles", "--workspace", "demo", "--as-of", "2030-01-01T00:00:00")
    assert found.keys() == {"n_users", "as_of", "seconds", "n_refreshed"}
    assert found["as_of"] == "2030-01-01T00:00:00"
    again = run("profiles", "--workspace", "demo")
    assert 0 < again["n_users"] <= 200
    assert again["n_refreshed"] == again["n_users"]  # the moment went back
    assert run("profiles", "--workspace", "demo")["n_refreshed"] == 0
    assert len(audits("demo", "build profiles")) >= 2


def test_segments_are_saved_and_listed(run: Any, tmp_path: Path) -> None:
    rule = write(tmp_path / "rule '张'.json", json.dumps(RULE))
    found = run("segments", "--workspace", "shop", "--build", HARD, "--rule", str(rule))
    assert all(one.keys() == {"segment", "n_users", "rule"} for one in found)
    (mine,) = [one for one in found if one["segment"] == HARD]
    assert mine["rule"] == RULE
    assert 0 < mine["n_users"] <= 40
    assert "everyone" in [one["segment"] for one in run("segments", "--workspace", "shop")]


def test_train(run: Any) -> None:
    found = run("train", "repeat", "--workspace", "shop", "--set", "half_life_days=10")
    assert found.keys() >= {"run_id", "recommender", "fit_seconds", "metrics", "state"}
    assert (found["recommender"], found["settings"]["half_life_days"]) == ("repeat", 10)
    assert len(audits("shop", "train")) >= 2


EVALUATE_KEYS = {
    "split",
    "k",
    "n_users",
    "n_items",
    "target",
    "min_item_events",
    "repeats",
    "results",
    "verdict",
    "alarms",
}
RESULT_KEYS = {"recommender", "ndcg", "recall", "hit_rate", "mrr", "coverage", "ndcg_interval", "fit_seconds",
               "score_seconds", "settings", "novelty", "popularity_bias", "exposure_gini", "debiased_recall",
               "intervals", "against_simple", "against_single", "by_history", "by_segment", "curve",
               "overfitting"}  # fmt: skip


def test_train_the_best_and_keep_its_run_by_name(run: Any, refused: Any) -> None:
    own = ["--workspace", "shop"]
    found = run(
        "train", "--best", "--minutes", "2", "--recommenders", "markov", "--name", HARD,
        "--weights", "view=0.1", "--window-days", "60", "--set", "markov.step_items=3", *own,
    )  # fmt: skip
    assert (found["label"], found["data"]["window_days"]) == (HARD, 60)
    assert found["data"]["event_weights"]["view"] == 0.1
    measured = found["evaluation"]["results"]
    assert [one["recommender"] for one in measured] == ["popular", "repeat", "markov"]
    assert measured[2]["settings"]["step_items"] == 3
    assert found["evaluation"]["split"]["n_users_judged"]["allowed"] == found["evaluation"]["n_users"]
    assert found["skipped"] == []
    assert found["search_seconds"] < 120
    before = run("runs", *own)
    assert run("runs", "--rename", found["run_id"], "--name", "Spring", *own)["label"] == "Spring"
    compared = run("runs", "--compare", found["run_id"], before[0]["run_id"], *own)
    assert (compared["paired"], compared["differences"]["ndcg"]["difference"]) == (True, 0.0)
    serving = next(one["run_id"] for one in before if one["state"] == "published")
    assert run("runs", "--publish", serving, *own)["state"] == "published"
    assert refused("train", *own).startswith("persmark: What to train must be named.")
    assert refused("train", "markov", "--best", *own).startswith("persmark: The best is found among all.")
    assert refused("train", "popular", "--weights", "view", *own).startswith(
        "persmark: A weight must be given"
    )


def test_evaluate_both_ways_for_a_segment(run: Any) -> None:
    found = run(
        "evaluate", "--workspace", "shop", "--recommenders", "popular,repeat", "--test-days", "14",
        "--repeats", "both", "--segment", "everyone", "--set", "popular.half_life_days=9",
    )  # fmt: skip
    # Everybody in this shop only ever comes back to what they had.
    assert found["split"]["n_users_judged"] == {"allowed": found["n_users"], "removed": 0}
    assert "removed" not in found
    (row,) = found["results"][0]["by_segment"]
    assert (row["group"], row["n_users"]) == ("everyone", found["n_users"])
    assert found["results"][0]["settings"]["half_life_days"] == 9


@pytest.mark.parametrize("split", ["temporal", "leave-one-out"])
def test_evaluate(run: Any, split: str) -> None:
    found = run(
        "evaluate", "--workspace", "shop", "--recommenders", "popular, repeat,markov", "--target", "purchase",
        "--test-days", "14", "-k", "5", "--split", split, "--min-item-events", "2",
    )  # fmt: skip
    assert found.keys() == EVALUATE_KEYS
    assert [one["recommender"] for one in found["results"]] == ["popular", "repeat", "markov"]
    assert all(one.keys() == RESULT_KEYS for one in found["results"])
    assert (found["k"], found["target"], found["min_item_events"]) == (5, "purchase", 2)
    assert all(0 <= one["ndcg"] <= 1 for one in found["results"])


SLATE_KEYS = {"recommender", "data_version", "items"}
ITEM_KEYS = {"rank", "item_id", "title", "kind", "score", "reason"}


def test_slate_of_a_user_and_of_a_segment(run: Any) -> None:
    found = run("slate", "--workspace", "shop", "--user", HARD_USER, "-k", "4")
    assert found.keys() >= {"user_id", *SLATE_KEYS}
    assert found["user_id"] == HARD_USER
    assert [one["rank"] for one in found["items"]] == [1, 2, 3, 4]
    assert all(one.keys() >= ITEM_KEYS for one in found["items"])
    found = run(
        "slate", "--workspace", "shop", "--segment", "everyone", "-k", "2", "--recommender", "popular"
    )
    assert found.keys() >= {"segment", *SLATE_KEYS}
    assert len(found["items"]) == 2
    for kind in ("ad", "content"):
        found = run("slate", "--workspace", "demo", "--segment", "everyone", "--kind", kind)
        assert {one["kind"] for one in found["items"]} <= {kind}


def test_from_an_audience_to_a_target_list(run: Any, tmp_path: Path) -> None:
    name = f"Spring {HARD}"
    made = run(
        "audience", name, "--workspace", "shop", "--segment", "everyone", "--holdout", "0.25", "--seed", "9"
    )
    assert (made["audience"], made["n_users"], made["n_holdout"], made["n_target"], made["seed"]) == (
        name,
        40,
        10,
        30,
        9,
    )
    out = tmp_path / "out 张"
    found = run("export", "--workspace", "shop", "--audience", name, "--out", str(out), "--items", "2")
    assert found["n_rows"] == 30
    with Path(found["file"]).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30
    assert Path(found["file"]).parent == out
    assert (len(audits("shop", "create audience")), len(audits("shop", "export"))) == (1, 1)


def test_one_event_is_enough_for_everything_that_does_not_measure(
    run: Any, refused: Any, tmp_path: Path
) -> None:
    path = write(tmp_path / "one.csv", csv_of(["u,i,purchase,2026-01-01,1"]))
    run("load", str(path), "--profiles")
    for name in ("popular", "repeat", "markov"):
        assert run("train", name, "--workspace", "one")["recommender"] == name
    assert [one["item_id"] for one in run("slate", "--workspace", "one", "--user", "u")["items"]] == ["i"]
    assert refused("evaluate", "--workspace", "one").startswith("persmark: ")
    assert run("audience", "all", "--workspace", "one", "--segment", "everyone")["n_users"] == 1
    assert run("export", "--workspace", "one", "--audience", "all")["n_rows"] in (0, 1)


def test_compact(run: Any) -> None:
    assert run("compact", "--workspace", "shop") == {
        "n_events": open_workspace("shop").stats("events")["n_events"]
    }


def test_without_json_people_get_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["workspaces"]) == 0
    assert "workspace=demo  label=Demo (synthetic)  kind=demo" in capsys.readouterr().out
    assert main(["profiles", "--workspace", "demo"]) == 0
    assert capsys.readouterr().out.startswith("n_users: ")


WRONG: dict[str, tuple[list[str], str]] = {
    "no verb": ([], "persmark: the following arguments are required: VERB"),
    "unknown verb": (["dance"], "persmark: argument VERB: invalid choice: 'dance'"),
    "wrong flag": (["workspaces", "--colour"], "persmark: unrecognized arguments: --colour"),
    "wrong number": (["simulate", "--users", "many"], "persmark simulate: argument --users: invalid int value: 'many'"),
    "users below nought": (["simulate", "--users", "-5"], "persmark: "),
    "missing file": (["load", "/no/such 'file.csv"],
                     "persmark: A file to load must exist. Received: /no/such 'file.csv. Check the path."),
    "unknown workspace": (["profiles", "--workspace", "no such"],
                          "persmark: Workspace 'no such' must exist. Received: no such. Available: demo"),
    "unknown workspace to load into": (["load", "{good}", "--workspace", "nö"], "persmark: Workspace 'nö' must exist."),
    "unknown zone": (["load", "{good}", "--time-zone", "Mars"], "persmark: A time zone must be an IANA name. Received: Mars."),
    "mapping missing": (["load", "{good}", "--mapping", "/no.json"],
                        "persmark: A mapping must be a JSON file, or saved in the workspace. Received: /no.json. Saved here: none."),
    "mapping no json": (["load", "{good}", "--mapping", "{good}"], "persmark: A mapping must be JSON. Received: "),
    "mapping null": (["load", "{good}", "--mapping", "{null}"], "persmark: A mapping must be a JSON object. Received: None."),
    "mapping empty": (["load", "{good}", "--mapping", "{empty}"], "persmark: A mapping must have 'kind' and 'columns'"),
    "mapping list": (["load", "{good}", "--mapping", "{list}"], "persmark: A mapping must be a JSON object."),
    "mapping that does not fit": (["load", "{good}", "--mapping", "{mapping}"], "persmark: Mapped column 'x' must be in good.csv."),
    "a zip": (["load", "{zip}"], "persmark: A file must be CSV, TSV, Parquet or JSON lines."),
    "an open question": (["load", "{dates}"], "persmark: A file's meaning must not be guessed: Is 01/02/2024 day first"),
    "as of what": (["profiles", "--workspace", "shop", "--as-of", "soon"],
                   "persmark: A time must be ISO-8601, UTC. Received: soon."),
    "profiles of nothing": (["profiles", "--workspace", "blank"], "persmark: "),
    "segment without rule": (["segments", "--workspace", "shop", "--build", "x"],
                             "persmark: A segment must have a rule. Received: --build without --rule."),
    "rule no json": (["segments", "--workspace", "shop", "--build", "x", "--rule", "{good}"],
                     "persmark: A rule must be JSON. Received: "),
    "rule list": (["segments", "--workspace", "shop", "--build", "x", "--rule", "{list}"], "persmark: "),
    "rule null": (["segments", "--workspace", "shop", "--build", "x", "--rule", "{null}"], "persmark: "),
    "rule unknown column": (["segments", "--workspace", "shop", "--build", "x", "--rule", "{rule}"], "persmark: "),
    "rule of bytes": (["segments", "--workspace", "shop", "--build", "x", "--rule", "{zip}"],
                      "persmark: A rule must be JSON. Received: "),
    "unknown recommender": (["train", "magic", "--workspace", "shop"], "persmark: "),
    "unknown setting": (["train", "popular", "--workspace", "shop", "--set", "colour=1"], "persmark: "),
    "setting without value": (["train", "popular", "--workspace", "shop", "--set", "colour"],
                              "persmark: A setting must be given as key=value. Received: colour."),
    "nothing to train on": (["train", "popular", "--workspace", "blank"], "persmark: "),
    "evaluate unknown": (["evaluate", "--workspace", "shop", "--recommenders", "popular,magic"], "persmark: "),
    "evaluate none": (["evaluate", "--workspace", "shop", "--recommenders", ","], "persmark: "),
    "evaluate k": (["evaluate", "--workspace", "shop", "-k", "0"], "persmark: "),
    "evaluate days": (["evaluate", "--workspace", "shop", "--test-days", "-1"], "persmark: "),
    "evaluate given nothing": (["evaluate", "--workspace", "shop", "--split", "given"], "persmark: "),
    "evaluate given missing": (["evaluate", "--workspace", "shop", "--split", "given", "--test", "/no.csv"], "persmark: "),
    "evaluate target": (["evaluate", "--workspace", "shop", "--target", "dance"], "persmark: "),
    "evaluate split": (["evaluate", "--workspace", "shop", "--split", "magic"],
                       "persmark evaluate: argument --split: invalid choice: 'magic'"),
    "unknown user": (["slate", "--workspace", "shop", "--user", "no 'body"], "persmark: User 'no 'body' must"),
    "unknown segment": (["slate", "--workspace", "shop", "--segment", "nö"], "persmark: "),
    "user and segment": (["slate", "--user", "u", "--segment", "s"], "persmark slate: argument --segment: not allowed with"),
    "nobody": (["slate", "--workspace", "shop"], "persmark slate: one of the arguments --user --segment is required"),
    "slate k": (["slate", "--workspace", "shop", "--user", "user-01", "-k", "-1"], "persmark: "),
    "slate without run": (["slate", "--workspace", "blank", "--user", "u"], "persmark: A slate needs a trained recommender."),
    "slate never trained": (["slate", "--workspace", "shop", "--user", "user-01", "--recommender", "spectral"],
                            "persmark: Recommender 'spectral' must have been trained in this workspace."),
    "slate unknown recommender": (["slate", "--workspace", "shop", "--user", "user-01", "--recommender", "magic"], "persmark: "),
    "slate rules": (["slate", "--workspace", "shop", "--user", "user-01", "--rules", "{mapping}"], "persmark: A slate rule must be known."),
    "slate rules list": (["slate", "--workspace", "shop", "--user", "user-01", "--rules", "{list}"], "persmark: Slate rules must be a JSON object."),
    "audience of nobody": (["audience", "x", "--workspace", "shop"], "persmark: An audience needs a segment or an item."),
    "audience unknown segment": (["audience", "x", "--workspace", "shop", "--segment", "nö"], "persmark: "),
    "audience unknown item": (["audience", "x", "--workspace", "shop", "--item", "nö"], "persmark: "),
    "audience holdout": (["audience", "x", "--workspace", "shop", "--segment", "everyone", "--holdout", "2"],
                         "persmark: A holdout's share must be at least 0 and below 1. Received: 2"),
    "export unknown": (["export", "--workspace", "shop", "--audience", "nö"], "persmark: "),
    "compact nothing": (["compact", "--workspace", "no"], "persmark: Workspace 'no' must exist."),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_the_callers_mistake_is_exit_2_and_one_clear_line(
    refused: Any, run: Any, tmp_path: Path, case: str
) -> None:
    contents: dict[str, str | bytes] = {
        "good": csv_of(["u,i,view,2026-01-01,1"]), "null": "null", "empty": "{}", "list": "[1, 2]",
        "mapping": json.dumps({"kind": "events", "columns": {"user_id": "x", "event_time": "event_time"}}),
        "rule": json.dumps({"column": "nö '", "is": ">=", "value": 1}), "zip": b"PK\x03\x04\xff\xfe",
        "dates": csv_of(["u,i,view,01/02/2024,1"]),
    }  # fmt: skip
    paths = {
        name: str(
            write(tmp_path / f"{name}.{'csv' if name in ('good', 'zip', 'dates') else 'json'}", content)
        )
        for name, content in contents.items()
    }
    words, message = WRONG[case]
    if "blank" in words:
        run("workspaces", "--create", "blank")
    before = list_workspaces()
    said = refused(*(paths[word[1:-1]] if word[:1] == "{" else word for word in words))
    assert said.startswith(message), said
    # What was refused leaves no workspace behind.
    assert list_workspaces() == before


def test_the_sample_refuses_files(refused: Any, tmp_path: Path) -> None:
    from persmark import actions

    actions.sample_workspace()
    path = write(tmp_path / "x.csv", csv_of(["u,i,view,2026-01-01,1"]))
    said = refused("load", str(path), "--workspace", "sample")
    assert said.startswith("persmark: The built-in sample must stay as it is. Received: x.csv")


def shell(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "persmark", *words], capture_output=True, text=True, cwd=cwd, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_as_a_real_process_it_prints_json_and_exits_0(tmp_path: Path) -> None:
    path = write(tmp_path / "o'f 张.csv", csv_of([f"{HARD.replace(chr(34), '')},i,view,2026-01-01,1"]))
    done = shell("load", path.name, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["sources"][0]["loaded"] == 1
    done = shell("slate", "--workspace", "shop", "--user", HARD_USER, "--json")
    assert json.loads(done.stdout)["user_id"] == HARD_USER


def test_as_a_real_process_a_mistake_is_one_line_and_exit_2() -> None:
    for words in (["dance"], ["slate", "--workspace", "shop", "--user", "nö"], ["load", "/no/file"]):
        done = shell(*words)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr


def test_explain_says_why_and_without_what(run: Any) -> None:
    said = run("explain", "--user", HARD_USER, "--workspace", "shop", "-k", "3")
    assert said["user_id"] == HARD_USER
    assert len(said["items"]) == 3
    # What is popular for everybody is there whatever one person did.
    assert {item["why"] for item in said["items"]} == {"nothing they did speaks for it: it is popular"}
    assert said["verdict"] is None
    one = run("explain", "--user", HARD_USER, "--item", "sku-5", "--workspace", "shop")
    assert [item["item_id"] for item in one["items"]] == ["sku-5"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("explain", "--user", "nobody", "--workspace", "shop"),
            "A user must have events. Received: nobody.",
        ),
        (("explain", "--user", HARD_USER, "--item", "gin", "--workspace", "shop"), "Received: gin."),
        (("judge", "--workspace", "shop"), "must be that of a model that has weights. Received: popular."),
    ],
)
def test_questions_about_attention_that_have_no_answer(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(list(words)) == 2
    assert message in capsys.readouterr().err
