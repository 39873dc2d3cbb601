"""Properties of a network's gates that follow from its specification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from napari_attnseg.arrays import Array, float32, norm
from napari_attnseg.errors import InputError
from napari_attnseg.spec import STRIDES, GateEnds, ModelSpec

#: Maps of one level: (CNN, transformer), or a single one where there is one encoder.
Level = tuple[Array, ...]


class Gated:
    """Base class of networks and engines, for what both of them compute.

    Attributes
    ----------
    spec : ModelSpec
        Specification of the network.
    gates : tuple of GateEnds
        Gates of each level; empty for a model without any.
    """

    spec: ModelSpec
    gates: tuple[GateEnds, ...]

    def psi(self, pairs: Sequence[Level]) -> dict[int, Array]:
        """Compute psi; see `SegmentationNetwork.psi`."""
        raise NotImplementedError

    def fuse(
        self, pairs: Sequence[Level], gates: Mapping[int, Array] | None = None
    ) -> tuple[list[Array], dict[int, Array]]:
        """Fuse feature maps; see `SegmentationNetwork.fuse`."""
        raise NotImplementedError

    def logits(self, fused: Sequence[Array]) -> Array:
        """Compute logits of fused maps; see `SegmentationNetwork.logits`."""
        raise NotImplementedError

    @property
    def dual(self) -> bool:
        """Whether there are two encoders to fuse."""
        return self.spec.architecture == "dual"

    def psi_of_cnn(self, attention: Mapping[int, Array]) -> dict[int, Array]:
        """Convert psi to the weight of the CNN's features at each level.

        The weight is 1 for the CNN alone and 0 for the transformer alone. It does not
        say how much of the fused features comes from the CNN; see `effective_shares`.
        The method is its own inverse: it also converts weights to psi.

        Raises
        ------
        InputError
            If a level does not have exactly one gate, between the two encoders. The
            weight is then not defined.
        """
        if len(self.gates) != 1:
            have = f"{len(self.gates)} gates per level" if self.gates else "no gates"
            raise InputError(
                f"This needs one gate per level, between two encoders; the model "
                f"{self.spec.name!r} has {have}: choose something else or other "
                "weights."
            )
        if self.gates[0].high == "CNN":
            return dict(attention)
        return {stride: 1 - psi for stride, psi in attention.items()}

    def cnn_shares(self, attention: Mapping[int, Array]) -> dict[int, Array]:
        """Earlier name of `psi_of_cnn`, which returns weights, not shares."""
        return self.psi_of_cnn(attention)

    def effective_shares(
        self, pairs: Sequence[Level], attention: Mapping[int, Array]
    ) -> dict[int, Array]:
        """Effective share of the CNN in the fused features, by feature norms.

        ``psi |x| / (psi |x| + (1 - psi) |g|)`` at each location, where psi is the
        weight of the CNN (`psi_of_cnn`), x and g are the aligned features of CNN and
        transformer, and the norms are over channels. If the features of one encoder are
        much larger, most of the fused features come from it, whatever psi is.

        Parameters
        ----------
        pairs : sequence of (Array, Array)
            From `align`.
        attention : mapping of int to Array, shape (N, 1, h, w)
            Stride → psi, from `psi` or `fuse`.

        Returns
        -------
        dict of int to Array, shape (N, 1, h, w), in [0, 1]
            Stride → effective share; NaN where the features of both encoders are 0.
            Empty for a model that does not have exactly one gate per level, because the
            share is not defined for it.
        """
        if len(self.gates) != 1:
            return {}
        found = {}
        weights = self.psi_of_cnn(attention)
        for stride, (x, g) in zip(STRIDES, pairs, strict=True):
            weight = float32(weights[stride])
            cnn = weight * norm(float32(x))
            transformer = (1 - weight) * norm(float32(g))
            with np.errstate(invalid="ignore"):
                found[stride] = cnn / (cnn + transformer)
        return found


def flat(pairs: Sequence[Level]) -> tuple[Array, ...]:
    """Flatten pairs of maps to a list, level by level."""
    return tuple(maps for level in pairs for maps in level)


def paired(maps: Sequence[Array], dual: bool) -> list[Level]:
    """Inverse of `flat`."""
    step = 2 if dual else 1
    return [tuple(maps[i : i + step]) for i in range(0, len(maps), step)]
