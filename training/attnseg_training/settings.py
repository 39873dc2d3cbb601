"""Declare the settings of a training run, once for each field of `TrainConfig`.

Value check, command-line option, TOML and the reference of ``attnseg-train settings``
are all made from the declaration.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from napari_attnseg.errors import InputError

#: Python type of a setting → its name in an error, and in the reference.
_KINDS = {
    str: ("text", "text"),
    int: ("a whole number", "integer"),
    float: ("a number", "number"),
    bool: ("true or false", "boolean"),
    tuple: ("a list of names", "list"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Declaration of one setting.

    Attributes
    ----------
    help : str
        Effect of the setting, in one sentence.
    details : str
        More about it, for the reference.
    unit : str
        Unit of a number; empty if it has none.
    minimum, maximum : float or None
        Bounds of a number, both included.
    choices : tuple of str
        Allowed values of a text, or of members of a list; empty: any.
    option : bool
        Whether the command line has an option for it; if not, only a TOML file can set
        it.
    flags : str
        Names of a switch in typer's form; empty: ``--name/--no-name``.
    may_change : bool
        Whether it may differ when a run is resumed, as the path of the data or the
        device may.
    checked : bool
        Whether `choices` are checked here; if not, the code that uses them checks.
    """

    help: str
    details: str = ""
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    option: bool = True
    flags: str = ""
    may_change: bool = False
    checked: bool = True

    @property
    def range(self) -> str:
        """Allowed values, for display; empty if there is no bound."""
        if self.choices:
            return _either(self.choices)
        if self.minimum is not None and self.maximum is not None:
            return f"between {_digits(self.minimum)} and {_digits(self.maximum)}"
        return "" if self.minimum is None else f"at least {_digits(self.minimum)}"


_KEY = "setting"


def setting(default: Any, help: str, **declared: Any) -> Any:  # noqa: A002 (typer's name)
    """Declare a field with a default; the keyword arguments are those of `Setting`."""
    return dataclasses.field(
        default=default, metadata={_KEY: Setting(help=help, **declared)}
    )


def required_setting(help: str, **declared: Any) -> Any:  # noqa: A002
    """Declare a text field that has no default."""
    return dataclasses.field(metadata={_KEY: Setting(help=help, **declared)})


@dataclass(frozen=True, slots=True)
class Declared:
    """One setting of a class of settings: name, type, default and declaration."""

    name: str
    kind: type[Any]
    default: Any
    setting: Setting

    @property
    def option(self) -> str:
        """Name of its option on the command line."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def flags(self) -> tuple[str, ...]:
        """Names of the option as typer takes them."""
        if self.kind is not bool:
            return (self.option,)
        own = f"{self.option}/--no-{self.option[2:]}"
        return (self.setting.flags or own,)

    def check(self, value: object) -> None:
        """Raise an `InputError` unless `value` has the right type and range.

        A whole number also counts as a number; true and false do not.
        """
        fits = isinstance(value, (int, float) if self.kind is float else self.kind)
        if isinstance(value, tuple):
            fits = fits and all(isinstance(part, str) for part in value)
        if not fits or isinstance(value, bool) != (self.kind is bool):
            expected, _ = _KINDS[self.kind]
            raise InputError(f"Expected {expected} for {self.name}, got {value!r}.")
        low, high, choices = (
            self.setting.minimum,
            self.setting.maximum,
            self.setting.choices if self.setting.checked else (),
        )
        if isinstance(value, int | float):
            inside = (low is None or value >= low) and (high is None or value <= high)
            if not inside:
                of = "of " if high is None else ""
                raise InputError(
                    f"Expected {self.name} {of}{self.setting.range}, got {value}."
                )
        elif choices and isinstance(value, str) and value not in choices:
            raise InputError(f"Expected {self.name} {_either(choices)}, got {value!r}.")
        elif choices and isinstance(value, tuple) and set(value) - set(choices):
            unknown = sorted(set(value) - set(choices))
            raise InputError(
                f"Expected {self.name} to name {_either(choices)}, got {unknown}."
            )

    def toml(self, value: str) -> str:
        """Return a line of TOML that sets it to a value from the command line."""
        return f"{self.name} = {_toml_text(value) if self.kind is str else value}"


def settings_of(of: type[Any]) -> dict[str, Declared]:
    """Return the settings that a dataclass declares, by name."""
    return {
        field.name: Declared(
            field.name,
            # The type of the default: annotations are text.
            str if field.default is dataclasses.MISSING else type(field.default),
            None if field.default is dataclasses.MISSING else field.default,
            field.metadata[_KEY],
        )
        for field in dataclasses.fields(of)
    }


def check_settings(config: Any) -> None:
    """Check every setting of an instance.

    Raises
    ------
    InputError
        If a value has another type than its default, or is out of range.
    """
    for name, declared in settings_of(type(config)).items():
        declared.check(getattr(config, name))


def reference(of: type[Any]) -> list[dict[str, Any]]:
    """Describe all settings of a class, JSON-ready, in their order."""
    return [
        {
            "name": one.name,
            "type": _KINDS[one.kind][1],
            "default": list(one.default) if one.kind is tuple else one.default,
            "required": one.default is None,
            "minimum": one.setting.minimum,
            "maximum": one.setting.maximum,
            "choices": list(one.setting.choices),
            "unit": one.setting.unit,
            "option": one.flags[0] if one.setting.option else None,
            "may_change": one.setting.may_change,
            "help": one.setting.help,
            "details": one.setting.details,
        }
        for one in settings_of(of).values()
    ]


def reference_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown table of a `reference`."""
    head = ("setting", "type", "range", "unit", "default", "option", "help")
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        option = f"`{row['option']}`" if row["option"] else "TOML only"
        cells = (
            f"`{row['name']}`",
            row["type"],
            _range(row),
            row["unit"],
            "required" if row["required"] else _shown(row["default"]),
            option,
            f"{row['help']} {row['details']}".strip(),
        )
        escaped = (cell.replace("|", "\\|") for cell in cells)
        lines.append(f"| {' | '.join(escaped)} |")
    return "\n".join(lines) + "\n"


def _range(row: Mapping[str, Any]) -> str:
    low, high = row["minimum"], row["maximum"]
    if row["choices"]:
        return ", ".join(f"`{choice}`" for choice in row["choices"])
    if low is not None and high is not None:
        return f"{_digits(low)} to {_digits(high)}"
    return "" if low is None else f"≥ {_digits(low)}"


def _digits(bound: float) -> str:
    """All digits of a whole number."""
    return str(int(bound)) if bound == int(bound) else f"{bound:g}"


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default}`" if default not in ("", []) else "none"


def _either(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def _toml_text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
