"""Specification of a known data set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """The files of one split in a download.

    Attributes
    ----------
    images, masks : str
        Regular expressions for paths below the folder, ``/`` between their parts. Each
        has one group, the sample's name, which connects masks with their image.
    split : str
        Split to which the files belong; empty if the provider does not split the data.
    """

    images: str
    masks: str
    split: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """One way in which a data set's files lie in a folder.

    Attributes
    ----------
    title : str
        Name of the distribution.
    expected : str
        Description of the expected files.
    parts : tuple of Part
        Where the files lie. Empty: in ``images/`` and ``masks/``, optionally with lists
        of names (`folder`).
    lists : tuple of (str, str)
        Split, and the file that lists its samples or groups.
    """

    title: str
    expected: str
    parts: tuple[Part, ...] = ()
    lists: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Archive:
    """A zip file that everybody may download.

    Attributes
    ----------
    url, sha256 : str
        Address, and expected hash.
    mb : int
        Size in megabytes (10⁶ bytes).
    root : str
        Folder in it that becomes the data folder.
    """

    url: str
    sha256: str
    mb: int
    root: str


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """A data set: where it comes from, how its files lie and what its masks mean.

    Attributes
    ----------
    title : str
        Name that its authors use.
    licence, citation, url : str
        Texts that are shown to users.
    layouts : tuple of Layout
        Layouts that are recognised.
    classes : tuple of str
        Names of the classes, background not counted.
    splits : str
        Description of the split rule.
    masks : str
        Description of how masks are read.
    values : tuple of int
        Mask value of each class. Empty if there is only one class, whose pixels are
        bright.
    group : str
        Regular expression that is matched at the beginning of a name. Samples with the
        same match (of one patient) stay together when validation images are chosen.
        Empty: every image is a group of its own.
    empty_masks : bool
        Whether the data set has images without any object, whose mask is empty or
        missing.
    images_of : str
        Name of another data set that has the same images.
    archive : Archive or None
        Archive that `download` fetches; None if the licence does not allow that.
    """

    title: str
    licence: str
    citation: str
    url: str
    layouts: tuple[Layout, ...]
    classes: tuple[str, ...]
    splits: str
    masks: str
    values: tuple[int, ...] = ()
    group: str = ""
    empty_masks: bool = False
    images_of: str = ""
    archive: Archive | None = None
