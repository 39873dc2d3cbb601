"""A report is one file that fetches nothing, tells no more than it may, and is true."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_reports import MEASURED, Page, save
from medical_files import dicom_file
from odd_files import turn
from PIL import Image
from typer.testing import CliRunner

from napari_attnseg.cli import app
from napari_attnseg.corrections.clicks import Click, click_in_box, clicks_to_json
from napari_attnseg.errors import InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.frame_parts import FrameParts
from napari_attnseg.io.results import Results, save_results
from napari_attnseg.io.stack_results import StackNames, StackResults
from napari_attnseg.reports import NoImage, load_cases, report_html
from napari_attnseg.reports.order import Kind, doubt_of, worth_of
from napari_attnseg.reports.pictures import outline
from napari_attnseg.results import PatternValue, Segmentation

ODD = 'a "b" <script onload=x> & c'


def report(*files: Path, **options: Any) -> Page:
    cases = [case for file in files for case in load_cases(file)]
    return Page(report_html(cases, **options))


@pytest.fixture
def series(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "Doe_Jane"
    return [
        save(folder, "good", expected=0.95),
        save(folder, "bad", expected=0.41),
        save(folder, ODD, expected=0.7),
        save(folder, "nothing", side=0, expected="empty"),
        save(folder, "strange", expected="unlike"),
    ]


def test_nothing_is_run_or_fetched_and_everything_is_escaped(
    series: list[Path], tmp_path: Path
) -> None:
    html = report_html(
        [case for file in series for case in load_cases(file)], "<b>T</b> & more"
    )
    page = Page(html)
    assert not {"script", "link", "iframe", "object", "embed", "form", "b"} & {
        tag for tag, _ in page.tags
    }
    ids = [found["id"] for _, found in page.tags if "id" in found]
    assert len(set(ids)) == len(ids)
    for _, found in page.tags:
        assert not [name for name in found if name.startswith("on")]
        for name in ("href", "src", "xlink:href", "action", "srcset"):
            target = found.get(name, "data:image/x")
            assert target.startswith("data:image/") or target[1:] in ids, target
    assert not re.search(r"url\(|@import|https?:", html)
    (policy,) = [f["content"] for _, f in page.tags if "http-equiv" in f]
    assert policy.startswith("default-src 'none'; img-src data:; style-src")
    assert ODD in page.text and "<b>T</b> & more" in page.text
    assert page.text.count("not a diagnostic device") == 1
    # No folder of this machine, whose name may be a patient's.
    assert str(tmp_path) not in html and "Doe" not in html


def test_cases_are_sorted_by_what_is_worth_a_look(series: list[Path]) -> None:
    page = report(*series)
    table = page.text.partition("mask, % of image")[2]
    order = re.findall(r"strange|nothing|bad|script|good", table)
    assert list(dict.fromkeys(order)) == [
        "strange",
        "nothing",
        "bad",
        "script",
        "good",
    ]
    assert "0.41 (0.31–0.41)" in page.text
    assert "measured on 88 Kvasir-SEG validation images" in page.text
    assert "unlike the images it was measured on" in page.text


def test_a_mask_that_was_painted_has_no_expected_dice(tmp_path: Path) -> None:
    file = save(tmp_path / "r")
    (case,) = load_cases(file)
    assert worth_of(case, doubt_of(case)).kind is Kind.EXPECTED_DICE
    painted = case.result.mask.copy()
    painted[0] = 1
    case = replace(case, result=replace(case.result, mask=painted))
    assert worth_of(case, doubt_of(case)).kind is Kind.ANOTHER_MASK
    text = Page(report_html([case])).text
    assert "changed by hand" in text and "no longer the model's own" in text
    assert "0.90 (" not in text
    painted[0, :5] = 2
    case = replace(case, result=replace(case.result, mask=painted))
    assert "label 2" in Page(report_html([case])).text


def test_the_numbers_are_those_of_the_mask(tmp_path: Path) -> None:
    page = report(save(tmp_path / "r", side=12))
    # 144 of 2400 pixels, whose centre is that of the square.
    assert "6.0 %" in page.text
    cells = re.search(r"1\s*\n?.*16, 26\s*144\s*6", page.text.replace("\n", " "))
    assert cells is not None
    assert "1/16: This map affected the mask" in page.text
    assert "1/8: Where this map is high or low did not affect" in page.text


def test_an_outline_is_where_the_mask_ends() -> None:
    mask = np.zeros((40, 60), bool)
    mask[10:22, 20:32] = True
    numbers = np.array(re.findall(r"([\d.]+),([\d.]+)", outline(mask)), float)
    assert np.allclose(numbers.min(0), (20, 10)) and np.allclose(
        numbers.max(0), (32, 22)
    )
    full = np.array(re.findall(r"([\d.]+),([\d.]+)", outline(~np.zeros_like(mask))))
    assert (
        set(full[:, 0].astype(float)) == {0, 0.5, 59.5, 60}
        and outline(mask & ~mask) == ""
    )


@pytest.mark.parametrize("why", NoImage)
def test_an_image_that_is_not_what_was_segmented_is_not_shown(
    tmp_path: Path, why: NoImage
) -> None:
    file = save(tmp_path / "r")
    image = tmp_path / "r" / "polyp.image.png"
    if why is NoImage.MISSING:
        image.unlink()
    elif why is NoImage.CHANGED:
        Image.new("RGB", (60, 40)).save(image)
    elif why is NoImage.TURNED:
        turn(image, 3)
    else:
        image.write_bytes(b"no image")
    (case,) = load_cases(file)
    assert case.image is why
    page = Page(report_html([case]))
    assert "The image is not shown" in page.text
    pictures = [f["href"] for t, f in page.tags if t == "image"]
    assert pictures and not any("jpeg" in one for one in pictures)


def test_names_are_left_out_where_that_is_asked_and_paths_told(
    series: list[Path], tmp_path: Path
) -> None:
    cases = [case for file in series for case in load_cases(file)]
    html = report_html(cases, number_cases=True)
    assert "Case 2" in html and "strange" not in html and "image.png" not in html
    assert str(tmp_path) in report_html(cases[:1], paths=True)


@pytest.mark.parametrize(
    ("clicks", "said"),
    [
        ([Click(3, 4, True)], "1 click"),
        (
            [
                Click(3, 4, True),
                click_in_box(2, 2, 9, 9, True),
                Click(5, 6, False),
            ],
            "2 clicks and 1 box",
        ),
        ([Click(3, 4, True, line=((5, 6),))], "1 line"),
    ],
)
def test_clicks_of_a_correction_are_counted(
    tmp_path: Path, clicks: list[Click], said: str
) -> None:
    facts = {"corrector": "rules", "settings": {}, "clicks": clicks_to_json(clicks)}
    page = report(save(tmp_path / "r", clicks=facts))
    # The hash of the mask after the last click is what tells of later strokes.
    assert f"corrected by{said}, and perhaps painted by hand\n" in page.text
    facts["clicks"][-1]["mask_sha256"] = "of another mask"
    page = report(save(tmp_path / "s", clicks=facts))
    assert f"corrected by{said}, then painted by hand\n" in page.text
    (case,) = load_cases(save(tmp_path / "t"))
    now = array_sha256(case.result.mask)
    facts["clicks"][-1]["mask_sha256"] = now
    page = report(save(tmp_path / "t", clicks=facts))
    assert f"corrected by{said}\n" in page.text


def test_identifiers_in_provenance_are_never_told(tmp_path: Path) -> None:
    facts = {"identifiers": {"PatientName": "Doe^Jane"}, "format": "dicom"}
    page = report(save(tmp_path / "r", file_facts={**facts, "assumed": ["some_way"]}))
    assert "Doe" not in page.text and "dicom" in page.text and "some way" in page.text


def test_an_image_of_dicom_is_shown_with_the_size_of_its_pixels(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    image = dicom_file(tmp_path / "e.dcm", pixels, "RGB")
    mask = np.zeros((40, 60), np.uint8)
    mask[10:20, 20:40] = 1
    facts = {"image_sha256": array_sha256(pixels), "mask_sha256": array_sha256(mask)}
    run = Segmentation(mask, mask[None].astype(np.float32), (), facts)
    place = {"scale": [0.2, 0.5], "units": ["mm", "mm"]}
    results = Results("e", str(image), [run], placement=place, image=image)
    page = report(save_results(results, tmp_path / "r", "e")[-1])
    assert any("jpeg" in found.get("href", "") for _, found in page.tags)
    # 200 pixels of 0.1 mm².
    assert "area (mm²)" in page.text and "0.5 × 0.2 mm" in page.text
    # Row and column, area, share of the image, area in mm², longest diameter in mm.
    row = ["1", "14, 30", "200", "8.33", "20", "10.2"]
    assert "".join(row) in page.text
    assert "Quimby" not in page.text and "no gates" in page.text


def test_of_a_film_frames_are_cases_by_its_table(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (15, 40, 60, 3), np.uint8)
    film = dicom_file(tmp_path / "film.dcm", pixels, "RGB", FrameTime=40)
    names = StackNames(tmp_path / "r", "film")
    names.folder.mkdir()
    columns = ("frame", "seconds", "expected_dice", "expected_dice_low")
    columns += ("expected_dice_high", "expected_dice_state", "doubt_bits")
    columns += ("image_sha256",)
    run = {"classes": ["polyp"], "expected_dice_measured": MEASURED}
    stack = StackResults(names, {"source": str(film)}, columns, False, 25)
    for i in range(14):
        mask = np.zeros((40, 60), np.uint8)
        mask[10:20, 20:40] = 1
        wrong = "" if i == 3 else array_sha256(pixels[i])
        values = (i, i / 25, 0.99 - i / 50, 0.2, 1.0, "estimated", 0.25, wrong)
        row = dict(zip(columns, values, strict=True))
        stack.add(i, FrameParts(mask, row, None, i / 25), run)
    stack.close(False)
    before = [case.result.provenance for case in load_cases(names.story)]
    page = report(names.story)
    # The lowest expected Dice is that of the last frame; two are left out.
    heads = re.findall(r"^film, frame (\d+) \(", page.text, re.M)
    assert heads[:12] == [str(i) for i in range(13, 1, -1)]
    assert "2 frames of stacks are not in this report" in page.text
    assert "film, frame 13 (0.52 s)" in page.text and "0.73 (0.20–1.00)" in page.text
    assert "0.25 bit" in page.text and "are not kept" in page.text
    assert "stopped before the last frame" in page.text
    # Frame 3 is no longer what was segmented.
    assert page.text.count("holds other pixels") == 2
    pictures = [f for _, f in page.tags if "jpeg" in f.get("href", "")]
    assert len(pictures) == 2 * 11  # thumbnails too
    # A German spreadsheet program saved the table again.
    text = names.table.read_text().replace(",", ";").replace(".", ",")
    names.table.write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
    again = [case.result.provenance for case in load_cases(names.story)]
    assert again == before
    names.table.unlink()
    with pytest.raises(InputError, match="cannot be read as the table of a film"):
        load_cases(names.story)


def test_of_a_stack_the_frames_most_worth_a_look_are_shown(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    file = save(folder, "film", frames=14)
    facts = json.loads(file.read_text())
    for key in ("image_sha256", "mask_sha256"):
        assert isinstance(facts["provenance"][key], list)
    means = np.random.default_rng(0).permutation(14) / 20 + 0.2
    for one, mean in zip(facts["provenance"]["expected_dice"], means, strict=True):
        one["mean"] = float(mean)
    file.write_text(json.dumps(facts))
    page = report(file)
    heads = re.findall(r"^film, frame (\d+)$", page.text, re.M)
    assert "2 frames of stacks are not in this report" in page.text
    worst = [str(i) for i in np.argsort(means)[:12]]
    assert list(dict.fromkeys(heads))[:12] == worst


def test_the_command_writes_a_page_and_names_what_it_cannot_read(
    series: list[Path], tmp_path: Path
) -> None:
    (series[0].parent / "good_probability.tif").unlink()
    out = tmp_path / "report.html"
    args = ["report", str(series[0].parent), "--out", str(out)]
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 1
    assert "good" in done.stderr and "4 of 5 results reported" in done.stderr
    assert "strange" in out.read_text(encoding="utf-8")
    for other, said in ((tmp_path / "no", "no file"), (tmp_path, "none")):
        done = CliRunner().invoke(app, ["report", str(other), "--out", str(out)])
        assert said in str(done.exception)


def test_a_page_without_a_suffix_gets_one_and_another_is_refused(
    series: list[Path], tmp_path: Path
) -> None:
    words = ["report", str(series[0]), "--out"]
    done = CliRunner().invoke(app, [*words, str(tmp_path / "page")])
    assert done.exit_code == 0 and "is written as page.html" in done.stderr
    assert (tmp_path / "page.html").is_file() and not (tmp_path / "page").exists()
    done = CliRunner().invoke(app, [*words, str(tmp_path / "page.pdf")])
    assert isinstance(done.exception, InputError)
    assert "choose page.html" in str(done.exception)


def test_a_browser_shows_and_prints_it(series: list[Path], tmp_path: Path) -> None:
    """All of it, under its own policy, and each case on a page of its own."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    browser = next((found for name in names if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip("there is no Chromium here to open the page with")
    page, pdf = tmp_path / "report.html", tmp_path / "report.pdf"
    cases = [case for file in series[:2] for case in load_cases(file)]
    page.write_text(report_html(cases), encoding="utf-8")
    words = [browser, "--headless", "--no-sandbox", "--disable-gpu"]
    words += [f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr"]
    done = subprocess.run(
        [*words, f"--print-to-pdf={pdf}", page.as_uri()],
        capture_output=True,
        timeout=120,
        check=True,
    )
    assert b"Content Security Policy" not in done.stderr
    assert b"Refused" not in done.stderr
    # List, two cases, how to read it.
    assert len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) == 4


def test_without_gate_maps_a_page_says_why(tmp_path: Path) -> None:
    (case,) = load_cases(save(tmp_path / "r"))
    plain = replace(case.result, attention=())
    forced = {**plain.provenance, "gates_forced": {"1/4": 1.0}}
    other = replace(case.result.attention[0], pattern=PatternValue.UNKNOWN)
    for result, said in (
        (plain, "This model has no gates"),
        (replace(plain, provenance=forced), "forced to a number are not kept"),
        (replace(plain, attention=(other,)), "stands at the end of this page"),
    ):
        assert said in Page(report_html([replace(case, result=result)])).text
