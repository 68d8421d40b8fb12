"""Charts of one position table's measures: norms, neighbors, similarity over distance, spectrum, singular values."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from posembed.layout import TableLayout
from posembed.records.base import JsonObject
from posembed.report.html.charts import Chart, Series, no_chart
from posembed.report.html.view_charts import heat_chart, patch_chart, space_chart
from posembed.tables.measures.analysis import TableAnalysis
from posembed.tables.measures.plot_data import TableViews
from posembed.tables.measures.registry import Measures

MOST_POINTS = 2048  # of a curve over distance; of longer curves every k-th point is drawn
SLOW = 1 / 16  # cycles per position; random rows have 2 · SLOW of their variance at or below it
ROUNDING = 1e-9  # singular values below this share of the largest are rounding


def table_charts(analysis: TableAnalysis, views: TableViews) -> list[Chart]:
    """Return every chart of a table.

    Args:
        analysis: its measures.
        views: arrays for charts, of the same table.
    """
    alone = analysis.positions
    charts = [heat_chart(views), norm_chart(analysis), space_chart(views)]
    if alone.grid is not None:
        charts = [patch_chart(views, alone.grid), *charts, distance_chart(alone, views)]
    else:
        charts += [neighbor_chart(analysis), distance_chart(alone, views), power_chart(alone)]
    return [*charts, singular_chart(alone)]


def norm_chart(analysis: TableAnalysis) -> Chart:
    """Return the norm of every row, with special rows marked."""
    norms, layout, found = analysis.profile.norm, analysis.layout, analysis.trained_range
    places = layout.position_rows
    marks = _other_rows(layout)
    if found.end is not None:
        label = f"not trained from position {found.end}"
        marks.append({"from": places.start + found.end - 0.5, "to": places.stop - 0.5, "label": label})
    series = [Series("norm of the row", list(range(len(norms))), norms)]
    unusual = [places.start + place for place in found.odd_rows]
    if unusual:
        series.append(Series("unusual rows", unusual, [norms[row] for row in unusual], points=True))
    alone = norms[places]
    low, high = min(alone), max(alone)
    reading = f"The positions' norms lie between {low:.3g} and {high:.3g}, {fmean(alone):.3g} on average."
    if unusual:
        one = len(unusual) == 1
        reading += f" {len(unusual)} {'row stands' if one else 'rows stand'} out from the neighbors."
    return Chart("lines", "Norm of each row", "row of the table", "Euclidean norm", reading, series, marks=marks)


def _other_rows(layout: TableLayout) -> list[JsonObject]:
    """Return marks of the rows that belong to no position."""
    places = layout.position_rows
    parts = (
        ("reserved", 0, layout.reserved),
        ("prefix", layout.reserved, places.start),
        ("suffix", places.stop, layout.rows),
    )
    return [
        {"from": start - 0.5, "to": stop - 0.5, "label": f"{name} rows"} for name, start, stop in parts if start < stop
    ]


def neighbor_chart(analysis: TableAnalysis) -> Chart:
    """Return how each row stands to its neighbors."""
    profile, places = analysis.profile, analysis.layout.position_rows
    title = "Each row and its neighbors"
    cosines, rough = profile.neighbour_cosine[places], profile.roughness[places]
    known = [value for value in cosines if value is not None]
    if len(cosines) < 3 or not any(known):
        return no_chart("lines", title, "fewer than three positions, or all rows are equal")
    where = list(range(len(cosines)))
    return Chart(
        "lines",
        title,
        "position",
        "cosine; roughness (both without unit)",
        f"Cosine to the next row {fmean(known):.2f} on average (random rows: 0); roughness 1.22 is random, 0 smooth.",
        [Series("cosine to the next row", where, cosines), Series("roughness", where, rough, dash="dot")],
    )


def distance_chart(alone: Measures, views: TableViews) -> Chart:
    """Return the mean cosine over distance, beside that of the sinusoid."""
    similarity = alone.similarity
    title = "Similarity over distance"
    if similarity is None or similarity.toeplitz_r2 is None:
        return no_chart("lines", title, "fewer than three rows, or all of them equal")
    curve = similarity.by_distance
    step = -(-len(curve) // MOST_POINTS)
    series = [Series("this table", list(range(0, len(curve), step)), curve[::step])]
    reading = f"Distance alone explains {similarity.toeplitz_r2:.1%} of the variance of the cosines."
    if views.sinusoid_by_distance is not None:
        fixed = views.sinusoid_by_distance.tolist()
        series.append(Series("sinusoidal encoding", list(range(0, len(fixed), step)), fixed[::step], dash="dash"))
        sinusoid = alone.spectrum.sinusoid
        if sinusoid is not None and sinusoid.correlation is not None:
            reading += f" Its cosines correlate {sinusoid.correlation:.2f} with those of the sinusoidal encoding."
    unit = "distance (positions)" if alone.grid is None else "distance (patches, rounded)"
    return Chart("lines", title, unit, "mean cosine", reading, series)


def power_chart(alone: Measures) -> Chart:
    """Return the share of the variance at each frequency over the positions."""
    power, frequencies = alone.spectrum.power, alone.spectrum.power_frequencies
    title = "Spectrum over positions"
    if power is None or frequencies is None:
        return no_chart("lines", title, "fewer than four rows, or all of them equal")
    low = sum(share for share, at in zip(power, frequencies, strict=True) if at <= SLOW)
    return Chart(
        "lines",
        title,
        "frequency (cycles per position)",
        "share of the variance",
        f"{low:.0%} of the variance lies at periods of 16 positions or more (random rows: 12 %).",
        [Series("power", frequencies[1:], [value if value > 0 else None for value in power[1:]])],
        log_y=True,
    )


def positive(singular: Sequence[float]) -> list[float]:
    """Return the singular values that are more than rounding.

    Example:
        >>> positive((2.0, 1.0, 1e-12))
        [2.0, 1.0]
    """
    return [value for value in singular if value > ROUNDING * singular[0]]


def singular_chart(alone: Measures) -> Chart:
    """Return the singular values, largest first."""
    spectrum = alone.spectrum
    title = "Singular values"
    values = positive(spectrum.singular_values)
    if not values:
        return no_chart("lines", title, "all rows are equal")
    return Chart(
        "lines",
        title,
        "component",
        "singular value of the centered rows",
        f"Effective rank {spectrum.effective_rank:.1f}, participation ratio {spectrum.participation_ratio:.1f}, "
        f"of at most {min(alone.rows - 1, len(spectrum.singular_values))} listed directions.",
        [Series("singular value", list(range(1, len(values) + 1)), values)],
        log_y=True,
    )
