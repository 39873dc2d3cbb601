"""Ask a language model at an address that the user gave, through OpenAI's API."""

from __future__ import annotations

import ipaddress
import json
import os
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from napari_attnseg.errors import InputError

#: Environment variable that holds the key, unless another one is named.
KEY = "ATTNSEG_DESCRIBE_KEY"
#: Bytes of an answer that are read, at most.
_MOST = 1_000_000


class NoAnswerError(InputError):
    """The endpoint did not answer, or its answer cannot be used."""


class _NoRedirects(HTTPRedirectHandler):
    """Refuse redirects, which would send facts and key to an address nobody gave."""

    def redirect_request(self, *args: Any, **more: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Address of a language model, and how to ask it.

    Attributes
    ----------
    url : str
        Address up to and including ``/v1``, as for OpenAI-compatible servers.
    model : str
    key_name : str
        Environment variable with the key; if it is not set, no key is sent.
    timeout : float
        Time to wait for an answer, in seconds.

    Raises
    ------
    InputError
        If the address is invalid, or would send the facts unencrypted over a network.
    """

    url: str
    model: str
    key_name: str = KEY
    timeout: float = 60.0

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            host = parts.hostname or ""
        except ValueError:
            parts, host = urlsplit(""), ""
        if not host or parts.scheme not in ("http", "https") or parts.username:
            raise InputError(
                "Expected the address of a language model such as "
                "https://HOST/v1 for --describe, without a name or a key in it, but "
                "got another text; put the key into an environment variable."
            )
        if parts.scheme == "http" and not _is_here(host):
            raise InputError(
                "Expected https for a language model on another machine, but got "
                "http, which others on the network can read; give an https address."
            )

    def ask(self, instruction: str, content: str) -> str:
        """Send a request, and return the text that the model answers.

        Raises
        ------
        NoAnswerError
            If there is no answer, or the model refuses.
        """
        messages = [
            {"role": "system", "content": instruction},
            {"role": "user", "content": content},
        ]
        body = {"model": self.model, "messages": messages, "temperature": 0}
        headers = {"Content-Type": "application/json"}
        key = os.environ.get(self.key_name)
        if key:
            headers["Authorization"] = f"Bearer {key}"
        request = Request(
            f"{self.url.rstrip('/')}/chat/completions",
            json.dumps(body).encode(),
            headers,
            method="POST",
        )
        try:
            opener = build_opener(_NoRedirects)
            with opener.open(request, timeout=self.timeout) as answer:
                data = answer.read(_MOST + 1)
        except HTTPError as error:
            raise _none(f"HTTP status {error.code}") from None
        except (URLError, HTTPException, OSError) as error:
            reason = getattr(error, "reason", error)
            raise _none(type(reason).__name__ if reason else "no reason") from None
        if len(data) > _MOST:
            raise _none(f"an answer of more than {_MOST} bytes")
        try:
            message = json.loads(data)["choices"][0]["message"]
            text, refusal = message.get("content"), message.get("refusal")
        except (ValueError, LookupError, TypeError, AttributeError):
            raise _none("an answer that is no chat completion") from None
        if refusal or not isinstance(text, str) or not text.strip():
            raise _none("a refusal" if refusal else "an empty answer")
        return text


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _none(what: str) -> NoAnswerError:
    return NoAnswerError(
        f"Expected a text from the language model, but got {what}; check address, "
        "model and key, or leave --describe out."
    )
