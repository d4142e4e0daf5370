"""Every page: in an empty workspace, with data, as the first thing a fresh server is asked for."""

from __future__ import annotations

import re
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest
from streamlit.testing.v1 import AppTest

from persmark import actions, campaigns, jobs, recommend, segments
from persmark.privacy import MINIMUM_GROUP_SIZE
from persmark.store import Workspace, create_workspace
from persmark.ui.pages import STEPS, page_path
from tests.opened import finished, open_page, said, whole
from tests.shop import ACTOR, HARD_ITEM, HARD_USER, N_USERS, load_shop

FEW = {"column": "n_purchases", "is": ">=", "value": 20}
RULE = {"column": "n_purchases", "is": ">=", "value": 5}
STEP_BEFORE = {
    "quality": "this workspace has none yet",
    "profiles": "this workspace has none yet",
    "user": "this workspace has none yet",
    "predictions": "this workspace has none yet",
    "segments": "no events yet",
    "discover": "no events yet",
    "compare": "no events yet",
    "train": "this workspace has none yet",
    "leaderboard": "this workspace has none yet",
    "attention": "this workspace has none yet",
    "slates": "this workspace has none yet",
    "campaigns": "no events yet",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with an empty workspace and a loaded shop with a trained recommender."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERSMARK_DATA", str(folder))
        create_workspace("blank")
        shop = load_shop(tmp_path_factory.mktemp("files"))
        actions.run(shop, ACTOR, actions.Train(recommender="repeat"))
        judged = actions.Evaluate(target=None, repeats="both", test_days=14, segments=("everyone",))
        actions.run(shop, ACTOR, judged)
        actions.run(shop, ACTOR, actions.TrainPredictions())
        actions.run(shop, ACTOR, actions.SaveSegment(name=f"Regulars {HARD_USER}", rule=RULE))
        asked = actions.CreateAudience(name=f"Spring {HARD_USER}", segment="everyone")
        actions.run(shop, ACTOR, asked)
        actions.run(shop, ACTOR, actions.ExportAudience(audience=f"Spring {HARD_USER}"))
        cut = actions.run(shop, ACTOR, actions.FindGroups(families=("buying", "category"), wanted=2))
        actions.run(shop, ACTOR, actions.SaveGroup(run_id=cut["run_id"], number=1, name=f"Cut {HARD_USER}"))
        some = (HARD_USER, *(f"user-{n:02d}" for n in range(1, 12)))
        actions.run(shop, ACTOR, actions.FindLookalikes(user_ids=some))
    return folder


@pytest.fixture
def shop(data: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("PERSMARK_DATA", str(data))
    from persmark.store import open_workspace

    return open_workspace("shop")


@pytest.mark.parametrize("page", STEPS)
def test_empty_workspace_says_what_to_do(shop, page):
    at = open_page(page, "blank")
    whole(at)
    assert at.title[0].value == STEPS[page].title
    assert at.selectbox(key="workspace").value == "blank"
    assert STEP_BEFORE.get(page, "Nothing is loaded here yet") in said(at)


@pytest.mark.parametrize("page", STEPS)
def test_loaded_workspace_is_shown_whole(shop, page):
    at = open_page(page, "shop")
    whole(at)
    assert at.title[0].value == STEPS[page].title
    assert len(at.get("plotly_chart")) >= 1
    assert "pm-reading" in said(at)


@pytest.mark.parametrize("page", STEPS)
def test_data_values_are_never_markup(shop, page):
    at = open_page(page, "shop", user=HARD_USER)
    whole(at)
    assert "<img" not in said(at)
    for one in [*at.markdown, *at.caption, *at.warning, *at.info]:
        assert "![" not in one.value
        assert "<img" not in one.value


def test_unknown_workspace_in_a_link_is_said(shop):
    at = open_page("profiles", "no-such")
    whole(at)
    assert "does not exist" in at.warning[0].value
    assert "no-such" in said(at)


def test_the_workspace_survives_a_change_of_page(shop):
    at = open_page("events", "shop")
    at.switch_page(page_path("profiles")).run()
    whole(at)
    assert at.selectbox(key="workspace").value == "shop"
    assert at.title[0].value == "Profiles"


def test_switching_the_workspace_leaves_no_choice_of_the_other_behind(shop):
    at = open_page("campaigns", "shop")
    at.selectbox(key="workspace").set_value("blank").run()
    whole(at)
    at.selectbox(key="workspace").set_value("shop").run()
    whole(at)


def test_events_page_shows_the_ledger_and_the_rejected_row(shop):
    at = open_page("events", "shop")
    tables = {tuple(one.value.columns): one.value for one in at.dataframe}
    ledger = next(table for columns, table in tables.items() if "rows_in" in columns)
    row = ledger.iloc[0]
    assert row["rows_in"] == row["loaded"] + row["duplicate"] + row["rejected"] + row["skipped"]
    assert row["rejected"] == 1


def test_a_headline_count_opens_to_its_users(shop):
    at = open_page("profiles", "shop")
    before = len(at.dataframe)
    at.session_state["opened_stage"] = "Buyers"
    at.run()
    whole(at)
    assert len(at.dataframe) == before + 1
    listed = next(one.value for one in at.dataframe if "mean_gap_days" in one.value.columns)
    assert len(listed) == N_USERS
    assert HARD_USER in listed["user_id"].tolist()
    place = listed["user_id"].tolist().index(HARD_USER)
    at.session_state["table-users-stage"] = {"selection": {"rows": [place], "columns": []}}
    at.run()
    whole(at)
    (link,) = [one.proto for one in at.get("page_link") if "Open user" in one.proto.label]
    assert link.query_string == urlencode({"workspace": "shop", "user": HARD_USER})


def test_a_count_of_a_few_users_is_not_opened(shop):
    few = segments.count(shop.reader(), FEW)
    assert 0 < few < MINIMUM_GROUP_SIZE
    actions.run(shop, ACTOR, actions.SaveSegment(name="A few", rule=FEW))
    at = open_page("segments", "shop")
    names = next(one.value for one in at.dataframe if "who" in one.value.columns)["segment"].tolist()
    at.session_state["table-segments"] = {"selection": {"rows": [names.index("A few")], "columns": []}}
    at.run()
    whole(at)
    assert "Fewer than 11 users: not listed." in said(at)
    assert not [one for one in at.dataframe if "mean_gap_days" in one.value.columns]
    at.session_state["table-segments"] = {"selection": {"rows": [names.index("Everyone")], "columns": []}}
    at.run()
    whole(at)
    listed = next(one.value for one in at.dataframe if "mean_gap_days" in one.value.columns)
    assert len(listed) == N_USERS
    actions.run(shop, ACTOR, actions.DeleteSegment(name="A few"))


def test_user_page_finds_a_user_with_a_hard_name(shop):
    at = open_page("user", "shop", user=HARD_USER)
    whole(at)
    assert "Last order" in said(at)
    assert "</span> O&#x27;Neil &quot;乳品&quot; 🧀</h2>" in said(at)
    assert HARD_ITEM not in said(at)


def test_user_page_offers_matches_for_a_part_of_an_id(shop):
    at = open_page("user", "shop")
    at.text_input(key="user").set_value("user-1").run()
    whole(at)
    assert at.get("button_group")


def test_a_feature_can_be_chosen(shop):
    at = open_page("profiles", "shop")
    for name in ("monetary", "lifecycle", "last_event_time", "weekend_share"):
        at.selectbox(key="feature").set_value(name).run()
        whole(at)


def test_a_segment_is_built_saved_deleted_and_brought_back(shop):
    at = open_page("segments", "shop")
    palette = next(one for one in at.selectbox if (one.key or "").startswith("palette_"))
    palette.set_value("Profile · Orders (orders)").run()
    next(one for one in at.number_input if one.key.endswith("n_purchases_>=_value")).set_value(8).run()
    at.button(key="add_condition").click().run()
    whole(at)
    n_users = segments.count(shop.reader(), {"column": "n_purchases", "is": ">=", "value": 8})
    assert 0 < n_users < N_USERS
    assert f"<dd>{n_users:,}<small>of {N_USERS}</small>" in said(at)
    at.text_input(key="segment_name").set_value('Zoë\'s "best" 乳品')
    at.button(key="save_rule").click().run()
    whole(at)
    names = [one.name for one in segments.list_segments(shop)]
    assert 'Zoë\'s "best" 乳品' in names
    saved = at.selectbox(key="saved")
    saved.set_value(next(one for one in saved.options if "Zoë" in one)).run()
    at.button(key="delete_segment").click().run()
    whole(at)
    assert 'Zoë\'s "best" 乳品' not in [one.name for one in segments.list_segments(shop)]
    at.button(key="undo_delete").click().run()
    whole(at)
    assert 'Zoë\'s "best" 乳品' in [one.name for one in segments.list_segments(shop)]


def test_groups_that_were_asked_for_are_not_called_real_and_can_be_kept(shop):
    at = open_page("discover", "shop")
    whole(at)
    assert "No real groups" in said(at)
    assert "were asked for all the same" in said(at)
    run_id = segments.found_groups(shop)[0].run_id
    at.text_input(key=f"name-{run_id}-1").set_value(f"Kept {HARD_USER}")
    at.button(key="save_group").click().run()
    whole(at)
    kept = [one.name for one in segments.user_lists(shop)]
    assert kept == [f"Cut {HARD_USER}", f"Kept {HARD_USER}"]
    actions.run(shop, ACTOR, actions.DeleteSegment(name=f"Kept {HARD_USER}"))


def test_lookalikes_of_pasted_ids_are_looked_for_beside_the_page(shop):
    at = open_page("discover", "shop")
    at.segmented_control(key="seed_kind").set_value("A list of user ids").run()
    assert at.button(key="find_lookalikes").disabled
    at.text_area(key="seed_ids").set_value("\n".join(f"user-{n:02d}" for n in range(1, 11))).run()
    assert "10 user ids" in said(at)
    at.button(key="find_lookalikes").click().run()
    whole(at)
    finished(shop, "lookalikes")
    found = segments.found_lookalikes(shop)[0]
    assert (found.n_seed, found.n_others) == (10, N_USERS - 10)
    at = open_page("discover", "shop")
    whole(at)
    assert "Lookalikes of a list of 10 users" in said(at)


def test_a_linked_rule_is_drafted_and_a_broken_one_refused_in_words(shop):
    at = open_page("segments", "shop", rule='{"all": [{"column": "n_purchases", "is": ">=", "value": 8}]}')
    whole(at)
    assert "Users that match" in said(at)
    broken = open_page("segments", "shop", rule='{"all": [{"column": "nonsense", "is": "=", "value": 1}]}')
    assert not broken.exception
    assert "A rule&#x27;s column must be a column of the profiles." in said(broken)


def test_training_runs_beside_the_page_and_is_listed(shop):
    at = open_page("train", "shop", recommender="popular")
    at.button(key="train_now").click().run()
    assert not at.exception
    finished(shop, "train")
    again = open_page("train", "shop")
    whole(again)
    assert {run.recommender for run in recommend.runs(shop)} >= {"repeat", "popular"}


def test_a_comparison_is_shown_with_its_intervals(shop):
    at = open_page("leaderboard", "shop")
    at.number_input(key="min_item_events").set_value(1)
    at.number_input(key="test_days").set_value(21)
    at.multiselect(key="evaluate_names").set_value(["popular", "repeat"])
    at.button(key="compare").click().run()
    assert not at.exception
    finished(shop, "evaluate")
    again = open_page("leaderboard", "shop")
    whole(again)
    assert "21 days from" in said(again)
    assert "nobody came to anything new" in said(again)
    board = next(one.value for one in again.dataframe if "against_simple" in one.value.columns)
    assert sorted(board["recommender"]) == ["popular", "repeat"]
    again.selectbox(key="evaluation").select_index(1).run()
    whole(again)
    for heading in ("By how well a user is known", "By segment", "Beside being right", "What it costs"):
        assert heading in said(again)


def test_the_best_is_searched_cancelled_and_gone_on_with(shop):
    serving = recommend.published(shop)
    at = open_page("train", "shop")
    at.multiselect(key="search_names").set_value(["markov"])
    at.select_slider(key="search_minutes").set_value(1)
    at.text_input(key="run_label").set_value(f"Best {HARD_USER}")
    at.button(key="train_now").click().run()
    assert not at.exception
    give_up = time.monotonic() + 60
    while not recommend.unfinished(shop) and time.monotonic() < give_up:
        time.sleep(0.02)
    cancelled = jobs.cancel(shop, jobs.latest(shop, "find best").job_id)
    at = open_page("train", "shop")
    assert not at.exception
    assert recommend.published(shop).run_id == serving.run_id
    if cancelled.state == "cancelled":
        assert "the published recommender goes on serving" in at.info[0].value
        at.button(key="resume").click().run()
        assert not at.exception
    job = finished(shop, "find best")
    at = open_page("train", "shop")
    whole(at)
    assert "What the last search found" in said(at)
    assert {row["recommender"] for row in job.result["evaluation"]["results"]} == {
        "popular",
        "repeat",
        "markov",
    }
    assert job.result["label"] == f"Best {HARD_USER}"
    actions.run(shop, ACTOR, actions.PublishRun(run_id=serving.run_id))


def test_a_run_is_named_and_compared_with_another(shop):
    first = recommend.published(shop)
    at = open_page("train", "shop")
    at.text_input(key="new_run_name").set_value(f"Mine {HARD_USER}")
    at.button(key="name_run_now").click().run()
    whole(at)
    assert recommend.runs(shop)[0].label == f"Mine {HARD_USER}"
    assert re.search(r"the same \d+ users|were not asked for the same things", said(at))
    assert recommend.published(shop).run_id == first.run_id


def test_a_run_is_published_and_rolled_back(shop):
    first = recommend.published(shop)
    other = actions.run(shop, ACTOR, actions.Train(recommender="popular"))
    at = open_page("train", "shop")
    box = at.selectbox(key="publish_run")
    box.set_value(next(one for one in box.options if other["run_id"][-4:] in one))
    at.button(key="publish").click().run()
    whole(at)
    assert recommend.published(shop).run_id == other["run_id"]
    box = at.selectbox(key="publish_run")
    box.set_value(next(one for one in box.options if first.run_id[-4:] in one))
    at.button(key="publish").click().run()
    assert recommend.published(shop).run_id == first.run_id


def test_a_run_that_beats_the_published_one_is_suggested_with_the_button_beside_it(shop):
    first = recommend.published(shop)
    for run in recommend.runs(shop):
        if run.recommender == "popular":
            actions.run(shop, ACTOR, actions.PublishRun(run_id=run.run_id))
            break
    better = actions.run(shop, ACTOR, actions.Train(recommender="repeat"))
    at = open_page("train", "shop")
    whole(at)
    assert "beats the published popular" in said(at)
    at.button(key="publish_better").click().run()
    whole(at)
    assert recommend.published(shop).run_id == better["run_id"]
    worse = actions.run(shop, ACTOR, actions.Train(recommender="popular"))
    at = open_page("train", "shop")
    whole(at)
    assert f"The latest run, popular · {worse['run_id'][-4:]}, does not beat the simple" in said(at)
    assert "publish_better" not in [one.key for one in at.button]
    actions.run(shop, ACTOR, actions.PublishRun(run_id=first.run_id))


def test_predictions_are_shown_with_what_can_be_believed(shop):
    at = open_page("predictions", "shop")
    whole(at)
    assert "It is not separable from" in said(at)
    assert "It needs 196 days of events; there are 88." in said(at)
    best = next(one.value for one in at.dataframe if "user_id" in one.value.columns)
    assert len(best) == N_USERS
    assert best["chance"].is_monotonic_decreasing
    at.selectbox(key="prediction").set_value("buy: Aisle 2").run()
    whole(at)
    assert "Chance to buy Aisle 2 in the next 28 days." in said(at)


def test_training_predictions_begins_from_the_page_and_can_be_cancelled(shop):
    at = open_page("predictions", "shop")
    at.button(key="train_predictions").click().run()
    assert not at.exception
    job = jobs.latest(shop, "predict")
    assert job.active
    assert jobs.cancel(shop, job.job_id).state == "cancelled"
    at = open_page("predictions", "shop")
    whole(at)
    assert "cancelled" in at.info[0].value


def test_slates_of_a_user_show_cards_reasons_and_history(shop):
    at = open_page("slates", "shop", user=HARD_USER)
    whole(at)
    assert said(at).count('class="pm-card"') >= 2
    assert "pm-why" in said(at)
    assert "pm-timeline" in said(at)


def test_slates_say_that_there_is_no_content(shop):
    at = open_page("slates", "shop", kind="Content")
    whole(at)
    assert "no content" in said(at)


def test_slates_of_a_segment(shop):
    at = open_page("slates", "shop", whom="A segment")
    whole(at)
    assert "Users scored" in said(at)


def test_slate_rules_are_applied_and_priced(shop):
    at = open_page("slates", "shop", user=HARD_USER)
    at.number_input(key="per_category").set_value(1)
    at.button(key="apply_rules").click().run()
    whole(at)
    assert "What each rule costs" in said(at)


def test_a_campaign_is_made_from_the_page_alone(shop):
    at = open_page("campaigns", "shop")
    at.text_input(key="audience_name").set_value("Win back 乳品")
    at.button(key="create_audience").click().run()
    whole(at)
    at.button(key="export").click().run()
    whole(at)
    made = campaigns.list_exports(shop, campaigns.audience(shop, "Win back 乳品"))
    assert len(made) == 1
    assert made[0].n_rows == campaigns.audience(shop, "Win back 乳品").n_target


def test_what_a_holdout_can_tell_is_said_before_it_is_drawn(shop):
    at = open_page("campaigns", "shop")
    at.selectbox(key="audience_segment").set_value(f"Regulars {HARD_USER}").run()
    regulars = segments.count(shop.reader(), RULE)
    assert f"About {round(0.1 * regulars)} of {regulars} users would be held out" in said(at)
    at.slider(key="holdout_share").set_value(0).run()
    whole(at)
    assert "Nobody would be held out" in said(at)


def test_a_taken_name_is_refused_in_words(shop):
    at = open_page("campaigns", "shop")
    at.text_input(key="audience_name").set_value(f"Spring {HARD_USER}")
    at.button(key="create_audience").click().run()
    assert not at.exception
    assert 'role="alert"' in said(at)


def test_a_wrong_server_path_is_refused_in_words(shop):
    at = open_page("events", "shop")
    at.text_input(key="server_path").set_value("/no/such/file.csv")
    at.button(key="look").click().run()
    assert not at.exception
    assert "The path must be a file on this server." in said(at)


def test_a_load_is_undone_and_what_came_of_it_is_stale_until_it_is_rebuilt(data, monkeypatch, tmp_path):
    monkeypatch.setenv("PERSMARK_DATA", str(data))
    again = load_shop(tmp_path)
    lines = ["customer,time,event,item,title,category,amount"]
    lines += [f"new-{place},2026-02-0{place} 10:00:00,purchase,sku-1,x,y,1" for place in range(1, 6)]
    more = tmp_path / "more.csv"
    more.write_text("\n".join(lines), "utf-8")
    actions.run(again, ACTOR, actions.LoadFiles(paths=(str(more),), names=("more.csv",)))
    actions.run(again, ACTOR, actions.Train(recommender="popular"))
    at = open_page("events", again.name)
    whole(at)
    assert at.button(key="undo_load").disabled
    assert "5 events of more.csv are taken out" in said(at)
    at.checkbox(key="undo_sure_2").check().run()
    at.button(key="undo_load").click().run()
    assert not at.exception
    finished(again, "undo")
    for page in ("events", "profiles", "segments", "slates", "campaigns"):
        at = open_page(page, again.name)
        whole(at)
        assert "These profiles are stale" in said(at), page
        assert at.button(key="build_profiles").label == "Rebuild profiles"
    at = open_page("slates", again.name)
    assert "The serving recommender is stale" in said(at)
    at.button(key="build_profiles").click().run()
    finished(again, "profiles")
    at = open_page("segments", again.name)
    whole(at)
    assert "stale" not in said(at)
    actions.run(again, ACTOR, actions.UndoLoad(source_id=1))
    for page in STEPS:
        at = open_page(page, again.name)
        whole(at)
    actions.remove_workspace(ACTOR, again.name)


def test_an_uploaded_file_is_proposed_with_its_mapping(shop, tmp_path):
    at = open_page("events", "blank")
    at.file_uploader(key="upload").set_value(
        [("clicks <b>.csv", b"user,time,action,sku\nu1,2026-01-01 10:00:00,view,a\n", "text/csv")]
    ).run()
    whole(at)
    assert at.selectbox(key="map_user_id").value == "user"
    assert at.selectbox(key="map_event_type").value == "action"
    assert at.selectbox(key="map_value").value == "–"


def test_a_failure_is_one_sentence_with_a_reference(caplog):
    def page():
        from persmark.ui.refusals import shown

        with shown():
            raise ZeroDivisionError("secret detail")

    at = AppTest.from_function(page).run()
    assert not at.exception
    assert "Something broke on our side" in said(at)
    assert "secret detail" not in said(at)
    reference = said(at).split("Reference: ")[1][:8]
    assert any(reference in record.getMessage() for record in caplog.records)


def test_a_refusal_shows_title_message_and_hint():
    def page():
        from persmark.errors import InputError
        from persmark.ui.refusals import shown

        with shown():
            raise InputError("k must be at least 1. Received: <b>.", title="Too short", hint="Give 10.")

    at = AppTest.from_function(page).run()
    for part in ("Too short", "k must be at least 1. Received: &lt;b&gt;.", "Give 10."):
        assert part in said(at)
