"""Masks that were made of another image, or of another frame, are refused or told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_attnseg.errors import InputError
from napari_attnseg.exports import load_masks
from napari_attnseg.frame_rows import frame_row, table_text
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.results import Results, load_results, save_results
from napari_attnseg.io.stack_results import FORMAT
from napari_attnseg.reports import load_cases
from napari_attnseg.results import Segmentation
from napari_attnseg.review.cases import find_cases
from napari_attnseg.review.reviewed_mask import reviewed_mask

MASKS = np.zeros((5, 20, 30), np.uint8)
for _i in range(4):  # the last one is empty
    MASKS[_i, 5:10, 3 + 2 * _i : 12 + 2 * _i] = 1


def run(i: int, image: str | None = None) -> Segmentation:
    facts = {
        "source": "x.jpg",
        "classes": ["lesion"],
        "image_sha256": image or array_sha256(np.full((20, 30), i, np.uint8)),
        "mask_sha256": array_sha256(MASKS[i]),
    }
    return Segmentation(MASKS[i], MASKS[i][None].astype(np.float32), (), facts)


def images(root: Path) -> list[Path]:
    """Results of five images, with the images; returns their JSON files."""
    stories = []
    for i in range(5):
        image = root / f"c{i}.jpg"
        Image.fromarray(np.full((20, 30), i, np.uint8)).save(image)
        result = Results(f"c{i}", str(image), [run(i)], image=image)
        stories.append(save_results(result, root / "r", f"c{i}")[-1])
    return stories


def film(root: Path) -> Path:
    rows = []
    for i in range(5):
        row = {**frame_row(run(i), None), "frame": i, "image_sha256": f"frame {i}"}
        rows.append(row)
    (root / "ok").mkdir()
    (root / "ok_frames.csv").write_text(table_text(rows))
    facts = {"format": FORMAT, "frames": [*range(5)], "mask_value": 255, "files": {}}
    (root / "ok.json").write_text(json.dumps({**facts, "provenance": {}}))
    for i in range(5):
        frame(root, i, i)
    return root / "ok.json"


def frame(root: Path, i: int, made: int) -> None:
    """Write the mask that was made of one frame for another one."""
    name = root / "ok" / f"frame_{i:06d}_mask.png"
    Image.fromarray(MASKS[made] * 255).save(name)


def exchange(one: Path, other: Path) -> None:
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def test_masks_of_two_results_that_were_exchanged_are_refused(tmp_path: Path) -> None:
    stories = images(tmp_path)
    exchange(tmp_path / "r" / "c0_mask.png", tmp_path / "r" / "c2_mask.png")
    words = (
        "Expected the mask of c0 in c0_mask.png, but it is exactly the one that "
        "attnseg made of c2, as if masks were exchanged or saved under another name; "
        "put each back in its place, or segment again."
    )
    for read in (load_results, load_masks, load_cases):
        with pytest.raises(InputError) as error:
            read(stories[0])
        assert str(error.value) == words
        read(stories[1])
    refused = set()
    for case in find_cases(tmp_path / "r").cases:
        try:
            reviewed_mask(case)
        except InputError as error:
            assert case.name != "c0" or str(error) == words
            refused.add(case.name)
    assert refused == {"c0", "c2"}


def test_what_is_no_exchange_is_read(tmp_path: Path) -> None:
    stories = images(tmp_path)
    Image.fromarray(MASKS[4]).save(tmp_path / "r" / "c0_mask.png")  # emptied
    edited = MASKS[2] * 255
    edited[0, 0] = 255
    Image.fromarray(edited).save(tmp_path / "r" / "c1_mask.png")
    # The same image was segmented twice.
    again = Results("c3b", "c3.jpg", [run(2, run(3).provenance["image_sha256"])])
    save_results(again, tmp_path / "r", "c3b")
    Image.fromarray(MASKS[2] * 255).save(tmp_path / "r" / "c3_mask.png")
    for story, made in zip(stories, (MASKS[4], edited, *MASKS[[2, 2, 4]]), strict=True):
        found = load_results(story).segmentations[0].mask
        assert np.array_equal(found > 0, made > 0)


def test_slices_of_a_stack_that_were_exchanged_are_refused(tmp_path: Path) -> None:
    results = Results("s", "s.tif", [run(i) for i in range(5)], 5)
    story = save_results(results, tmp_path, "s")[-1]
    order = {"photometric": "minisblack"}
    tifffile.imwrite(tmp_path / "s_mask.tif", MASKS[[0, 2, 1, 3, 4]] * 255, **order)
    with pytest.raises(
        InputError, match=r"mask of frame 1 of s in s_mask.tif, but .* 2"
    ):
        load_results(story)
    tifffile.imwrite(tmp_path / "s_mask.tif", MASKS[[0, 2, 2, 3, 4]] * 255, **order)
    assert load_results(story).assumed == (
        "The mask of frame 1 of s in s_mask.tif is exactly the one that attnseg made "
        "of frame 2 of s: look whether it was copied on purpose."
    )


@pytest.mark.parametrize("order", [(0, 3, 2, 1, 4), (0, 0, 1, 2, 3), (1, 2, 3, 3, 4)])
def test_frames_whose_masks_were_moved_are_refused(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    story = film(tmp_path)
    assert load_masks(story).assumed == ""
    for i, made in enumerate(order):
        frame(tmp_path, i, made)
    for read in (load_masks, load_cases):
        with pytest.raises(InputError, match="is exactly the one that attnseg made of"):
            read(story)


def test_a_copied_or_edited_frame_is_read(tmp_path: Path) -> None:
    story = film(tmp_path)
    frame(tmp_path, 1, 2)
    assert load_masks(story).assumed == (
        "The mask of frame 1 of ok in frame_000001_mask.png is exactly the one that "
        "attnseg made of frame 2 of ok: look whether it was copied on purpose."
    )
    frame(tmp_path, 1, 4)
    assert load_masks(story).assumed == ""
