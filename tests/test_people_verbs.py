"""The command line's verbs over users: one user, counts of a rule, comparisons, moves, groups, lookalikes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from persmark.__main__ import main
from persmark.commands.people import judged
from tests.shop import HARD_USER, write_csv


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the workspace `shop` lies, with profiles."""
    made = tmp_path_factory.mktemp("data o'f 张")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERSMARK_DATA", str(made))
        patch.setenv("PERSMARK_KEY", "5a" * 32)
        assert (
            main(["load", str(write_csv(tmp_path_factory.mktemp("files") / "shop.csv")), "--profiles"]) == 0
        )
    return made


@pytest.fixture(autouse=True)
def environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSMARK_DATA", str(folder))
    monkeypatch.setenv("PERSMARK_KEY", "5a" * 32)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a verb on the shop; its JSON."""

    def do(*words: str) -> Any:
        capsys.readouterr()
        assert main([*words, "--workspace", "shop", "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return do


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a verb that must be refused; its one line."""

    def do(*words: str) -> str:
        capsys.readouterr()
        assert main([*words, "--workspace", "shop"]) == 2
        said = capsys.readouterr()
        assert said.out == "" and said.err.count("\n") == 1, said.err
        return said.err

    return do


def rule_file(folder: Path, rule: object) -> str:
    path = folder / "rule.json"
    path.write_text(json.dumps(rule, ensure_ascii=False), "utf-8")
    return str(path)


def test_a_rule_is_counted_without_being_saved(run: Any, tmp_path: Path) -> None:
    rule = {
        "all": [
            {"column": "n_purchases", "is": ">=", "value": 1},
            {"column": "user_id", "is": "=", "value": HARD_USER},
        ]
    }
    found = run("segments", "--rule", rule_file(tmp_path, rule))
    assert found["n_users"] == found["clauses"][-1]["n_left"] == 1
    assert found["clauses"][0]["n_users"] == found["n_buyers"] + found["clauses"][0]["n_left"] - 1
    assert found["consent"]["email"] == {"granted": 0, "denied": 0, "unknown": 1}
    assert "nobody" not in [one["segment"] for one in run("segments")]


def test_one_user(run: Any, refused: Any) -> None:
    found = run("user", HARD_USER)
    assert found["user_id"] == found["profile"]["user_id"] == HARD_USER
    assert "everyone" in found["segments"]
    shares = [one["attention_share"] for one in found["attention"] if one["dimension"] == "daypart"]
    assert sum(shares) == pytest.approx(1)
    assert found["predictions"] == []
    assert refused("user", "nobody 中").startswith(
        "persmark: A user must have a profile. Received: nobody 中."
    )


def test_segments_side_by_side(run: Any, refused: Any) -> None:
    found = run("compare", "everyone", "lifecycle: active")
    sizes = {one["segment"]: one["n_users"] for one in run("segments")}
    assert found["segments"] == [
        {"segment": name, "n_users": sizes[name]} for name in ("everyone", "lifecycle: active")
    ]
    assert "persmark: Segment 'no such' must exist. Received: no such." in refused(
        "compare", "everyone", "no such"
    )


def test_moves_add_up(run: Any, refused: Any) -> None:
    since = run("user", HARD_USER)["profile"]["as_of"]
    found = run("moved", "--segment", "everyone", "--since", "2026-01-20T00:00:00")
    assert found["n_before"] + found["n_entered"] - found["n_left"] == found["n_after"]
    assert sum(way["n_users"] for way in found["ways"]) == found["n_entered"] + found["n_left"]
    assert found["after"] == since.replace(" ", "T")
    assert refused("moved", "--segment", "everyone", "--since", "soon").startswith(
        "persmark: A time must be ISO-8601, UTC. Received: soon."
    )


def test_too_few_users_are_told_so(run: Any, refused: Any, tmp_path: Path) -> None:
    assert run("groups")["real"] is False
    assert "Lookalikes must have one seed. Received: 0." in refused("lookalikes")
    seed = tmp_path / "seed.txt"
    seed.write_text(HARD_USER, "utf-8")
    assert "seed" in refused("lookalikes", "--users", str(seed))
    assert refused("lookalikes", "--users", str(tmp_path / "none.txt")).startswith(
        f"persmark: A list of users must be a text file, one id a line. Received: {tmp_path / 'none.txt'}."
    )
    assert refused("groups", "--save", "1").startswith(
        "persmark: A segment to be saved must have a name. Received: --save without --as."
    )
    assert refused("segments", "--build", "x").startswith(
        "persmark: A segment must have a rule. Received: --build without --rule."
    )


def test_a_saved_segment_is_changed_and_taken_back(run: Any, refused: Any, tmp_path: Path) -> None:
    name = 'Käufer "两次" 🧀'
    rule = {"column": "n_purchases", "is": ">=", "value": 2}
    run("segments", "--build", name, "--rule", rule_file(tmp_path, rule))
    run("segments", "--build", name, "--rule", rule_file(tmp_path, {**rule, "value": 5}))
    found = run("segment", name)
    assert [one["version"] for one in found["versions"]] == [2, 1]
    assert found["rule"] == {**rule, "value": 5}
    assert "WHERE" in found["sql"]
    run("segment", name, "--undo")
    assert run("segment", name)["rule"] == rule
    (clause,) = run("segment", name, "--why", HARD_USER)
    assert clause == {"clause": "Orders is at least 2 orders", "holds": True}
    copy = tmp_path / "copy.json"
    copy.write_text(json.dumps(run("segment", name)), "utf-8")
    run("segment", "copied", "--read", str(copy))
    run("segment", name, "--duplicate", "again")
    assert run("segment", "copied")["rule"] == run("segment", "again")["rule"] == rule
    run("segment", "again", "--delete")
    assert "Segment 'again' must exist. Received: again." in refused("segment", "again", "--why", HARD_USER)
    assert refused("segment", "x", "--read", "/nowhere.json") == (
        "persmark: A rule must be a file that can be read. Received: /nowhere.json.\n"
    )


def test_verdicts_are_told_in_sentences() -> None:
    sentence = {"template": "It beats {names}.", "values": {"names": {"template": "chance", "values": {}}}}
    one = {"kind": "chance", "figures": {"model": {"auc": [0.75, 0.5, 1.0]}}, "verdict": sentence}
    why = {"template": "It needs {n} days.", "values": {"n": 196}}
    report = {
        "targets": {"buy": one},
        "categories": one,
        "refused": [{"target": "churn", "title": "Stops buying", "why": why}],
    }
    assert judged(report, whole=False) == {
        "verdicts": {"buy": "It beats chance.", "all categories": "It beats chance."},
        "refused": {"churn": "It needs 196 days."},
    }
    told = {**one, "verdict": "It beats chance."}
    assert judged(report, whole=True) == {
        "targets": {"buy": told},
        "categories": told,
        "refused": [{"target": "churn", "title": "Stops buying", "why": "It needs 196 days."}],
    }
