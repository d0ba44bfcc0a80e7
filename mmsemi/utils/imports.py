"""Act when a package is imported, without importing it."""

import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Watch(MetaPathFinder):
    """Act once when a package is imported; the other finders find it.

    To look for the package without importing it, as
    ``importlib.util.find_spec`` does, is no import.
    """

    def __init__(
        self,
        name: str,
        before: Callable[[], None] | None,
        after: Callable[[], None] | None,
    ) -> None:
        self.name, self.before, self.after = name, before, after
        self.is_looking = False

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname != self.name or self.is_looking:
            return None
        self.is_looking = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self.is_looking = False
        if spec is not None and spec.loader is not None:
            self._act_around(spec.loader)
        return spec

    def _act_around(self, loader: Loader) -> None:
        """Let a loader act, once, around the execution of the package."""
        run = loader.exec_module

        def run_and_act(module: ModuleType) -> None:
            # A loader may serve other packages, too.
            is_first = module.__name__ == self.name and self in sys.meta_path
            if is_first:
                sys.meta_path.remove(self)
                loader.exec_module = run  # type: ignore[method-assign]
            if is_first and self.before:
                self.before()
            run(module)
            if is_first and self.after:
                self.after()

        loader.exec_module = run_and_act  # type: ignore[method-assign]


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
