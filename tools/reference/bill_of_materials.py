"""What each build is bought from, with prices as of a date."""

from collections.abc import Iterator

from tools.hardware.bill import Line, PriceFile, bill_of, load_prices
from tools.hardware.builds import Build, build_names, load_build
from tools.reference.markdown import MADE, table


def text() -> str:
    """Returns the page."""
    prices = load_prices()
    builds = [load_build(name) for name in build_names()]
    return (
        f"# Bill of materials\n\n{MADE}\nPrices in {prices.currency} for one piece as of "
        f"{prices.as_of.isoformat()}, without tax, shipping and work, from "
        "`hardware/bill-of-materials.toml`. **Most are estimates**: ranges of what such a part is "
        "sold for, not anybody's offer; the last column says where a price is from if it is from "
        "somewhere. Counts follow from the build's parts, its configuration and its wires.\n\n"
        + _sums(builds, prices)
        + "\n"
        + "\n".join(_bill(build, prices) for build in builds)
    )


def _sums(builds: list[Build], prices: PriceFile) -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for build in builds:
            lines = bill_of(build, prices)
            low, high = _total(lines)
            sure = sum(line.high for line in lines if not line.item.is_estimate)
            yield (
                f"[`{build.name}`](#{build.name})",
                f"{low:.0f} to {high:.0f}",
                f"{sure / high:.0%}",
            )

    return "## All builds\n\n" + table(("build", "together", "from price lists"), rows())


def _bill(build: Build, prices: PriceFile) -> str:
    lines = bill_of(build, prices)
    low, high = _total(lines)
    rows = (
        (
            str(line.count),
            line.item.name,
            _range(line.item.low, line.item.high),
            _range(line.low, line.high),
            line.item.source or "estimate",
        )
        for line in lines
    )
    body = table(("count", "what", "each", "together", "price from"), rows)
    return f"## {build.name}\n\n{build.file.title}: {low:.0f} to {high:.0f}.\n\n{body}"


def _total(lines: tuple[Line, ...]) -> tuple[float, float]:
    return sum(line.low for line in lines), sum(line.high for line in lines)


def _range(low: float, high: float) -> str:
    return f"{low:.2f}" if low == high else f"{low:.2f} to {high:.2f}"
