"""What is asked before a mask is accepted."""

from __future__ import annotations

#: Of a mask that a person emptied; of one that was empty before, nothing is asked.
NO_LESION = "The mask is empty: A again accepts that there is no lesion."
_AGAIN = (
    "If the mask is right as it is on screen, accept it again (A); else correct (C) or "
    "reject it (R)."
)


def question(covers: str, doubt: str, emptied: bool) -> str:
    """What is asked once before a mask is accepted; empty: nothing.

    Parameters
    ----------
    covers : str
        Sentence on a mask that covers nearly all of its frame; else empty.
    doubt : str
        What seems wrong with the file of the mask; may be empty.
    emptied : bool
        Whether a person painted the mask, and left it empty.
    """
    if emptied:
        return NO_LESION
    return " ".join([*filter(None, (covers, doubt)), _AGAIN]) if covers or doubt else ""
