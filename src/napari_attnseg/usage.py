"""Wrong use of a command line, in one sentence: `App` and its commands.

What the parser refuses comes out as an `InputError`, as everything else does that is
refused. An option that takes one value is refused where it is given twice: which of
two folders is meant, nobody can know. So is a result that could not be written, before
the work for it begins: options for paths of results have the callback `output_file` or
`output_folder`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from napari_attnseg.errors import InputError
from napari_attnseg.io.outputs import expect_writable

#: The parser's base of wrong use. It is click's own, or that of the copy which newer
#: versions of typer contain; only this class of it has the same name in both.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]


def output_file(param: typer.CallbackParam, value: Path | None) -> Path | None:
    """Callback of a file to be written; see `expect_writable`."""
    return _output(param, value, folder=False)


def output_folder(param: typer.CallbackParam, value: Path | None) -> Path | None:
    """Callback of a folder for results; see `expect_writable`."""
    return _output(param, value, folder=True)


def _output(
    param: typer.CallbackParam, value: Path | None, folder: bool
) -> Path | None:
    if value is not None:
        expect_writable(value, folder, max(param.opts, key=len))
    return value


class Command(TyperCommand):
    """A command that refuses wrong use in one sentence."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse arguments.

        Raises
        ------
        InputError
            If an argument is unknown, missing or wrong, or is given twice.
        """
        try:
            # Parsing takes what it has parsed out of the list.
            order: list[Any] = self.make_parser(ctx).parse_args(args=list(args))[2]
            for parameter, times in Counter(order).items():
                if times > 1 and not self.may_repeat(parameter):
                    option = max(parameter.opts, key=len)
                    raise InputError(
                        f"{option} takes one value and was given {times} times; give "
                        "it once."
                    )
            parsed: list[str] = super().parse_args(ctx, args)
        except _UsageError as error:
            # Only of an unknown option.
            unknown = hasattr(error, "possibilities")
            option = getattr(error, "option_name", "")
            known = self.other_option(ctx, option) if unknown else ""
            raise InputError(known or _sentence(error, ctx)) from error
        return parsed

    def may_repeat(self, parameter: Any) -> bool:
        """Whether an option may be given again: a list or a switch."""
        return bool(parameter.multiple or parameter.is_flag)

    def other_option(self, ctx: Any, option: str) -> str:
        """Sentence on an option that this command does not have; empty: none."""
        return ""


class Group(TyperGroup):
    """A group of commands that refuses an unknown one in one sentence."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the group's own options.

        Raises
        ------
        InputError
            If one of them is unknown or wrong.
        """
        if not args:  # which may show the help
            return list(super().parse_args(ctx, args))
        try:
            return list(super().parse_args(ctx, args))
        except _UsageError as error:
            raise InputError(_sentence(error, ctx)) from error

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find a command by its name.

        Raises
        ------
        InputError
            If there is none.
        """
        try:
            return super().resolve_command(ctx, args)
        except _UsageError as error:
            raise InputError(_sentence(error, ctx)) from error


class App(typer.Typer):
    """A command line, or a group of one, that refuses wrong use in one sentence."""

    #: Class of its commands.
    command_class: ClassVar[type[Command]] = Command

    def __init__(self, **settings: Any) -> None:
        super().__init__(cls=Group, no_args_is_help=True, **settings)

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """Add a command, of `command_class`."""
        return super().command(name, cls=self.command_class, **settings)


def _sentence(error: Any, ctx: Any) -> str:
    said = " ".join(str(error.format_message()).split()).rstrip(".")
    # What ends in a question offers a name.
    return said if said.endswith("?") else f"{said}; see `{ctx.command_path} --help`."
