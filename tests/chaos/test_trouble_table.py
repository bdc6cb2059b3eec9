from trouble_table import StoredTrouble, section

RUN = StoredTrouble(
    what="full work disk", seed=1, commit=None, trials=16, evaluated=18, replayed=16, broken={}, seconds=60.0
)


def test_the_table_of_troubles_adds_up_the_stored_campaigns():
    assert "| the disk under `work:` full for 45 s | 2 | 32 | 36 | 32 | 0 |" in section([RUN, RUN])


def test_a_campaign_that_broke_a_promise_stands_out():
    assert "| 16 | **3** |" in section([RUN.model_copy(update={"broken": {"lost": 2, "open": 1}})])
