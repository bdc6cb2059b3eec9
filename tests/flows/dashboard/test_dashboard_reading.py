"""The dashboard's parts show what the ledger holds, and one clear paragraph if it cannot be read."""

import re
import shutil
from pathlib import Path
from threading import Event

import pytest
from awkward_campaigns import AWKWARD, named
from dashboards import Served, append, dashboard, shown
from told_stories import HOSTILE, Story, campaign_of
from until import until

from overnight.campaign import Point
from overnight.campaign.history.events import TrialApproved
from overnight.flows.dashboard import followed, overview, watch
from overnight.storage import ParquetLedger
from overnight.storage.segments.chain import Chain

LONG = "n" * 200


def told() -> Story:
    """Return a campaign with an observed, a failed, a running and a parked trial."""
    story = Story().tried(1, 1, 0.5, generator="baseline").proposed(2, 3).started(2, 3)
    story.failed(2, 4, message="the oven\nis cold").tried(3, 5, 0.25, sem=0.01)
    return story.proposed(4, 7).started(4, 7).parked(5, 8, "it is far from all others")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    append(tmp_path, "rates", told().events)
    return tmp_path


@pytest.fixture
def served(ledger: Path):
    with dashboard(ledger) as running:
        yield running


def test_the_list_shows_each_campaign_with_its_state_and_its_best_result(served: Served):
    # The list is shown at once, and each campaign is read while somebody looks.
    assert "rates" in shown(served, "/parts/list")
    shown(served, "/campaigns/rates/parts/summary")
    html = shown(served, "/parts/list")
    assert "3 of 10 trials have ended. Best so far: loss 0.250\u00a0±\u00a00.010 (trial 3)." in html
    assert "1 trial awaits approval" in html


def test_a_campaign_that_cannot_be_told_does_not_hide_the_others(served: Served, ledger: Path, monkeypatch):
    append(ledger, "odd", told().events)
    shown(served, "/campaigns/odd/parts/summary")
    real = overview.story_of

    def story_of(history, *rest, **named):
        if "odd" in named["ledger"]:
            raise ZeroDivisionError("no such story")
        return real(history, *rest, **named)

    monkeypatch.setattr(overview, "story_of", story_of)
    shown(served, "/campaigns/rates/parts/summary")
    until(lambda: "no such story" in shown(served, "/parts/list"), "the problem in the list", 60)
    assert "Best so far: loss 0.250\u00a0±\u00a00.010 (trial 3)." in shown(served, "/parts/list")


def test_the_list_shows_the_size_of_a_front_and_the_verdict_of_an_ab_test(tmp_path: Path):
    for name in ("front-of-three", "arms-with-looks"):
        append(tmp_path, name, named(AWKWARD[name](), name))
    with dashboard(tmp_path) as served:
        for name in ("front-of-three", "arms-with-looks"):
            shown(served, f"/campaigns/{name}/parts/summary")
        html = shown(served, "/parts/list")
    assert re.search(r"24 of 24 trials have ended\. \d+ configurations? on the front\.", html)
    assert re.search(r"\d+ of 100 trials have ended\. Arms are still explored", html)
    assert "est so far" not in html


def test_a_traceback_is_one_line_of_the_explanation_and_whole_beside_its_attempt(tmp_path: Path):
    message = 'Traceback (most recent call last):\n  File "train.py", line 12, in train\nMemoryError: full'
    append(tmp_path, "rates", Story().proposed(1, 1).started(1, 1).failed(1, 2, message=message).events)
    with dashboard(tmp_path) as served:
        until(lambda: "Trial 1, failed" in shown(served, "/campaigns/rates/parts/trials/1"), "the trial", 60)
        html = shown(served, "/campaigns/rates/parts/trials/1")
    assert "It failed after 1m (evaluator error): MemoryError: full" in html
    assert html.count("line 12, in train") == 1


def test_the_overview_shows_the_best_result_what_runs_and_what_waits(served: Served):
    html = shown(served, "/campaigns/rates/parts/summary")
    assert "Best so far: loss 0.250\u00a0±\u00a00.010 (trial 3)." in html
    assert "It waits because it is far from all others" in html
    assert "Running now" in html
    assert 'data-act="approve" data-trial="5"' in html


def test_the_charts_are_those_of_the_report(served: Served):
    part = served.client.get("/campaigns/rates/parts/pictures").json()
    assert {"course", "parameter-0", "timeline"} <= set(part["figures"])
    for place in part["figures"]:
        assert f'id="{place}"' in part["html"]


def test_trials_are_filtered_searched_sorted_and_paged_by_the_server(tmp_path: Path):
    story = Story(campaign_of(budget={"trials": 1000}))
    for trial in range(1, 251):
        story.tried(trial, trial, trial % 7 + trial / 1000)
    append(tmp_path, "rates", story.failed(250, 999, message="unused").events[:-2])
    with dashboard(tmp_path) as served:

        def rows(query: str) -> list[int]:
            html = shown(served, f"/campaigns/rates/parts/trials?{query}")
            return [int(part.split('"')[0]) for part in html.split("/campaigns/rates/trials/")[1:]]

        assert rows("") == list(range(250, 150, -1))
        assert rows("page=3") == list(range(50, 0, -1))
        assert rows("falling=false") == list(range(1, 101))
        assert rows("order=loss&falling=false")[:3] == [7, 14, 21]
        assert rows("text=249") == [249]
        assert rows("status=failed") == []
        # A page beyond the last one, as after a filter was set, is the last one.
        assert rows("page=99") == list(range(50, 0, -1))
        assert "No trial matches." in shown(served, "/campaigns/rates/parts/trials?text=nothing")


def test_a_negative_number_is_found_with_the_minus_of_a_keyboard_and_with_that_of_the_table(tmp_path: Path):
    story = Story(campaign_of(parameters={"shift": {"kind": "int", "low": -9, "high": 9}}, baseline=None))
    append(tmp_path, "rates", story.tried(1, 1, 0.5, point={"shift": -7}).tried(2, 3, 0.5, point={"shift": 7}).events)
    with dashboard(tmp_path) as served:
        for text in ("-7", "−7"):
            html = shown(served, f"/campaigns/rates/parts/trials?text={text}")
            assert [part.split('"')[0] for part in html.split("/campaigns/rates/trials/")[1:]] == ["1"]


def test_a_trial_shows_its_explanation_its_attempts_and_its_output(served: Served):
    html = shown(served, "/campaigns/rates/parts/trials/2")
    assert "Trial 2, failed: evaluator error" in html
    assert ">the oven\nis cold</pre>" in html
    assert "Why it was tried" in html
    assert "spread evenly while the model knows too little" in html
    assert "expected a trial up to 5, found no trial 6" in shown(served, "/campaigns/rates/parts/trials/6")


def test_the_audit_shows_who_did_what_and_verifies_the_ledger(ledger: Path, served: Served):
    approved = TrialApproved(time=told().events[-1].time, actor="ada@home", trial=5, why="it is cheap")
    append(ledger, "rates", [approved])
    html = shown(served, "/campaigns/rates/parts/audit")
    assert "ada@home" in html
    assert "approved the trial" in html
    assert "it is cheap" in html
    assert "began to run the campaign, as process 1 on h" in html
    assert "The ledger is whole." in shown(served, "/campaigns/rates/parts/verification")


def test_only_new_events_are_read(ledger: Path, served: Served, monkeypatch: pytest.MonkeyPatch):
    shown(served, "/campaigns/rates/parts/summary")
    asked: list[int] = []
    read = ParquetLedger.read

    async def noted(self: ParquetLedger, *, after: int = 0):
        asked.append(after)
        return await read(self, after=after)

    monkeypatch.setattr(ParquetLedger, "read", noted)
    append(ledger, "rates", Story().tried(6, 20, 0.125).events[2:])
    while "0.125" not in shown(served, "/campaigns/rates/parts/summary"):
        pass
    assert set(asked) == {1}


def test_names_parameters_messages_and_reasons_are_never_html(tmp_path: Path):
    campaign = campaign_of(
        description=HOSTILE,
        parameters={HOSTILE: {"kind": "float", "low": 0, "high": 1}, LONG: {"kind": "float", "low": 0, "high": 1}},
        minimize="loss",
        baseline=None,
    )
    point: Point = {HOSTILE: 0.5, LONG: 0.25}
    story = Story(campaign).proposed(1, 1, point).started(1, 1).failed(1, 2, message=f"\x1b]0;{HOSTILE}\u202e")
    story.tried(2, 3, 0.5, point=point).proposed(3, 4, point)
    story.abandoned(3, 5, HOSTILE).parked(4, 6, HOSTILE)
    story.events[-1] = story.events[-1].model_copy(update={"point": point})
    append(tmp_path, "<b>&\"'rates", story.events)
    with dashboard(tmp_path) as served:
        name = "/campaigns/%3Cb%3E%26%22'rates"
        parts = ["summary", "pictures", "trials", "trials/1", "trials/3", "audit", "verification"]
        texts = [shown(served, f"{name}/parts/{part}") for part in parts] + [shown(served, "/parts/list")]
        pages = [served.client.get(f"{name}{page}").text for page in ("", "/trials", "/trials/1", "/audit")]
        figures = served.client.get(f"{name}/parts/pictures").text
    for text in [*texts, *pages]:
        assert "<script>alert" not in text
        assert "<b>&" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert "&lt;script&gt;" in texts[0]
    assert "<script" not in figures


def test_a_ledger_that_is_deleted_while_it_is_shown_is_one_paragraph_until_it_is_back(ledger: Path, served: Served):
    before, away = shown(served, "/campaigns/rates/parts/trials"), ledger.parent / f"{ledger.name}-away"
    shutil.move(ledger / "rates", away)
    while 'role="alert"' not in (html := shown(served, "/campaigns/rates/parts/trials")):
        pass
    assert "expected the ledger of campaign <code>rates</code>, found" in html
    for part in ("summary", "pictures", "audit", "trials/1", "verification"):
        assert served.client.get(f"/campaigns/rates/parts/{part}").status_code in (200, 404)
    shutil.move(away, ledger / "rates")
    while 'role="alert"' in (after := shown(served, "/campaigns/rates/parts/trials")):
        pass
    assert after == before


def test_a_campaign_that_was_begun_again_replaces_the_one_that_was_shown(ledger: Path, served: Served):
    assert "trial 3" in shown(served, "/campaigns/rates/parts/summary")
    shutil.rmtree(ledger / "rates")
    first, *others = Story().tried(1, 1, 0.125).tried(2, 3, 0.75).events
    append(ledger, "rates", [first.model_copy(update={"uid": "another"})])
    # More segments than the ledger had that was shown.
    append(ledger, "rates", others[:2])
    append(ledger, "rates", others[2:])
    while "0.125" not in (html := shown(served, "/campaigns/rates/parts/summary")):
        pass
    assert 'role="alert"' not in html
    assert "trial 3" not in html


def test_another_ledger_of_as_many_segments_replaces_the_one_that_was_shown(ledger: Path, served: Served):
    before = served.client.get("/campaigns/rates/parts/summary").json()
    assert "trial 3" in before["html"]
    shutil.rmtree(ledger / "rates")
    first, *others = Story().tried(1, 1, 0.125).events
    append(ledger, "rates", [first.model_copy(update={"uid": "another"}), *others])
    until(lambda: "0.125" in shown(served, "/campaigns/rates/parts/summary"), "the new campaign on the page", 20)
    after = served.client.get("/campaigns/rates/parts/summary").json()
    assert "trial 3" not in after["html"]
    assert 'role="alert"' not in after["html"]
    assert after["version"] != before["version"]


def test_a_segment_that_was_altered_in_place_is_reported_although_nothing_was_appended(ledger: Path, served: Served):
    assert 'role="alert"' not in shown(served, "/campaigns/rates/parts/summary")
    [segment] = ledger.glob("rates/events/*/*.parquet")
    segment.chmod(0o644)
    segment.write_bytes(segment.read_bytes()[:-1])
    until(lambda: "other bytes" in shown(served, "/campaigns/rates/parts/summary"), "the damage on the page", 20)


def test_a_store_that_does_not_answer_is_one_paragraph_until_it_does(served: Served, monkeypatch: pytest.MonkeyPatch):
    assert "trial 3" in shown(served, "/campaigns/rates/parts/summary")
    answers, newest = Event(), Chain.newest

    def late(self: Chain, after: int) -> int:
        answers.wait(30)
        return newest(self, after)

    monkeypatch.setattr(Chain, "newest", late)
    monkeypatch.setattr(followed, "_PATIENCE", 0.1)
    monkeypatch.setattr(watch, "_PATIENCE", 0.1)
    while 'role="alert"' not in (html := shown(served, "/campaigns/rates/parts/summary")):
        pass
    assert "expected an answer from the ledger&#39;s store" in html
    assert "trial 3" in html
    assert "does not answer" in shown(served, "/parts/list")
    answers.set()
    while 'role="alert"' in shown(served, "/campaigns/rates/parts/summary"):
        pass


def test_a_damaged_ledger_is_one_paragraph_with_what_was_known_before(ledger: Path, served: Served):
    assert "trial 3" in shown(served, "/campaigns/rates/parts/summary")
    (ledger / "rates" / "events" / "00000" / f"{2:020d}.parquet").write_bytes(b"torn")
    while 'role="alert"' not in (html := shown(served, "/campaigns/rates/parts/summary")):
        pass
    assert f"{2:020d}.parquet" in html
    assert "trial 3" in html
    with dashboard(ledger) as fresh:
        assert 'role="alert"' in shown(fresh, "/campaigns/rates/parts/summary")
        assert f"{2:020d}.parquet" in shown(fresh, "/parts/list")


def test_a_damaged_campaign_does_not_keep_the_others_from_the_list(ledger: Path):
    append(ledger, "a", told().events)
    (ledger / "a" / "events" / "00000" / f"{1:020d}.parquet").write_bytes(b"torn")
    with dashboard(ledger) as served, served.client.stream("GET", "/feed") as answer:
        lines, html = answer.iter_lines(), ""
        while "trial 3" not in html:
            next(lines)
            html = shown(served, "/parts/list")
    assert f"{1:020d}.parquet" in html


def test_an_empty_or_missing_place_is_shown_and_watched(tmp_path: Path):
    with dashboard(tmp_path / "later") as served:
        assert "No campaign has begun here yet" in shown(served, "/parts/list")
        assert "no campaign `rates` was found" in served.client.get("/campaigns/rates").text
        append(tmp_path / "later", "rates", told().events)
        while "rates" not in shown(served, "/parts/list"):
            pass
        assert "trial 3" in shown(served, "/campaigns/rates/parts/summary")


def test_a_campaigns_folder_or_file_is_shown_alone(ledger: Path):
    with dashboard(ledger / "rates") as served:
        assert served.client.get("/").headers["location"] == "/campaigns/rates"
        assert served.client.get("/campaigns/other").status_code == 404
        assert "trial 3" in shown(served, "/campaigns/rates/parts/summary")


@pytest.mark.parametrize("address", ["/login", "/campaigns/rates", "/campaigns/rates/trials", "/campaigns/rates/feed"])
def test_an_address_that_answers_get_answers_head_without_a_body(served: Served, address: str):
    answer = served.client.head(address)
    assert (answer.status_code, answer.content) == (200, b"")
