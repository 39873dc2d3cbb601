"""Evaluating weights: both resolutions, mirror images, what is said, and the report."""

import base64
import dataclasses
import re
import shutil
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets import load_dataset
from attnseg_training.evaluation.contact_sheet import cases_shown, contact_sheet_png
from attnseg_training.evaluation.evaluate import evaluate
from attnseg_training.evaluation.evaluation_report import EvaluationReport
from attnseg_training.evaluation.report import report_html
from attnseg_training.runs.lineage import (
    IN,
    OUT,
    UNKNOWN,
    domain,
    split_seed,
    trained_on,
    trained_under,
)
from napari_attnseg import Segmenter
from napari_attnseg.cards import ModelCard, read_card
from napari_attnseg.checkpoints import load_checkpoint, save_checkpoint
from napari_attnseg.metrics import METRICS, dice


@pytest.fixture(scope="module")
def weights(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with a threshold that lets half of a noise image through."""
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    middle = np.median(
        Segmenter.from_checkpoint(tiny_weights, "cpu")(noise).probability
    )
    network, card, _ = load_checkpoint(tiny_weights)
    path = tmp_path_factory.mktemp("weights") / "half.safetensors"
    card = dataclasses.replace(card, threshold=float(middle))
    save_checkpoint(path, network.state_dict(), card)
    return path


@pytest.fixture(scope="module")
def report(shared_data_folder: Path, weights: Path) -> EvaluationReport:
    return evaluate(weights, load_dataset(shared_data_folder), "test", "cpu")


def test_metrics_are_at_both_resolutions(
    report: EvaluationReport, shared_data_folder: Path, weights: Path
) -> None:
    # Images of the network's own 64×64, resized beforehand as the network's input is.
    segmenter = Segmenter.from_checkpoint(weights, "cpu")
    found = {"own": [], "network": [], "at 0.5": []}
    for sample in load_dataset(shared_data_folder).split("test"):
        image, truth = sample.read()
        result = segmenter(image)
        found["own"].append(dice(truth, result.mask))
        found["at 0.5"].append(dice(truth, result.probability[0] >= 0.5))
        grown = Image.fromarray(255 * truth).resize((64, 64), Image.Resampling.BILINEAR)
        small = Image.fromarray(image).resize((64, 64), Image.Resampling.BILINEAR)
        found["network"].append(
            dice(np.asarray(grown) > 127, segmenter(np.asarray(small)).mask)
        )
    summary = report.summary()
    network = summary["at_network_size"]
    assert network["size"] == [64, 64]
    assert summary["dice"]["mean"] == pytest.approx(np.mean(found["own"]))
    assert network["dice"]["mean"] == pytest.approx(np.mean(found["network"]), abs=5e-3)
    assert network["dice"]["mean"] != summary["dice"]["mean"]
    assert set(METRICS) < set(network) and set(METRICS) < set(network["as_published"])
    at = {a["threshold"]: a for a in summary["threshold_curve"]["at"]}
    assert at[0.5]["dice"]["mean"] == pytest.approx(np.mean(found["at 0.5"]))


def test_flip_is_off_unless_asked_for_and_recorded(
    report: EvaluationReport, shared_data_folder: Path, weights: Path
) -> None:
    data = load_dataset(shared_data_folder)
    flipped = evaluate(weights, data, "test", "cpu", flip=True)
    assert "no test-time augmentation" in report.protocol
    assert "mirror images" in flipped.protocol
    assert (report.summary()["flip"], flipped.summary()["flip"]) == (False, True)
    segmenter = Segmenter.from_checkpoint(weights, "cpu")
    image, truth = data.split("test")[0].read()
    mask = segmenter(image, flip=True).mask
    assert flipped.per_image()[0]["dice"] == dice(truth, mask)
    np.testing.assert_array_equal(flipped.mask(0, truth.shape), mask > 0)
    assert not np.array_equal(report.mask(0, truth.shape), mask > 0)


def test_only_what_the_card_records_is_said_of_the_domain(
    shared_data_folder: Path, weights: Path
) -> None:
    data = load_dataset(shared_data_folder)
    card = read_card(weights)
    assert domain(card, data, "test")["label"] == UNKNOWN

    def trained(on: str, protocol: str = data.protocol) -> ModelCard:
        run = {"config": {"data": on}, "protocol": protocol}
        parts = [run, {**run, "started_from": run}]
        return dataclasses.replace(
            card, data="words", training={"average_of": parts, "temperature": "x"}
        )

    told = {s: domain(trained("discs"), data, s) for s in ("train", "val", "test")}
    assert {found["label"] for found in told.values()} == {IN}
    assert told["test"]["trained_on"] == "words"
    assert "were trained on" in told["train"]["reason"]
    assert "chosen on these" in told["val"]["reason"]
    assert "neither trained on" in told["test"]["reason"]
    other = domain(trained("discs", "splits drawn otherwise"), data, "test")
    assert other["label"] == IN and "not recorded" in other["reason"]
    found = domain(trained("kvasir-seg"), data, "test")
    assert found["label"] == OUT
    assert "trained on kvasir-seg, measured on discs" in found["reason"]
    # A data set's own name counts, whatever its folder was called then.
    named = {"training": {**trained("elsewhere").training["average_of"][0]}}
    named["training"]["dataset"] = "discs"
    assert domain(dataclasses.replace(card, **named), data, "test")["label"] == IN
    # The same images under another name are not new ones.
    alike = dataclasses.replace(data, name="hyperkvasir")
    found = domain(trained("kvasir-seg"), alike, "all")
    assert found["label"] == IN and "same images" in found["reason"]
    assert trained_on(trained("kvasir-seg"), alike)
    assert not trained_on(trained("discs"), data)
    # A second stage on other data than the first: both were trained on.
    first = trained("kvasir-seg").training["average_of"][0]
    both = {**trained("discs").training["average_of"][0], "started_from": first}
    found = domain(dataclasses.replace(card, training=both), data, "test")
    assert found["label"] == IN


def test_a_result_says_under_which_rules_its_weights_were_trained(
    shared_data_folder: Path, weights: Path
) -> None:
    data, card = load_dataset(shared_data_folder), read_card(weights)
    honest = {"config": {"data": "discs", "split_seed": 3}, "protocol": data.protocol}
    paper = {**honest, "protocol": "the paper's: test chose"}
    same = dataclasses.replace(card, training={"average_of": [honest, honest]})
    assert trained_under(same, data) == "" and split_seed(same) == 3
    for earlier in ({"started_from": paper}, {"encoders_from": [honest, paper]}):
        mixed = dataclasses.replace(card, training={**honest, **earlier})
        said = trained_under(mixed, data)
        assert said.endswith("trained under: the paper's: test chose")
    assert split_seed(card) == 0


def test_no_image_is_shown_twice() -> None:
    values = np.random.default_rng(0).permutation(np.linspace(0, 1, 40))
    shown = cases_shown(list(values))
    ranks = {
        word: sorted(np.argsort(np.argsort(values))[i]) for word, i in shown.items()
    }
    assert ranks == {
        "worst": [0, 1, 2, 3],
        "median": [18, 19, 20, 21],
        "best": [36, 37, 38, 39],
    }
    for n in range(1, 14):
        indices = [i for found in cases_shown([0.5] * n).values() for i in found]
        assert len(indices) == len(set(indices)) >= min(n, 3)


class Page(HTMLParser):
    """Tags, what they point to, and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.points, self.text = [], [], ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        self.points += [v for k, v in attrs if k in ("src", "href", "srcset")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_report_is_one_file_that_shows_what_was_measured(
    report: EvaluationReport, shared_data_folder: Path
) -> None:
    summary = report.summary()
    sheet = contact_sheet_png(report, load_dataset(shared_data_folder).split("test"))
    html = report_html(report, {**summary, "dataset": "<b>discs"}, sheet)
    page = Page(html)
    assert "script" not in page.tags and "link" not in page.tags
    assert len(page.points) == 4 and not re.search(r"https?:|url\(|@import", html)
    for point in page.points:
        kind, data = point.split(",", 1)
        assert kind == "data:image/png;base64"
        Image.open(BytesIO(base64.b64decode(data))).verify()
    assert "b" not in page.tags and "<b>discs" in page.text  # a name is no markup
    row = summary["dice"]
    assert f"{row['mean']:.3f}" in page.text
    assert f"{row['low']:.3f} to {row['high']:.3f}" in page.text
    for part in (summary["protocol"], UNKNOWN, summary["weights_sha256"], "64×64"):
        assert part in page.text
    assert page.text.count("Research use") == 1


def test_a_report_of_frames_without_a_lesion_leaves_out_what_is_undefined(
    data_folder: Path, weights: Path
) -> None:
    shutil.rmtree(data_folder / "splits")
    for mask in (data_folder / "masks").iterdir():
        Image.fromarray(np.zeros((40, 48), np.uint8)).save(mask)
    data = load_dataset(data_folder)
    report = evaluate(weights, data, "val", "cpu")
    summary = report.summary()
    assert np.isnan(summary["detection"]["recall"]["mean"])
    sheet = contact_sheet_png(report, data.split("val"))
    assert "nan" not in Page(report_html(report, summary, sheet)).text
