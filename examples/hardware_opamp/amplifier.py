"""A two-stage Miller amplifier: the worst figures over process, temperature and mismatch, simulated with ngspice."""

import cmath
import math
import statistics
import sys
from typing import NamedTuple

from simulator import Corner, simulate

TYPICAL = Corner("typical", 27)
CORNERS = (TYPICAL, *(Corner(process, celsius) for process in ("ff", "ss", "fs", "sf") for celsius in (-40, 125)))
# Mismatch matters most, or nearly so, with slow n-channel and fast p-channel transistors that are hot, see README.md.
MISMATCH = Corner("sf", 125)
SUPPLY, LOAD_PF = 3.3, 5
SAMPLES, SEED = 100, 1

# The loop is closed for direct current by an inductance, and open for all frequencies by a capacitance, both immense.
CIRCUIT = """
vdd vdd 0 {supply}
vplus plus 0 {half}
vdrive drive 0 dc 0 ac 1
lloop out minus 1g
cloop minus drive 1meg
ibias vdd bias {bias_ua}u
xbias bias bias 0 0 nfet_03v3 w={w_mirror}u l={l_mirror}u
xtail tail bias 0 0 nfet_03v3 w={w_mirror}u l={l_mirror}u m=2
xminus left minus tail 0 nfet_03v3 w={w_input}u l={l_input}u
xplus right plus tail 0 nfet_03v3 w={w_input}u l={l_input}u
xleft left left vdd vdd pfet_03v3 w={w_load}u l={l_load}u
xright right left vdd vdd pfet_03v3 w={w_load}u l={l_load}u
xout out right vdd vdd pfet_03v3 w={half_output}u l={l_output}u m=2
xsink out bias 0 0 nfet_03v3 w={w_mirror}u l={l_mirror}u m={sinks}
cmiller right zero {miller_pf}p
rzero zero out {zero_kohm}k
cload out 0 {load}p
.nodeset v(out)={half} v(minus)={half}
"""


class Response(NamedTuple):
    """The amplifier at one corner; its gain is complex, and positive at low frequencies if it amplifies."""

    power_uw: float
    frequencies: list[float]
    gains: list[complex]

    @property
    def gain_db(self) -> float:
        """Return the gain at the lowest frequency, and 0 if it is less: then nothing is amplified."""
        return max(decibels(self.gains[0]), 0.0)

    @property
    def crossing(self) -> tuple[float, float]:
        """Return the highest frequency at which the gain falls below 1, and the phase margin there in degrees.

        Both are 0 if the gain is below 1 at all frequencies. Such a sizing is then far from feasible, which
        is more useful to a search than a failure.
        """
        levels = [decibels(gain) for gain in self.gains]
        above = [i for i in range(len(levels) - 1) if levels[i] >= 0 > levels[i + 1]]
        if not above:
            return 0.0, 0.0
        i = above[-1]
        share = levels[i] / (levels[i] - levels[i + 1])
        phases = unwrapped(self.gains)
        frequency = self.frequencies[i] * (self.frequencies[i + 1] / self.frequencies[i]) ** share
        return frequency, 180 + math.degrees(phases[i] + share * (phases[i + 1] - phases[i]))


def evaluate(params: dict) -> dict[str, float]:
    """Return the area, and the worst values of the other figures at nine corners."""
    responses = [response(params, corner) for corner in CORNERS]
    crossings = [each.crossing for each in responses]
    return {
        "power_uw": max(each.power_uw for each in responses),
        "gain_db": min(each.gain_db for each in responses),
        "bandwidth_mhz": min(frequency for frequency, _ in crossings) / 1e6,
        "phase_margin": min(margin for _, margin in crossings),
        "area_um2": area_um2(params),
        "offset_mv": offset_mv(params),
    }


def response(params: dict, corner: Corner) -> Response:
    """Simulate the amplifier without mismatch."""
    printed, written = simulate(circuit(params), "op\nprint i(vdd)\nac dec 20 10 1g\nwrdata written v(out)", corner)
    supplied = numbers(printed, "i(vdd)")
    rows = [tuple(map(float, line.split())) for line in written.splitlines()]
    if not supplied or not rows:
        raise RuntimeError(f"ngspice found no operating point at {corner}")
    # The drive is at the inverting input.
    return Response(-supplied[0] * SUPPLY * 1e6, [row[0] for row in rows], [-complex(row[1], row[2]) for row in rows])


def offset_mv(params: dict, corner: Corner = MISMATCH, samples: int = SAMPLES, seed: int = SEED) -> float:
    """Return the standard deviation of the offset, from amplifiers whose transistors are drawn at random."""
    # The draws are made when a circuit is read, so each amplifier begins with a reset.
    commands = f"setseed {seed}\nrepeat {samples}\nreset\nop\nlet offset = v(out) - v(plus)\nprint offset\nend"
    printed, _ = simulate(circuit(params), commands, corner, mismatch=True)
    offsets = numbers(printed, "offset")
    if len(offsets) < samples:
        raise RuntimeError(f"ngspice found an operating point of {len(offsets)} of {samples} amplifiers at {corner}")
    return 1000 * statistics.stdev(offsets)


def area_um2(params: dict) -> float:
    """Return the area of all gates and of the capacitor, which holds 2 fF in a square micrometre."""
    pairs = 2 * params["w_input"] * params["l_input"] + 2 * params["w_load"] * params["l_load"]
    mirrors = (3 + params["sinks"]) * params["w_mirror"] * params["l_mirror"]
    return pairs + mirrors + params["w_output"] * params["l_output"] + 1000 * params["miller_pf"] / 2


def circuit(params: dict) -> str:
    """Return the circuit with its sizes."""
    return CIRCUIT.format(supply=SUPPLY, half=SUPPLY / 2, load=LOAD_PF, half_output=params["w_output"] / 2, **params)


def numbers(printed: str, name: str) -> list[float]:
    """Return all values that ngspice printed under a name."""
    parts = (line.split(" = ") for line in printed.splitlines())
    return [float(part[1]) for part in parts if part[0] == name]


def decibels(gain: complex) -> float:
    """Return 20 times the decimal logarithm of a gain."""
    return 20 * math.log10(abs(gain) or sys.float_info.min)


def unwrapped(gains: list[complex]) -> list[float]:
    """Return the phases of gains without the jumps of a whole turn."""
    phases = [cmath.phase(gains[0])]
    for gain in gains[1:]:
        phases.append(phases[-1] + math.remainder(cmath.phase(gain) - phases[-1], math.tau))
    return phases
