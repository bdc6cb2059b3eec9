import itertools
import re
import textwrap

import pytest
import torch
from told_campaigns import campaign_of, cube, provenance_of, told

from overnight.bo_core import CustomProposer
from overnight.bo_core.data.state import seed_of
from overnight.bo_core.numerics.stack import stack
from overnight.bo_core.propose import propose
from overnight.campaign import Campaign, History
from overnight.campaign.errors import CannotPropose, InvalidDefinition, SpaceExhausted

GOOD = """
    from overnight.campaign import Proposal

    class Mine:
        def __init__(self, step=0.25):
            self.step = step

        def propose(self, campaign, history, q):
            pending = len(history.model_view().pending)
            return [Proposal(point={"x0": self.step * (pending + i), "x1": 0}, generator="custom") for i in range(q)]
"""
SPACE = campaign_of(cube(2))
_numbers = itertools.count()


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a module with a new name and returns the proposer in it."""

    def write(text: str, name: str = "Mine", **settings: object) -> CustomProposer:
        module = f"third_party_{next(_numbers)}"
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(text))
        return CustomProposer(implementation=f"{module}:{name}", settings=settings, folder=tmp_path)

    return write


def returning(expression: str) -> str:
    """Return a module whose class returns this expression from `propose`."""
    return (
        "from overnight.campaign import Proposal\nfrom overnight.campaign.errors import SpaceExhausted\n"
        f"class Mine:\n    def propose(self, campaign, history, q):\n        return {expression}\n"
    )


def a_point(x: object, name: str = "x1") -> str:
    return f'Proposal(point={{"x0": 0, "{name}": {x!r}}}, generator="custom")'


def complaint(proposer: CustomProposer, campaign: Campaign = SPACE, q: int = 1) -> str:
    with pytest.raises(CannotPropose) as raised:
        propose(campaign, told(campaign, 3), proposer, q)
    return str(raised.value)


def test_the_class_is_made_from_the_settings_and_its_points_become_proposals(written) -> None:
    proposer = written(GOOD, step=0.1)
    proposer.check()
    proposals = propose(SPACE, History(), proposer, 3)
    assert [p.point for p in proposals] == [{"x0": 0.1 * i, "x1": 0.0} for i in range(3)]
    assert {p.generator for p in proposals} == {"custom"}
    assert provenance_of(proposals[0]).made_by.proposer == proposer.implementation
    assert provenance_of(proposals[0]).made_by.seed == seed_of(SPACE, 1)


def test_the_stack_is_recorded_beside_what_the_class_says_of_its_point(written) -> None:
    said = "Provenance(made_by={'seed': 5}, predicted={'loss': {'mean': 0.5}}, stack={'libraries': LIBRARIES})"
    text = (
        "from overnight.campaign.history.provenance import Provenance\n"
        "LIBRARIES = {'scikit-learn': '1.9', 'torch': 'mine'}\n" + returning(f"[{a_point(0)[:-1]}, provenance={said})]")
    )
    [spoken], [silent] = (propose(SPACE, History(), written(each), 1) for each in (text, returning(f"[{a_point(0)}]")))
    known = provenance_of(silent)
    assert known.stack.libraries == stack()
    assert known.stack.threads == torch.get_num_threads()
    assert provenance_of(spoken).predicted["loss"].mean == 0.5
    assert provenance_of(spoken).stack.libraries == {"scikit-learn": "1.9", **stack()}
    assert provenance_of(spoken).made_by.seed == seed_of(SPACE, 1)


def test_the_baseline_comes_first_and_is_pending_when_the_class_is_asked(written) -> None:
    campaign = campaign_of(cube(2), baseline={"x0": 0.5, "x1": 0.5})
    proposals = propose(campaign, History(), written(GOOD), 3)
    assert [p.generator for p in proposals] == ["baseline", "custom", "custom"]
    assert [p.point["x0"] for p in proposals] == [0.5, 0.25, 0.5]


def test_a_class_that_wants_a_seed_gets_one_that_the_state_decides(written) -> None:
    proposer = written("""
        import random
        from overnight.campaign import Proposal

        class Mine:
            def propose(self, campaign, history, q, seed):
                rng = random.Random(seed)
                return [Proposal(point={"x0": rng.random(), "x1": rng.random()}, generator="custom") for _ in range(q)]
        """)
    history = told(SPACE, 3)
    assert propose(SPACE, history, proposer, 2) == propose(SPACE, history, proposer, 2)
    assert propose(SPACE, history, proposer, 1) != propose(SPACE, told(SPACE, 4), proposer, 1)


def test_a_module_may_import_its_neighbours_also_while_it_is_asked(written, tmp_path) -> None:
    (tmp_path / "third_party_neighbour.py").write_text("X = 0.75")
    proposer = written(returning(f"(__import__('third_party_neighbour'), [{a_point(0.5)}])[1]"))
    assert propose(SPACE, History(), proposer, 1)[0].point["x1"] == 0.5


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("None", "expected a list of 1 proposals, found NoneType None"),
        ("'ab'", "expected a list of 1 proposals, found str 'ab'"),
        ("[]", "expected 1 proposals, as many as requested, found 0"),
        (f"[{a_point(0)}] * 2", "expected 1 proposals, as many as requested, found 2"),
        ("[{'x0': 0, 'x1': 0}]", "expected proposal 1 of 1 to be a `Proposal`, found dict"),
        (f"[{a_point(7)}]", "to lie in the space, found .*`x1`: expected a number between 0 and 1, got 7"),
        (f"[{a_point(0, 'y')}]", "to lie in the space, found .*`y`: expected one of .*`; `x1`: expected a value"),
        ("1 / 0", r"expected 1 proposals .* from trial 4 on, found that it raised ZeroDivisionError: .*\.py:5"),
        ("__import__('sys').exit(3)", r"expected 1 proposals .* from trial 4 on, found that it raised SystemExit: 3"),
    ],
)
def test_what_cannot_be_tried_is_named_in_one_paragraph(written, expression: str, expected: str) -> None:
    proposer = written(returning(expression))
    text = complaint(proposer)
    assert text.startswith("`proposer.implementation`: ")
    assert proposer.implementation in text
    assert text.endswith("Correct it and run the campaign again: it continues from where it stopped.")
    assert "\n" not in text
    assert re.search(expected, text), text


def test_a_class_may_say_that_the_space_is_exhausted(written) -> None:
    proposer = written(returning("(_ for _ in ()).throw(SpaceExhausted('that was all'))"))
    with pytest.raises(SpaceExhausted, match="that was all"):
        propose(SPACE, History(), proposer, 1)


@pytest.mark.parametrize(
    ("text", "name", "settings", "expected"),
    [
        ("import nowhere_to_be_found", "Mine", {}, "`proposer.implementation`: expected to import .*No module named"),
        ("class Other: pass", "Mine", {}, "`proposer.implementation`: expected a class `Mine` in .*, found `Other`"),
        ("Mine = 5", "Mine", {}, "expected a class `Mine` .*, found no classes there"),
        ("class Mine: pass", "Mine", {}, r"expected .* to have a method `propose\(campaign, history, q\)`"),
        (GOOD, "Mine", {"stride": 3}, "`proposer.settings`: expected keyword arguments .*'stride': 3.*TypeError"),
    ],
)
def test_a_class_that_cannot_be_had_is_refused_by_the_check_and_by_the_proposal(
    written, text: str, name: str, settings: dict[str, object], expected: str
) -> None:
    proposer = written(text, name, **settings)
    with pytest.raises(InvalidDefinition, match=expected):
        proposer.check()
    assert re.search(expected, complaint(proposer))


def test_a_module_whose_name_another_one_has_is_refused(tmp_path) -> None:
    (tmp_path / "campaign.py").write_text(textwrap.dedent(GOOD))
    with pytest.raises(InvalidDefinition, match=r"expected `campaign` from .*, found another module of the same name"):
        CustomProposer(implementation="campaign:Mine", folder=tmp_path).check()
