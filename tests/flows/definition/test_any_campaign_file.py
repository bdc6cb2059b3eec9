import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from overnight.campaign.errors import InvalidDefinition
from overnight.campaign.values.expression import is_expression
from overnight.flows.definition.campaign_file import CampaignFile, load_campaign_file, read_campaign
from overnight.flows.definition.campaign_template import CAMPAIGN_YAML

unhurried = settings(deadline=None)

# Without the rare line separators: the library writes them in a form that it reads back as spaces.
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029"), min_size=1, max_size=8)
# A text such as `*` is a calculation, and refused if it cannot be read; so is one with a line break.
METRICS = NAMES.filter(lambda name: not is_expression(name) and name == name.strip() and "\n" not in name)
SCALARS = st.booleans() | st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False) | NAMES
NOTES = {"unit": NAMES, "description": NAMES}


@st.composite
def numbers(draw):
    kind, scale = draw(st.sampled_from(["float", "int"])), draw(st.sampled_from(["linear", "log"]))
    low = draw(st.integers(1 if scale == "log" else -100, 100))
    steps, step = draw(st.integers(1, 50)), draw(st.integers(1, 5))
    number = {"kind": kind, "low": low, "high": low + steps * step, "scale": scale}
    return number | draw(st.sampled_from([{}, {"step": step}]))


SWITCH = st.fixed_dictionaries({"kind": st.just("bool")}, optional=NOTES)


CHOICES = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["categorical", "ordinal"]),
        "choices": st.lists(SCALARS, min_size=2, max_size=5, unique=True),
    },
    optional=NOTES,
)
FIXED = st.fixed_dictionaries({"kind": st.just("fixed"), "value": SCALARS}, optional=NOTES)
EVALUATORS = (
    st.sampled_from(["a:b", "package.module:object.method"])
    | st.fixed_dictionaries(
        {"command": st.lists(NAMES, min_size=1)}, optional={"time_limit": st.integers(1, 10**6).map("{}s".format)}
    )
    | st.fixed_dictionaries(
        {"kind": st.just("simulated"), "function": st.just("levy")}, optional={"noise": st.just(0.5)}
    )
)


def a_value(parameter: dict) -> st.SearchStrategy:
    if "choices" in parameter:
        return st.sampled_from(parameter["choices"])
    if parameter["kind"] in ("bool", "fixed"):
        return st.booleans() if parameter["kind"] == "bool" else st.just(parameter["value"])
    low, step = parameter["low"], parameter.get("step", 1)
    return st.integers(0, (parameter["high"] - low) // step).map(lambda i: low + i * step)


@st.composite
def definitions(draw):
    parameters = draw(st.dictionaries(NAMES, CHOICES | FIXED | SWITCH | numbers(), max_size=4)) | {"x": draw(numbers())}
    point = st.fixed_dictionaries({name: a_value(parameter) for name, parameter in parameters.items()})
    required = {
        "name": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,9}", fullmatch=True),
        "parameters": st.just(parameters),
        draw(st.sampled_from(["minimize", "maximize"])): METRICS,
        "evaluator": EVALUATORS,
        "budget": st.fixed_dictionaries(
            {"trials": st.integers(1, 999)},
            optional={"wall_clock": st.sampled_from(["90s", "2h30m", "0.5s"])},
        ),
    }
    optional = {
        "description": NAMES,
        "metrics": st.lists(NAMES, unique=True),
        "workers": st.integers(1, 99),
        "baseline": point,
        "start_with": st.lists(point, max_size=2),
        "seed": st.integers(0, 2**63 - 1),
        "failures": st.just({"max_attempts": 1}),
        "proposer": st.sampled_from([{"kind": "sobol"}, {"kind": "bayesian", "initial": 3}]),
        "ledger": st.sampled_from(["s3://bucket/x", "/srv/ledger"]),
    }
    return draw(st.fixed_dictionaries(required, optional=optional))


def dump(data: object, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        yaml = YAML(typ="safe", pure=True)
        yaml.default_flow_style = False  # it cannot read back keys such as `:a` in the flow style
        yaml.dump(data, file)


@pytest.mark.slow
@unhurried
@given(definitions())
def test_any_valid_definition_survives_a_file_and_a_dump(tmp_path_factory, definition):
    path = tmp_path_factory.getbasetemp() / "valid.yaml"
    dump(definition, path)
    file, read = load_campaign_file(path), read_campaign(definition)
    assert file.campaign == read.campaign
    assert CampaignFile.model_validate(file.model_dump(mode="json")) == file
    assert CampaignFile.model_validate_json(file.model_dump_json()) == file
    flat = read.model_dump(mode="json", exclude_none=True)
    assert read_campaign(flat.pop("campaign") | flat) == read


WORDS = [
    *re.findall(r"\w+", CAMPAIGN_YAML),
    "metrics",
    "workers",
    "proposer",
    "failures",
    "ledger",
    "work",
    "campaign",
    "seed",
]
ODD = st.none() | st.sampled_from([1e300, float("inf"), float("nan"), 2**70, 10**4000, "", "\n", "9d" * 50, "float"])
JUNK = st.recursive(
    ODD | SCALARS | st.sampled_from(WORDS) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | SCALARS, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def spoiled(draw):
    """Return a valid definition with one part replaced by junk, or with junk under a known key."""
    definition = YAML(typ="safe", pure=True).load(CAMPAIGN_YAML)
    part, key = definition, draw(st.sampled_from([*definition, "proposer", "metrics", "failures", "work"]))
    while isinstance(part.get(key), dict) and draw(st.booleans()):
        part = part[key]
        key = draw(st.sampled_from([*part, "unit"]))
    part[key] = draw(JUNK)
    return definition


def refusal(source: object) -> list[str]:
    try:
        read_campaign(source)  # type: ignore[arg-type]
    except InvalidDefinition as refused:
        return refused.problems
    return []


@unhurried
@given(JUNK | spoiled())
def test_junk_is_a_campaign_or_an_invalid_definition_and_never_another_error(tmp_path_factory, junk):
    path = tmp_path_factory.getbasetemp() / "junk.yaml"
    dump(junk, path)
    from_file, from_data = refusal(path), refusal(junk if isinstance(junk, dict) else {"parameters": junk})
    assert all(line.isprintable() for line in (*from_file, *from_data))
    assert all(line.startswith(f"{path}:") for line in from_file)


@unhurried
@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs", "Cc"]), max_size=60))
def test_text_that_may_not_be_yaml_never_gives_another_error(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "text.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidDefinition):
        load_campaign_file(path)
