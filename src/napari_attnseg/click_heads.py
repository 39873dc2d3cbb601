"""Click heads on disk: after the network's tensors in a weights file, or alone.

The head's tensors come last in the file, under a prefix of their own. The hash of the
weights covers the network alone, as it does in a file without a head: a head changes no
mask that the network makes. The head has a hash and a record of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_attnseg.cards import HASH_KEY, read_header, weights_hash
from napari_attnseg.errors import CheckpointError, InputError
from napari_attnseg.io.atomic import write_bytes

if TYPE_CHECKING:
    from torch import Tensor

    from napari_attnseg.models.click_head import ClickHead

#: Names of the head's tensors begin with it.
PREFIX = "click_head."
#: Key, in the safetensors metadata, of the head's record as JSON: its architecture, the
#: hash of its tensors, and what it was trained on.
HEAD_KEY = "attnseg_click_head"


def network_end(header: Mapping[str, Any]) -> int:
    """Number of bytes of the network's tensors, which precede those of the head."""
    ends = (
        int(tensor["data_offsets"][1])
        for name, tensor in header.items()
        if name != "__metadata__" and not name.startswith(PREFIX)
    )
    return max(ends, default=0)


def head_record(path: Path) -> dict[str, Any]:
    """Record of the click head in a file, from its header; empty if there is none.

    Raises
    ------
    CheckpointError
        If it is not a weights file.
    """
    text = read_header(path)[0].get("__metadata__", {}).get(HEAD_KEY)
    try:
        return {} if text is None else dict(json.loads(text))
    except (TypeError, ValueError) as error:
        raise _unreadable(path.name, error) from error


@dataclass(frozen=True, slots=True, eq=False)
class StoredHead:
    """Click head as read from a file, which is built at the first click.

    Attributes
    ----------
    name : str
        Name of the file.
    spec : mapping
        JSON of its `ClickHeadSpec`.
    header : mapping
        Header of the file.
    data : bytes
        Its tensors, which have the hash that was stored with them.
    """

    name: str
    spec: Mapping[str, Any]
    header: Mapping[str, Any]
    data: bytes

    def build(self, device: str = "cpu") -> ClickHead:
        """The head in eval mode on a device.

        Raises
        ------
        CheckpointError
            If a later version of this package wrote it.
        """
        import torch

        from napari_attnseg.checkpoints import expect_finite
        from napari_attnseg.models.click_head import ClickHead, ClickHeadSpec

        try:
            head = ClickHead(ClickHeadSpec.from_json(dict(self.spec)))
            state = _tensors(self.header, self.data)
            expect_finite(state, self.name)
            head.load_state_dict({name: one.float() for name, one in state.items()})
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise _unreadable(self.name, error) from error
        return head.eval().requires_grad_(False).to(torch.device(device))


def load_click_head(path: Path, device: str = "cpu") -> ClickHead | None:
    """Click head of a weights file, or of a file of its own; None if there is none.

    Raises
    ------
    CheckpointError
        If the file or the head is damaged, or of a later version.
    """
    stored = read_click_head(path)
    return None if stored is None else stored.build(device)


def read_click_head(path: Path) -> StoredHead | None:
    """Read the content of a click head as `load_click_head` does, without torch.

    Raises
    ------
    CheckpointError
        If the file or the head is damaged.
    """
    record = head_record(path)
    if not record:
        return None
    header, start = read_header(path)
    with path.open("rb") as file:
        file.seek(start + network_end(header))
        data = file.read()
    if hashlib.sha256(data).hexdigest() != record.get("sha256"):
        raise CheckpointError(
            f"The click head in {path.name} does not have the hash that was stored "
            "with it: the file was changed or damaged; copy or download it again."
        )
    return StoredHead(path.name, record.get("spec", {}), header, data)


def save_click_head(path: Path, head: ClickHead, facts: Mapping[str, Any]) -> None:
    """Write a click head to a file, atomically.

    Parameters
    ----------
    path : Path
    head : ClickHead
    facts : mapping
        JSON-ready facts about its training; ``weights_sha256`` identifies the network.
    """
    write_bytes(path, _bytes({}, b"", {}, head, facts))


def join_click_head(
    weights: Path, out: Path, head: ClickHead, facts: Mapping[str, Any]
) -> None:
    """Write a copy of a weights file with a click head, which replaces an earlier one.

    Everything else stays unchanged, including the hash of the weights.

    Raises
    ------
    InputError
        If the head was trained for another network, or the file cannot be written.
    CheckpointError
        If `weights` is not a weights file.
    """
    header, start = read_header(weights)
    metadata = dict(header.get("__metadata__", {}))
    wanted, own = facts.get("weights_sha256"), metadata.get(HASH_KEY)
    if wanted != own:
        raise InputError(
            f"Expected a click head that was trained for {weights.name}, got one for "
            f"weights with the hash {str(wanted)[:12]}…; train one with fit-clicks."
        )
    end = network_end(header)
    with weights.open("rb") as file:
        file.seek(start)
        network = file.read(end)
    tensors = {
        name: tensor
        for name, tensor in header.items()
        if name != "__metadata__" and not name.startswith(PREFIX)
    }
    write_bytes(out, _bytes(tensors, network, metadata, head, facts))


def carry_click_head(source: Path, data: bytes) -> bytes:
    """Content of a weights file, with the click head of another one if it fits.

    Parameters
    ----------
    source : Path
        Weights file that may have a head.
    data : bytes
        Content of a weights file without a head. It gets that head if it holds the
        same network; otherwise it does not change.
    """
    head = load_click_head(source)
    length = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:length])
    metadata = header.pop("__metadata__")
    if head is None or metadata.get(HASH_KEY) != weights_hash(source):
        return data
    return _bytes(header, data[length:], metadata, head, head_record(source))


def _bytes(
    tensors: Mapping[str, Any],
    network: bytes,
    metadata: Mapping[str, str],
    head: ClickHead,
    facts: Mapping[str, Any],
) -> bytes:
    import safetensors.torch

    state = {
        PREFIX + name: tensor.half().cpu().contiguous()
        for name, tensor in head.state_dict().items()
    }
    saved = safetensors.torch.save(state)
    length = int.from_bytes(saved[:8], "little")
    data, behind = saved[8 + length :], json.loads(saved[8 : 8 + length])
    for tensor in behind.values():
        tensor["data_offsets"] = [len(network) + at for at in tensor["data_offsets"]]
    own = {"spec": head.spec.to_json(), "sha256": hashlib.sha256(data).hexdigest()}
    record = {**own, **{key: v for key, v in facts.items() if key not in own}}
    header = {
        "__metadata__": {**metadata, HEAD_KEY: json.dumps(record)},
        **tensors,
        **behind,
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # as safetensors does: tensors begin aligned
    return len(text).to_bytes(8, "little") + text + network + data


def _tensors(header: Mapping[str, Any], data: bytes) -> dict[str, Tensor]:
    """The head's tensors, without the prefix."""
    import safetensors.torch

    shift = network_end(header)
    own = {}
    for name, tensor in header.items():
        if name.startswith(PREFIX):
            at = [place - shift for place in tensor["data_offsets"]]
            own[name.removeprefix(PREFIX)] = {**tensor, "data_offsets": at}
    text = json.dumps(own).encode()
    return safetensors.torch.load(len(text).to_bytes(8, "little") + text + data)


def _unreadable(name: str, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"The click head in {name} cannot be read ({error}); it may come from "
        "another version: update napari-attnseg or train the head again."
    )
