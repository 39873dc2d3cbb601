"""Wrong use of a command line, in one sentence: `App` and its commands.

If the parser refuses something, an `InputError` is raised, like for every other refused
input. An option that takes one value is refused if it is given twice, because it is not
clear which value is meant. A path that cannot be written is refused before the work
begins: options for results have the callback `output_file` or `output_folder`.
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
    """Callback of an option for a file to be written; see `expect_writable`."""
    return _output(param, value, folder=False)


def output_folder(param: typer.CallbackParam, value: Path | None) -> Path | None:
    """Callback of an option for a folder of results; see `expect_writable`."""
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
        """Whether an option may be given twice, as lists and switches may."""
        return bool(parameter.multiple or parameter.is_flag)

    def other_option(self, ctx: Any, option: str) -> str:
        """Sentence for an option that this command lacks; empty: no advice."""
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
            If there is no such command.
        """
        try:
            return super().resolve_command(ctx, args)
        except _UsageError as error:
            raise InputError(_sentence(error, ctx)) from error


class App(typer.Typer):
    """A command line, or a group of commands, that refuses wrong use."""

    #: Class of its commands.
    command_class: ClassVar[type[Command]] = Command

    def __init__(self, **settings: Any) -> None:
        super().__init__(cls=Group, no_args_is_help=True, **settings)

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Any], Any]:
        """Add a command whose class is `command_class`."""
        return super().command(name, cls=self.command_class, **settings)


def _sentence(error: Any, ctx: Any) -> str:
    said = " ".join(str(error.format_message()).split()).rstrip(".")
    # What ends in a question offers a name.
    return said if said.endswith("?") else f"{said}; see `{ctx.command_path} --help`."
