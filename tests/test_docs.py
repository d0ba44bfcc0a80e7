"""The tests that the documents name exist."""

import re

import pytest

from tests.helpers.tools import ROOT

TESTS = {file: file.read_text() for file in (ROOT / 'tests').rglob('*.py')}


@pytest.mark.parametrize(
    'name',
    sorted(
        set(
            re.findall(
                r'`(?:\w+\.py::)?(test_\w+(?:\.py)?)`',
                (ROOT / 'docs/reliability.md').read_text(),
            )
        )
    ),
)
def test_reliability_names_tests_that_exist(name):
    if name.endswith('.py'):
        assert any(file.name == name for file in TESTS)
    else:
        assert any(f'def {name}(' in text for text in TESTS.values())
