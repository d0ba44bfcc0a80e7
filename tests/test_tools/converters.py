"""Run the checkpoint converters, and wrap their input."""

import runpy
import sys
from collections.abc import Callable
from unittest import mock

from tests.helpers.tools import ROOT

# How released trainers wrap a state dict; the last adds what else they save.
WRAPPINGS: dict[str, Callable[[dict], dict]] = dict(
    plain=lambda state: dict(state),
    model=lambda state: dict(model=state),
    module=lambda state: dict(
        model={f'module.{name}': value for name, value in state.items()},
        epoch=79,
        optimizer=dict(state={}, param_groups=[]),
    ),
)


def convert(tool: str, *args) -> None:
    """Run the command of a converter in this process."""
    file = ROOT / 'tools/model_converters' / f'{tool}.py'
    with mock.patch.object(sys, 'argv', [str(file), *map(str, args)]):
        runpy.run_path(str(file))['main']()
