"""Fixtures of these tests."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def _cheap_by_products() -> Iterator[None]:
    """Cut the cost of what these tests do not look at.

    Drawing ``curves.png`` takes most of a tiny epoch, and resampling regions most of a
    gate suite on few images.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "attnseg_training.runs.curves.curves_png",
            lambda rows, measured_on="validation": b"",
        )
        patch.setattr("napari_attnseg.statistics.RESAMPLES", 20)
        yield
