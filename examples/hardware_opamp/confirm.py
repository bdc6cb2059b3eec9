"""Measure the recommended amplifier and the one sized by hand again, corner by corner: `python confirm.py`.

The campaign drew 100 amplifiers with mismatch at one corner. Here 300 others are drawn at each of the nine.
"""

from pathlib import Path

from amplifier import CORNERS, area_um2, offset_mv, response

from overnight import AskTell, load_campaign_file

SAMPLES, FRESH_SEED = 300, 987_654


def main() -> None:
    """Print the sizes that were found, and the figures of both amplifiers."""
    file = Path(__file__).with_name("campaign.yaml")
    found = AskTell(file).recommend(anywhere=False)
    if found is None:
        raise SystemExit("Nothing was observed yet: run the campaign first.")
    print(", ".join(f"{name} {value:.4g}" for name, value in found.point.items()))
    show("by hand", dict(load_campaign_file(file).campaign.baseline or {}))
    show(f"recommended, trial {found.trial}", dict(found.point))


def show(name: str, sizes: dict) -> None:
    """Print a row for each corner."""
    print(f"\n{name}: {area_um2(sizes):.0f} µm²")
    print(f"{'corner':<18}{'power':>10}{'gain':>10}{'bandwidth':>12}{'margin':>10}{'offset':>10}")
    for corner in CORNERS:
        found = response(sizes, corner)
        bandwidth, margin = found.crossing
        offset = offset_mv(sizes, corner, SAMPLES, FRESH_SEED)
        print(
            f"{corner!s:<18}{found.power_uw:>7.1f} µW{found.gain_db:>7.1f} dB{bandwidth / 1e6:>8.2f} MHz"
            f"{margin:>9.1f}°{offset:>7.2f} mV",
            flush=True,
        )


if __name__ == "__main__":
    main()
