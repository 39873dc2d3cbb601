"""Name the format of a file that cannot be read, so that it can be converted."""

from __future__ import annotations

from pathlib import Path

#: Ends of names → format.
SUFFIXES = {
    **dict.fromkeys((".heic", ".heif", ".hif"), "HEIC"),
    **dict.fromkeys((".avif", ".avifs"), "AVIF"),
    **dict.fromkeys((".jp2", ".j2k", ".jpf", ".jpx"), "JPEG 2000"),
    ".jxl": "JPEG XL",
}
#: Ends of names of volumes → format.
_VOLUMES = {
    **dict.fromkeys((".nrrd", ".nhdr"), "NRRD"),
    **dict.fromkeys((".mha", ".mhd"), "MetaImage"),
    **dict.fromkeys((".mgz", ".mgh"), "FreeSurfer"),
    **dict.fromkeys((".hdr", ".img"), "Analyze, or NIfTI in two files"),
    ".mnc": "MINC",
}
#: Ends of names of films that are not read.
_FILMS = (
    *(".flv", ".f4v", ".vob", ".ogv", ".mxf", ".asf", ".divx", ".rm", ".rmvb", ".mjpg"),
)
#: Ends of names of microscopes and slide scanners whose files are not read.
_MICROSCOPES = (
    *(".czi", ".lsm", ".zvi", ".lif", ".nd2", ".oib", ".oif", ".oir", ".vsi", ".stk"),
    *(".ims", ".ndpi", ".scn", ".mrxs", ".svs", ".bif"),
)
#: First bytes → format.
_BEGINS = {
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\xff\x0a": "JPEG XL",
}
#: Type of the first box of pictures of phones, and the brands that it may list.
_TYPE, _AVIF = b"ftyp", (b"avif", b"avis")
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
#: What a DICOM file has behind its preamble, and where.
DICOM, _MAGIC, _AT = "DICOM", b"DICM", 128
#: First bytes of pictures that are read, some of which are DICOM as well.
_READ = (b"II", b"MM", b"\x89PNG", b"\xff\xd8", b"GIF8", b"RIFF", b"BM")
#: Number of bytes that are read from a file; its brands are among them.
_HEAD = 132


def other_format(path: Path) -> str:
    """Name the format of a picture that cannot be read, from the bytes of its file.

    Empty for any other file, and if the file cannot be opened.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return ""
    if head[4:8] == _TYPE:
        length = min(int.from_bytes(head[:4]), _HEAD)
        brands = [head[at : at + 4] for at in range(8, length, 4)]
        if any(brand in _AVIF for brand in brands):
            return "AVIF"
        return "HEIC" if any(brand in _HEIC for brand in brands) else ""
    if head[_AT:] == _MAGIC and not head.startswith(_READ):
        return DICOM
    return next((name for one, name in _BEGINS.items() if head.startswith(one)), "")


def other_format_words(name: str) -> str:
    """Part of a sentence: what a file of such a format is, and what to do."""
    if name == DICOM:
        return "it is a DICOM file, whatever its name says: let its name end in .dcm"
    return f"it is a picture of the format {name}, which is not read: export it as PNG"


def other_file_words(path: Path) -> str:
    """Part of a sentence on a file of a format that is not read, by its name.

    Empty for any other file. The end of the name alone decides.
    """
    suffix = path.suffix.lower()
    if suffix in _VOLUMES:
        return (
            f"it is a volume of the format {_VOLUMES[suffix]}, which is not read: "
            "convert it to NIfTI (.nii.gz)"
        )
    if suffix in _FILMS:
        return (
            f"it is a film of the kind {suffix}, which is not read: convert it to MP4"
        )
    if suffix in _MICROSCOPES:
        return (
            f"it is of a microscope or a slide scanner ({suffix}), which is not read: "
            "export what you want to segment as TIFF or OME-TIFF"
        )
    return ""
