"""Import only what a network needs of timm, and nothing of torchvision.

`import timm` imports a hundred families of networks, torchvision with torch's compiler,
and a client of a model hub. This takes longer than loading and running a network. Here
the packages of timm are imported without running their `__init__`. It runs later, when
code asks a package for a name that it does not have yet; then everything is as after an
ordinary import.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeVar

import torch

_T = TypeVar("_T")
#: Whoever runs a module's code or imports a family holds it.
_LOCK = threading.RLock()
#: Names of the late modules whose code has run, or runs.
_RUN: set[str] = set()

#: Functions that timm's builder takes from its module for model hubs, when imported.
_HUB_FUNCTIONS = (
    "check_cached_file",
    "download_cached_file",
    "has_hf_hub",
    "load_custom_from_hf",
    "load_model_config_from_hf",
    "load_model_config_from_path",
    "load_state_dict_from_hf",
    "load_state_dict_from_path",
)
#: What timm takes from torchvision when imported: functions, and one class.
_TORCHVISION = {
    "torchvision": (),
    "torchvision.models": (),
    "torchvision.models.feature_extraction": (
        "create_feature_extractor",
        "get_graph_node_names",
    ),
    "torchvision.ops": (),
    "torchvision.ops.misc": ("FrozenBatchNorm2d",),
}


class Timm(NamedTuple):
    """Modules of timm; `registry` and `factory` know only families that were imported.

    Attributes
    ----------
    registry
        ``is_model``, ``get_pretrained_cfg``, ``is_model_in_modules``.
    factory
        ``create_model``.
    layers
        ``timm.layers``.
    whole
        ``timm`` itself, which imports every family on first use.
    """

    registry: Any
    factory: Any
    layers: Any
    whole: Any


def import_timm() -> Timm:
    """Import the parts of timm that all its networks share.

    If timm was imported before, or no longer has these parts, all of it is used.
    """
    if "timm" not in sys.modules:
        try:
            with _LOCK, _without_torchvision():
                return _parts()
        except (AttributeError, ImportError, OSError, TypeError):
            for name in [*sys.modules]:
                if name.partition(".")[0] == "timm":
                    del sys.modules[name]
    timm = import_cured("timm")
    return Timm(timm.models, timm.models, timm.layers, timm)


def _parts() -> Timm:
    timm = _late("timm")
    timm.__version__ = import_module("timm.version").__version__
    data = _late("timm.data")
    constants = vars(import_module("timm.data.constants"))
    data.__dict__.update({k: v for k, v in constants.items() if k.isupper()})
    _late("timm.models")
    hub = _late("timm.models._hub")
    for name in _HUB_FUNCTIONS:
        hub.__dict__[name] = _late_function(hub.run, name)
    layers = import_module("timm.layers")
    registry = import_module("timm.models._registry")
    import_module("timm.models._builder")
    factory = import_module("timm.models._factory")
    return Timm(registry, factory, layers, timm)


class _Late(ModuleType):
    """A module whose code runs when something is asked of it that it lacks."""

    def __getattr__(self, name: str) -> Any:
        # What the import system and inspection ask any module for.
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)
        self.run()
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(
                f"module {self.__name__!r} has no attribute {name!r}"
            ) from None

    def __dir__(self) -> list[str]:
        self.run()
        return list(self.__dict__)

    def run(self) -> ModuleType:
        """Run its code, once; other threads wait."""
        with _LOCK:
            if self.__name__ not in _RUN:
                # Before it has run: what it asks itself for meanwhile, it lacks.
                _RUN.add(self.__name__)
                try:
                    loader: Any = self.__spec__.loader  # type: ignore[union-attr]
                    _cured(functools.partial(loader.exec_module, self))
                except BaseException:
                    _RUN.discard(self.__name__)
                    raise
        return self


def _late(name: str) -> Any:
    spec = find_spec(name)
    if spec is None:
        raise ImportError(name)
    module = module_from_spec(spec)
    module.__class__ = _Late
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)
    return module


def _late_function(home: Callable[[], ModuleType], name: str) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        return getattr(home(), name)(*args, **options)

    return call


class _LateClass(type):
    """A class of a library that has no objects before the library is imported."""

    def __call__(cls, *args: Any, **options: Any) -> Any:
        return cls._real()(*args, **options)

    def __instancecheck__(cls, instance: Any) -> bool:
        return cls._imported() and isinstance(instance, cls._real())

    def __subclasscheck__(cls, other: type) -> bool:
        return cls._imported() and issubclass(other, cls._real())

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls._real(), name)

    def _imported(cls) -> bool:
        module = sys.modules.get(cls.__module__)
        return module is not None and not isinstance(module, _StandIn)

    def _real(cls) -> Any:
        _forget()
        return getattr(import_cured(cls.__module__), cls.__name__)


class _StandIn(ModuleType):
    """A module of torchvision for a moment; what it lacks comes from the real one."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        _forget()
        return getattr(import_cured(self.__name__), name)


@contextmanager
def _without_torchvision() -> Iterator[None]:
    """Within it, modules of torchvision are stand-ins, unless it is imported."""
    if "torchvision" in sys.modules:
        yield
        return
    for name, contents in _TORCHVISION.items():
        module = _StandIn(name)
        module.__path__ = []
        for content in contents:
            module.__dict__[content] = (
                _LateClass(content, (), {"__module__": name})
                if content[0].isupper()
                else _late_function(functools.partial(import_cured, name), content)
            )
        sys.modules[name] = module
    try:
        yield
    finally:
        _forget()


def _forget() -> None:
    for name in _TORCHVISION:
        if isinstance(sys.modules.get(name), _StandIn):
            del sys.modules[name]


def import_cured(name: str) -> ModuleType:
    """Import torchvision, or a library that needs it, even if it does not fit torch.

    PyPI's torchvision for Linux is built for CUDA; beside a CPU build of torch its
    import fails with "operator torchvision::nms does not exist", because it registers
    fake kernels for two operators that its own binary part would have declared.
    Declaring them is enough: nothing here calls them. This is done only after the plain
    import has failed in exactly this way.
    """
    return _cured(functools.partial(import_module, name))


def _cured(run: Callable[[], _T]) -> _T:
    try:
        return run()
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        for operator in ("nms", "qnms"):
            torch.library.define(
                f"torchvision::{operator}",
                "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
            )
        return run()


def has_model(timm: Timm, name: str) -> bool:
    """Whether timm has a model of this name (without its tag); imports its family."""
    with _LOCK:
        if timm.registry.is_model(name):
            return True
        for module in _families_with(timm, name):
            import_cured(module)
        return bool(timm.registry.is_model(name) or timm.whole.is_model(name))


def _families_with(timm: Timm, name: str) -> list[str]:
    """Modules of timm in whose source the model is defined: one, or none."""
    wanted = f"\ndef {name}(".encode()
    models = Path(timm.registry.__file__).parent
    return [
        f"timm.models.{path.stem}"
        for path in sorted(models.glob("[a-z]*.py"))
        if wanted in path.read_bytes()
    ]
