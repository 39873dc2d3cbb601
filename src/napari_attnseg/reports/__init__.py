"""Reports on results: one HTML file without scripts that fetches nothing.

::

    from napari_attnseg.reports import load_cases, report_html

    html = report_html(load_cases(Path("results/polyp.json")))
"""

from napari_attnseg.io.segmented_pixels import NoImage, segmented_pixels
from napari_attnseg.reports.cases import Case, cases_of, load_cases
from napari_attnseg.reports.page import report_html

__all__ = [
    "Case",
    "NoImage",
    "cases_of",
    "load_cases",
    "report_html",
    "segmented_pixels",
]
