"""Act when a package is imported, without importing it."""

import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Watch(MetaPathFinder):
    """Act once when a package is imported; the other finders find it."""

    def __init__(
        self,
        name: str,
        before: Callable[[], None] | None,
        after: Callable[[], None] | None,
    ) -> None:
        self.name, self.before, self.after = name, before, after

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        sys.meta_path.remove(self)
        if self.before:
            self.before()
        spec = importlib.util.find_spec(fullname)
        if self.after and spec is not None and spec.loader is not None:
            loader, after = spec.loader, self.after
            run = loader.exec_module

            def run_and_act(module: ModuleType) -> None:
                # A loader may serve other packages, too.
                loader.exec_module = run  # type: ignore[method-assign]
                run(module)
                after()

            loader.exec_module = run_and_act  # type: ignore[method-assign]
        return spec


def before_import(name: str, act: Callable[[], None]) -> None:
    """Call a function just before a package is imported, never if it is already.

    Args:
        name (str): Name of a top-level package.
        act (Callable): Called once.
    """
    if name not in sys.modules:
        sys.meta_path.insert(0, _Watch(name, act, None))


def after_import(name: str, act: Callable[[], None]) -> None:
    """Call a function as soon as a package is imported, now if it is already.

    Args:
        name (str): Name of a top-level package.
        act (Callable): Called once, after the package's ``__init__``.
    """
    if name in sys.modules:
        act()
    else:
        sys.meta_path.insert(0, _Watch(name, None, act))
