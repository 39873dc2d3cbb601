"""Machine-written text: only what the measured facts bear out is shown."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from made_reports import Page, save
from typer.testing import CliRunner

from napari_attnseg.cli import app
from napari_attnseg.errors import InputError
from napari_attnseg.reports.checked import Dropped, check
from napari_attnseg.reports.endpoint import Endpoint, NoAnswerError
from napari_attnseg.reports.measured import Fact

FACTS = (
    Fact("width", "", "64", "px"),
    Fact("height", "", "48", "px"),
    Fact("share", "", "12.3", "%"),
    Fact("count", "", "2", "objects"),
    Fact("doubt", "", "0.05", "bit"),
    Fact("dice", "", "0.91"),
    Fact("range", "", "0.80"),
    Fact("range", "", "0.95"),
    Fact("area", "", "120", "px"),
    Fact("diameter", "", "13.4", "mm"),
    Fact("probability", "", "0.93"),
)


@pytest.mark.parametrize(
    "sentence",
    [
        "The mask covers 12.3 % of the image.",
        "The mask covers 12.3% of the image and contains 2 objects.",
        "The expected Dice is 0.91, with a range from 0.80 to 0.95.",
        "The expected Dice is 0.91 and its range is 0.80–0.95.",
        "The doubt is 0.05 bits.",
        "The image is 64 px wide and 48 px high.",
        "The area of the largest object is 120 px and its longest diameter is 13.4 mm.",
        "The mean probability in the largest object is 0.930.",
    ],
)
def test_what_was_measured_may_be_said(sentence: str) -> None:
    assert check(sentence, FACTS) == ((sentence,), ())


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        # Invented, rounded, exchanged and swapped numbers, and other units.
        ("The mask covers 13.3 % of the image.", Dropped.NUMBER),
        ("The mask covers 12 % of the image.", Dropped.NUMBER),
        ("The mask covers 0.05 % of the image.", Dropped.NUMBER),
        ("The mask covers 12.3 mm of the image.", Dropped.NUMBER),
        ("The mask covers 12.3 of the image.", Dropped.NUMBER),
        ("The doubt is 12.3 %.", Dropped.NUMBER),
        ("The expected Dice is 0.95.", Dropped.NUMBER),
        ("The expected Dice is 0.93.", Dropped.NUMBER),
        ("The image is 48 px wide.", Dropped.NUMBER),
        ("The image is 64 px wide and 64 px high.", Dropped.NUMBER),
        ("The mask covers ١٢.٣ % and 12.3 % of the image.", Dropped.FORM),
        ("The mask contains 3 objects.", Dropped.NUMBER),
        ("The mask covers 12.3 % of the image 7.", Dropped.NUMBER),
        # Said of something else than it was measured of.
        ("The Dice is 0.91.", Dropped.WORD),
        ("The mask covers 12.3 % of the largest object.", Dropped.WORD),
        ("The area is 120 px.", Dropped.WORD),
        ("The mean doubt is 0.05 bit.", Dropped.WORD),
        # Diagnoses, judgements, negations, advice, numbers in words.
        ("The mask covers 12.3 % of the adenoma.", Dropped.WORD),
        ("The object is malignant and covers 12.3 %.", Dropped.WORD),
        ("The mask covers only 12.3 % of the image.", Dropped.WORD),
        ("The mask covers not 12.3 % of the image.", Dropped.WORD),
        ("The mask contains two objects.", Dropped.WORD),
        ("The doubt of 0.05 bit is reassuring.", Dropped.WORD),
        ("Patient Quimby has 2 objects.", Dropped.WORD),
        # Nothing measured, or a quantity without its number.
        ("The image has a mask.", Dropped.NO_FACT),
        ("The doubt and the area are measured.", Dropped.NO_FACT),
        ("The mask covers 12.3 % of the image at a diameter.", Dropped.NO_FACT),
        # No plain sentence.
        ("The mask covers <b>12.3 %</b> of the image.", Dropped.FORM),
        ("The mask covers 12.3 % of the image", Dropped.FORM),
        ("The mask covers -12.3 % of the image!", Dropped.FORM),
        ("The mask covers -12.3 % of the image.", Dropped.FORM),
        ("The mask covers – 12.3 % of the image.", Dropped.FORM),
        ("The mask covers ~12.3 % of the image.", Dropped.FORM),
        ("The mask covers ١٢ % of the image.", Dropped.FORM),
        ("The mask " * 40 + "covers 12.3 %.", Dropped.FORM),
    ],
)
def test_anything_else_is_dropped(sentence: str, why: Dropped) -> None:
    assert check(sentence, FACTS) == ((), (why,))


@contextmanager
def served(
    answer: Any, status: int = 200, wait: float = 0
) -> Iterator[tuple[str, list[Any]]]:
    """A server on this machine: its address, and what it was sent."""
    seen: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            seen.append((self.path, dict(self.headers), self.rfile.read(size)))
            time.sleep(wait)
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"http://127.0.0.1:{port}/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):  # who asked has stopped waiting
                self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}/v1", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def said(text: str | None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": text, **more}}]}


def test_a_report_with_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story = save(tmp_path / "Quimby_Ada", "Quimby")
    monkeypatch.setenv("ATTNSEG_DESCRIBE_KEY", "s3cret")
    out = tmp_path / "report.html"
    text = (
        "The expected Dice is 0.90. The mask contains 1 object.\n"
        "This adenoma is malignant.\n<script>alert(1)</script>\n"
        "The mask covers 99.9 % of the image."
    )
    words = ["report", str(story), "--out", str(out)]
    with served(said(text)) as (url, seen):
        plain = CliRunner().invoke(app, words)
        assert plain.exit_code == 0 and not seen  # nothing is sent unless asked
        assert "Machine-written" not in Page(out.read_text()).text
        given = ["--describe", url, "--describe-model", "<i>tiny</i>"]
        done = CliRunner().invoke(app, [*words, *given], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    ((path, headers, body),) = seen
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer s3cret"
    sent = json.loads(body)
    facts = json.loads(sent["messages"][1]["content"])
    assert set(facts) == {"facts"}
    assert all(set(one) == {"about", "value", "unit"} for one in facts["facts"])
    assert {"unit": "", "value": "0.90", "about": "expected Dice of the mask"} in (
        facts["facts"]
    )
    told = body.decode().casefold()
    assert "quimby" not in told and str(tmp_path).casefold() not in told
    page = Page(out.read_text())
    assert "The expected Dice is 0.90." in page.text
    assert "The mask contains 1 object." in page.text
    for left_out in ("adenoma", "alert", "99.9", "s3cret"):
        assert left_out not in page.text
    assert "3 of 5 sentences were left out" in page.text
    assert "A language model (<i>tiny</i>) wrote this" in page.text
    assert not [tag for tag, _ in page.tags if tag in ("script", "i")]
    assert "by <i>tiny</i>. 3 of 5" in page.text  # how this was made


@pytest.mark.parametrize(
    ("answer", "status", "why"),
    [
        (said(None, refusal="I cannot help."), 200, "got a refusal"),
        (said(""), 200, "got an empty answer"),
        (b"<html>", 200, "no chat completion"),
        ({"choices": []}, 200, "no chat completion"),
        (b"x" * 1_000_001, 200, "more than 1000000 bytes"),
        ({}, 401, "HTTP status 401"),
        (said("The mask contains 1 object."), 302, "HTTP status 302"),
    ],
)
def test_no_answer_is_told(answer: Any, status: int, why: str) -> None:
    with (
        served(answer, status) as (url, seen),
        pytest.raises(NoAnswerError, match=why),
    ):
        Endpoint(url, "m").ask("a", "b")
    assert len(seen) == 1


def test_a_report_is_written_without_an_answer(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(tmp_path / "r", name)
    out = tmp_path / "report.html"
    words = ["report", str(tmp_path / "r"), "--out", str(out)]
    with served({}, 500) as (url, seen):
        given = ["--describe", url, "--describe-model", "m"]
        done = CliRunner().invoke(app, [*words, *given])
    assert done.exit_code == 1 and "HTTP status 500" in done.output
    assert len(seen) == 1  # it is not asked again
    assert "Machine-written" not in out.read_text() and out.stat().st_size > 1000
    done = CliRunner().invoke(app, [*words, "--describe", url])
    assert isinstance(done.exception, InputError) or done.exit_code == 2


def test_time_out_and_addresses() -> None:
    late = pytest.raises(NoAnswerError, match="got TimeoutError")
    with served(said("x"), wait=0.6) as (url, _), late:
        Endpoint(url, "m", timeout=0.1).ask("a", "b")
    for url in ("ftp://h/v1", "h/v1", "https://me:key@h/v1", "http://[::1"):
        with pytest.raises(InputError, match="Expected the address"):
            Endpoint(url, "m")
    with pytest.raises(InputError, match="Expected https"):
        Endpoint("http://models.hospital.example/v1", "m")
    Endpoint("http://localhost:11434/v1", "m")
