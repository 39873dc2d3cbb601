"""The gate suite: whether a gate map means what it shows, measured on a data set.

psi says whose features are used where. Changing psi tests this in three ways: how much
its pattern matters for the mask, whether psi agrees with which encoder is better at a
place, and whether it moves away from an encoder whose input is damaged. Encoders run
once per image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from attnseg_training.datasets import Dataset
from attnseg_training.datasets.image_store import ImageStore
from attnseg_training.evaluation.evaluate import provenance
from attnseg_training.evaluation.image_metrics import bands
from attnseg_training.gates.checks import (
    other_explanations,
    sanity,
    stability,
    subject,
)
from attnseg_training.gates.combination import GateMaps, judge, on_cpu
from attnseg_training.gates.controls import at_size, localisation, trivial_maps
from attnseg_training.gates.damage import copies, one_sided
from attnseg_training.gates.keys import (
    ALL,
    DICE,
    IMAGE,
    LEVELS,
    Columns,
    Damage,
    Key,
    Measure,
    Row,
)
from attnseg_training.gates.readers import INTERVENTION, reader_columns
from attnseg_training.gates.suites import SUITES, Suite, expect_suite
from attnseg_training.gates.summary import summarise
from attnseg_training.runs.lineage import (
    protocol_fields,
    trained_on,
    trained_under,
)
from napari_attnseg.devices import resolve_device
from napari_attnseg.errors import InputError
from napari_attnseg.explanations.contributions import encoder_contributions
from napari_attnseg.explanations.interventions import Pairs, interventions
from napari_attnseg.explanations.subject import Subject
from napari_attnseg.explanations.trust import measured_trust, region_means
from napari_attnseg.ignored import known_pixels
from napari_attnseg.inference import Segmenter
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.rank_statistics import partial_spearman, spearman
from napari_attnseg.reader_record import BOTH, READERS
from napari_attnseg.spec import STRIDES

BATCH = 8
#: Half width of the boundary band, as a share of the image's side.
BAND = 0.02


def faithfulness(
    weights: str | Path,
    data: Dataset,
    split: str,
    suite: str = "quick",
    device: str = "auto",
    watch: Callable[[int, int], None] = lambda done, total: None,
    keep: Callable[[list[Row]], None] = lambda rows: None,
    allow: Sequence[str] = (),
) -> tuple[dict[str, Any], list[Row]]:
    """Measure the gates of one model.

    Parameters
    ----------
    weights : str or Path
        Weights file or bundled name, of a model of one class with one gate per level.
    data, split : Dataset, str
        Data to measure on; images are resized to the network's input.
    suite : str
        Name in `SUITES`.
    device : str
        As for `Segmenter.from_checkpoint`.
    watch : callable
        Called with (images done, images in all).
    keep : callable
        Called with all rows so far after each batch, to keep the measurements of an
        interrupted run.
    allow : sequence of str
        Rules that the data may break; see `datasets.findings.ALLOWABLE`.

    Returns
    -------
    dict
        Summary with intervals and verdicts; see `summary.summarise`.
    list of Row
        One row per image: `Key` → number, or an array of the gate map or of regions.

    Raises
    ------
    AttnSegError
        If weights, data or suite cannot be used; see `expect_suite`.
    """
    segmenter = Segmenter.from_checkpoint(weights, resolve_device(device))
    network, spec = segmenter.network, segmenter.card.spec
    if spec.classes != 1:
        raise InputError(
            f"Gates can be measured only for a model of one class, but this one has "
            f"{spec.classes}; choose other weights."
        )
    expect_suite(data, split, suite)
    rule = segmenter.card.preprocessing.intensity
    store = ImageStore(data.split(split), spec.size, segmenter.device, rule)
    allowed = store.seen.expect(allow)
    told = [hint.to_json() for hint in (*data.hints, *store.seen.hints())]
    rows: list[Row] = []
    maps: list[GateMaps] = []
    # Images of a batch lend each other maps and pieces. So they come from all over the
    # list: neighbours in it may be frames of one sequence.
    batches = -(-len(store) // BATCH)
    for batch in range(batches):
        index = list(range(batch, len(store), batches))
        images, masks = store.batch(index)
        asked = subject(segmenter.card, network, images)
        in_detail = batch % SUITES[suite].every == 0
        columns = _measure(asked, masks, SUITES[suite], in_detail, batch * BATCH)
        for i, name in enumerate(store.names[k] for k in index):
            rows.append({IMAGE: name, **{key: v[i] for key, v in columns.items()}})
        attention = network.psi_of_cnn(network.psi(asked.pairs))
        maps.append(on_cpu(attention, encoder_contributions(asked), masks))
        keep(rows)
        watch(len(rows), len(store))
    protocol = (
        f"suite {suite}; {data.name}, split {split}; at {spec.size}×"
        f"{spec.size} px, mask at probability 0.5; trust in {SUITES[suite].regions}×"
        f"{SUITES[suite].regions} regions against the true mask, at the card's "
        f"temperature {segmenter.card.temperature:g}; one-sided damage: a "
        f"rectangle ({', '.join(SUITES[suite].kinds)}) in one encoder's input; 95 % "
        f"intervals over images (each names its method); data: {data.protocol}"
        f"{trained_under(segmenter.card, data)}"
    )
    facts = {
        **provenance(segmenter),
        **protocol_fields(segmenter.card, data),
        "dataset": data.name,
        "split": split,
        "suite": suite,
        "n": len(rows),
        **(store.ignored_pixels(data.ignore) | data.mask_rules),
        **({"allowed": [str(error.rule) for error in allowed]} if allowed else {}),
        **({"findings": told} if told else {}),
        "protocol": protocol,
        "ends": ("transformer", "CNN"),
    }
    seen = split == "val" and trained_on(segmenter.card, data)
    measured_on = f"{data.name}, {split}{', trained on' if seen else ''}"
    measured = {
        "dataset": data.name,
        "split": split,
        "n": len(rows),
        "trained_on": seen,
    }
    combination = {**judge(maps, rows, measured_on), "measured_on": measured}
    place = {name: i for i, name in enumerate(store.names)}
    rows.sort(key=lambda row: place[row[IMAGE]])
    found = {**facts, **summarise(rows), "combination": combination}
    found[READERS]["measured_on"] = measured
    return found, rows


@torch.no_grad()
def _measure(
    asked: Subject, masks: Tensor, suite: Suite, in_detail: bool, seed: int
) -> Columns:
    network, pairs, images = asked.network, asked.pairs, asked.image
    fused, psis = network.fuse(pairs)
    attention = network.psi_of_cnn(psis)
    logits = network.logits(fused)

    def dice(found: Tensor) -> list[float]:
        return _dice(found, masks)

    columns: Columns = {DICE: dice(logits)}
    for stride, psi in attention.items():
        key = Key(Measure.ATTENTION, f"1/{stride}")
        columns[key] = list(psi[:, 0].cpu().numpy())
    for stride, share in network.effective_shares(pairs, psis).items():
        key = Key(Measure.EFFECTIVE_SHARE, f"1/{stride}")
        columns[key] = share.nanmean((1, 2, 3)).tolist()
    alone: dict[str, Tensor] = {BOTH: logits}
    for name, level, changed in interventions(network, pairs):
        if level == ALL:
            alone |= {who: changed for who, by in INTERVENTION.items() if by == name}
        columns[Key(Measure.DICE, level, name)] = dice(changed)
        flipped = ((changed >= 0) != (logits >= 0)).float().mean((1, 2, 3))
        columns[Key(Measure.FLIPPED, level, name)] = flipped.tolist()
    columns |= reader_columns(alone, attention, masks)
    temperature = asked.card.temperature
    tau = _trust(columns, "", network, pairs, masks, suite, temperature)
    _localise(columns, attention, images, masks, logits / temperature)
    if in_detail:
        features = network.encode(images)

        def trust(damage: Damage, hurt: Pairs) -> None:
            _trust(columns, damage, network, hurt, masks, suite, temperature)

        columns |= one_sided(network, images, features, suite.kinds, seed, dice, trust)
        columns |= copies(network, images, dice)
        columns |= stability(network, images, attention)
        columns |= sanity(
            network,
            images,
            features,
            masks,
            attention,
            tau,
            suite.regions,
            seed,
            temperature,
        )
        columns |= other_explanations(
            suite.explanations, asked.card, network, images, masks, seed
        )
    return columns


def _dice(logits: Tensor, masks: Tensor) -> list[float]:
    found, (masks, known) = (logits >= 0).float(), known_pixels(masks)
    if known is not None:
        found = found * known
    total = found.sum((1, 2, 3)) + masks.sum((1, 2, 3))
    overlap = 2 * (found * masks).sum((1, 2, 3))
    return torch.where(total > 0, overlap / total.clamp(min=1), 1.0).tolist()


def _trust(
    columns: Columns,
    condition: str | Damage,
    network: SegmentationNetwork,
    pairs: Pairs,
    masks: Tensor,
    suite: Suite,
    temperature: float,
) -> dict[int, Tensor]:
    """Add psi, measured trust and own mask per region; returns trust by stride.

    Probabilities are those of inference: logits are divided by the card's temperature.
    """
    taus = {}
    own = torch.sigmoid(network.logits(network.fuse(pairs)[0]) / temperature)
    for stride in (*STRIDES, None):
        trust = measured_trust(
            network, pairs, masks, stride, suite.regions, temperature=temperature
        )
        level = f"1/{stride}" if stride else ALL
        mask = region_means(own, trust.tau.shape[1:]).cpu()
        columns[Key(Measure.PSI, level, condition)] = list(trust.psi.numpy())
        columns[Key(Measure.TAU, level, condition)] = list(trust.tau.numpy())
        columns[Key(Measure.MASK, level, condition)] = list(mask.numpy())
        if stride:
            taus[stride] = trust.tau
    return taus


def _localise(
    columns: Columns,
    attention: dict[int, Tensor],
    images: Tensor,
    masks: Tensor,
    logits: Tensor,
) -> None:
    """Add what each gate map follows, and where it is high."""
    controls = trivial_maps(images, torch.sigmoid(logits))
    lesion, known = known_pixels(masks)
    places = bands(lesion, max(1, round(BAND * masks.shape[-1])))
    if known is not None:
        places = {name: place * known for name, place in places.items()}
    for level, psi in zip(LEVELS, attention.values(), strict=True):
        size = (psi.shape[-2], psi.shape[-1])
        small = {k: at_size(v, size).cpu().numpy() for k, v in controls.items()}
        truth = at_size(masks, size).cpu().numpy()
        weight = {k: at_size(v, size) for k, v in places.items()}
        maps = psi.cpu().numpy()
        n = range(len(maps))
        for name, control in small.items():
            others = [v for k, v in small.items() if k != name]
            columns[Key(Measure.FOLLOWS, level, name)] = [
                spearman(maps[i], control[i]) for i in n
            ]
            columns[Key(Measure.FOLLOWS_ONLY, level, name)] = [
                partial_spearman(maps[i], control[i], [o[i] for o in others]) for i in n
            ]
        key = Key(Measure.LOCALISES, level)
        columns[key] = [localisation(maps[i], truth[i]) for i in n]
        for name, w in weight.items():
            total = w.sum((1, 2, 3))
            mean = (psi * w).sum((1, 2, 3)) / total.clamp(min=1e-6)
            columns[Key(Measure.PSI, level, name)] = torch.where(
                total > 0, mean, torch.nan
            ).tolist()
