"""Errors that a user can mend; every message is one sentence that says how.

Each says what was expected, what came, and what to do. The command line prints the
message and exits with 2; the widget shows it as a notification.
"""

#: Names of a family that a message offers.
OFFERED = 6


class AttnSegError(Exception):
    """Base of every error that is the input's fault, not the program's."""


class CheckpointError(AttnSegError):
    """A weights file that is damaged, incomplete or of another kind."""


class UnknownNameError(AttnSegError):
    """A name that this package does not know."""

    @classmethod
    def for_name(
        cls,
        kind: str,
        name: str,
        known: "list[str]",
        family: "list[str] | None" = None,
    ) -> "UnknownNameError":
        """Make the error: which name was not found, and which known names are similar.

        Parameters
        ----------
        kind : str
            Kind of thing that has the name.
        name : str
            Name that was not found.
        known : list of str
            All names; the nearest by spelling are offered.
        family : list of str, optional
            Known names that `name` is a part of, nearest first; offered instead.
        """
        import difflib

        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        if family:
            near, more = family[:OFFERED], len(family) - OFFERED
            near += [f"or one of {more} more"] if more > 0 else []
        hint = (
            f"Did you mean {', '.join(near)}?"
            if near
            else f"Known: {', '.join(known)}."
        )
        return cls(f"There is no {kind} called {name!r}. {hint}")


class InputError(AttnSegError):
    """An image, mask or folder that cannot be used as it is."""


class CancelledError(AttnSegError):
    """Work was stopped because the user asked for it."""


class DeviceError(AttnSegError):
    """A compute device that this machine does not have, or that ran out of memory."""
