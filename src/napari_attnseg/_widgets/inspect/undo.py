"""Undo history of settings that are changed by sliders."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class History(Generic[T]):
    """A value with its earlier values.

    Many changes by one control, such as a slider that is dragged, are one step.

    Parameters
    ----------
    start : T
        First value, to which `reset` returns.
    """

    def __init__(self, start: T) -> None:
        self.start = self.now = start
        self._past: list[T] = []
        self._by = ""

    def restart(self, start: T) -> None:
        """Set the first value, and clear the history."""
        self.start = self.now = start
        self._past.clear()
        self.settle()

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier value."""
        return bool(self._past)

    @property
    def settled(self) -> bool:
        """Whether the next change starts a new step."""
        return not self._by

    def change(self, value: T, by: str = "") -> None:
        """Set the value; changes in a row `by` one control are a single undo step."""
        if value == self.now:
            return
        if not by or by != self._by:
            self._past.append(self.now)
        self.now, self._by = value, by

    def settle(self) -> None:
        """Complete the present step: the next change starts a new one."""
        self._by = ""

    def amend(self, value: T) -> None:
        """Replace the present value, without making a step."""
        self.now = value

    def undo_forward(self) -> T:
        """Undo, but keep the present value as an earlier one, for the next undo.

        This is for a value that holds work that cannot be repeated, such as painting.
        """
        present = self.now
        self.undo()
        if self.now is not present:
            self._past.append(present)
        return self.now

    def undo(self) -> T:
        """Return to the value before the last step, if there is one."""
        if self._past:
            self.now = self._past.pop()
        self.settle()
        return self.now

    def reset(self) -> T:
        """Return to the first value, which can be undone."""
        self.change(self.start)
        self.settle()
        return self.now
