"""The two readers are measured: planted masks give the numbers that were planted."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from attnseg_training.gates.keys import ALL, DICE, Key, Measure, Row
from attnseg_training.gates.readers import (
    INTERVENTION,
    reader_columns,
    reader_lines,
    summarise_readers,
)
from attnseg_training.release.export import rewrite_readers
from napari_attnseg.cards import read_card, weights_hash
from napari_attnseg.errors import InputError
from napari_attnseg.reader_record import PsiTells, Reader, ReaderRecord, ReaderState

SIDE = 32


def square(top: int, left: int, side: int = 8) -> torch.Tensor:
    drawn = torch.zeros(1, SIDE, SIDE)
    drawn[:, top : top + side, left : left + side] = 1
    return drawn


def planted(follows: bool, images: int = 20) -> list[Row]:
    """The CNN draws the lesion; the transformer half of it, and a square elsewhere.

    Psi is high where the CNN is right (`follows`), or everywhere else.
    """
    truth = torch.stack([square(4, 4)] * images)
    half = truth.clone()
    half[..., 8:12, :] = 0
    transformer = half + torch.stack([square(20, 20)] * images)
    # In every image the CNN draws a square too much, where it is wrong.
    cnn = truth + torch.stack([square(20, 2, 4)] * images)
    psi = torch.full((images, 1, SIDE, SIDE), 0.2 if follows else 0.8)
    right = (transformer != cnn) & (cnn == truth)
    psi[right] = 0.8 if follows else 0.2
    masks = truth.clone()
    masks[..., :2, :] = torch.nan  # not known: left out of all
    columns = reader_columns(
        {"both": cnn - 0.5, "CNN": cnn - 0.5, "transformer": transformer - 0.5},
        {4: psi, 8: psi},
        masks,
    )
    rows: list[Row] = [
        {key: values[i] for key, values in columns.items()} for i in range(images)
    ]
    for row in rows:
        row[DICE] = 0.9
        row[Key(Measure.DICE, ALL, INTERVENTION[Reader.CNN])] = 0.89
        row[Key(Measure.DICE, ALL, INTERVENTION[Reader.TRANSFORMER])] = 0.31
    return rows


def test_planted_readers_are_found() -> None:
    found = summarise_readers(planted(follows=True))
    assert json.loads(json.dumps(found)) == found
    # 32 pixels of the lesion and 64 beside it, where the CNN is right; 16 where not.
    assert found["right"]["cnn"]["mean"] == pytest.approx(96 / 112)
    assert found["right"]["transformer"]["mean"] == pytest.approx(16 / 112)
    assert found["drawn_alone_right"]["cnn"]["mean"] == pytest.approx(32 / 48)
    assert found["drawn_alone_right"]["transformer"]["mean"] == 0
    assert found["differ"]["mean"] == pytest.approx(112 / (SIDE * (SIDE - 2)))
    assert found["agree"]["mean"] == pytest.approx(2 * 32 / (80 + 96))
    assert (found["images"], found["regions"]) == (20, 60)
    assert found["psi_auroc"]["mean"] == 1
    # Of what the CNN draws: the half of the lesion, and the square too much.
    assert found["psi_auroc_alike"]["mean"] == 1
    assert (found["leaned_to_cnn"], found["cnn_better"]) == (40, 40)
    assert found["psi_transformer_better"] == pytest.approx(0.2)
    record = ReaderRecord(found)
    assert record.psi_tells is PsiTells.BETTER
    assert record.state(Reader.TRANSFORMER) is ReaderState.USELESS
    assert record.state(Reader.CNN) is ReaderState.USABLE
    first = reader_lines(found)[0]
    assert first.startswith("The transformer alone cannot do this job (Dice 0.310")
    against = summarise_readers(planted(follows=False))
    assert against["psi_auroc"]["mean"] == 0
    assert against["psi_auroc_alike"]["mean"] == 0
    assert ReaderRecord(against).psi_tells is PsiTells.WORSE


def test_few_images_give_no_verdict_and_none_agreement_no_numbers() -> None:
    few = ReaderRecord(summarise_readers(planted(follows=True, images=5)))
    assert few.state(Reader.TRANSFORMER) is ReaderState.TOO_FEW
    assert few.psi_tells is PsiTells.UNDEFINED
    alike = torch.stack([square(4, 4)] * 2)
    logits = dict.fromkeys(("both", "CNN", "transformer"), alike - 0.5)
    columns = reader_columns(logits, {4: alike}, alike)
    assert columns[Key(Measure.READERS_DIFFER)] == [0, 0]
    assert np.isnan(columns[Key(Measure.READER_RIGHT, "", "CNN")]).all()
    assert columns[Key(Measure.DISAGREEMENTS)][0].shape == (0, 3)
    none = ReaderRecord()
    assert none.state(Reader.CNN) is ReaderState.NOT_MEASURED
    assert none.psi_tells is PsiTells.NOT_MEASURED and none.right("cnn") is None


def test_the_record_gets_into_a_card(tiny_weights: Path, tmp_path: Path) -> None:
    weights, measured = tmp_path / "w.safetensors", tmp_path / "faithfulness.json"
    weights.write_bytes(tiny_weights.read_bytes())
    facts = summarise_readers(planted(follows=True))
    own = {"gates": {}, "readers": facts, "weights_sha256": weights_hash(weights)}
    measured.write_text(json.dumps(own))
    before = read_card(weights)
    assert rewrite_readers(weights, measured) == weights_hash(tiny_weights)
    assert read_card(weights) == replace(before, readers=facts)
    measured.write_text(json.dumps({**own, "weights_sha256": "of others"}))
    with pytest.raises(InputError, match="other weights"):
        rewrite_readers(weights, measured)
