"""Fixtures of these tests."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def _plain_curves() -> Iterator[None]:
    """Write a placeholder as ``curves.png``: drawing it takes most of a tiny epoch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "attnseg_training.runs.curves.curves_png",
            lambda rows, measured_on="validation": b"",
        )
        yield
