"""Machine-written text on a case, checked against the measured facts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from napari_attnseg.reports.checked import Dropped, check
from napari_attnseg.reports.endpoint import Endpoint, NoAnswerError
from napari_attnseg.reports.measured import Fact

_INSTRUCTION = (
    "You get measured facts of the segmentation of one image, as JSON. Write two to "
    "five short English sentences in plain text, one per line, that say these facts. "
    "Every sentence has a number of a fact, exactly as given, with its unit behind it; "
    "name what it measures first, such as: 'The mask covers 12.3 % of the image.' 'The "
    "expected Dice is 0.91, with a range from 0.80 to 0.95.' 'The area of the largest "
    "object is 120 px.' Say 'largest object' of its numbers only. Give no "
    "diagnosis, no judgement, no advice and no other number."
)
_WHY = {
    Dropped.FORM: "not a plain sentence",
    Dropped.WORD: "words beyond the measured facts",
    Dropped.NUMBER: "numbers that were not measured",
    Dropped.NO_FACT: "no measured number",
    Dropped.TOO_MANY: "too many",
}


@dataclass(frozen=True, slots=True)
class Described:
    """Text on one case.

    Attributes
    ----------
    model : str
        Name of the model that wrote the text.
    sentences : tuple of str
        Sentences that the facts support.
    dropped : mapping of Dropped to int
        Number of dropped sentences by reason.
    """

    model: str
    sentences: tuple[str, ...]
    dropped: Mapping[Dropped, int]

    @property
    def left_out(self) -> str:
        """Say how many sentences were dropped, and why; empty if none was."""
        total = sum(self.dropped.values())
        if not total:
            return ""
        each = (f"{_WHY[why]} ({n})" for why, n in sorted(self.dropped.items()))
        whole = total + len(self.sentences)
        return f"{total} of {whole} sentences were left out: {', '.join(each)}."


class Describer:
    """Ask one endpoint for a text on each case; stop asking once it fails.

    Parameters
    ----------
    endpoint : Endpoint

    Attributes
    ----------
    error : str
        Why asking stopped; empty while the endpoint answers.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint, self.error = endpoint, ""

    def __call__(self, facts: Sequence[Fact]) -> Described | None:
        """Ask for a text on the facts of a case; None if there was no answer."""
        if self.error:
            return None
        sent = json.dumps({"facts": [one.to_json() for one in facts]})
        try:
            text = self._endpoint.ask(_INSTRUCTION, sent)
        except NoAnswerError as error:
            self.error = str(error)
            return None
        kept, dropped = check(text, facts)
        return Described(self._endpoint.model, kept, Counter(dropped))
