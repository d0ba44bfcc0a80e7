"""The tests, files and sections that the documents name exist."""

import re
from urllib.parse import urlsplit

import pytest

import mmsemi.apis
from tests.helpers.pages import PAGES
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


def anchors(page):
    """Return the names that a link into a page may have after the #."""
    text = page.read_text()
    titles = re.findall(r'^#+ (.*)$', text, re.M)
    return {
        *re.findall(r'id="([^"]+)"', text),
        *(re.sub(r'[^\w -]', '', title.lower()).replace(' ', '-') for title in titles),
    }


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_sections(page):
    for link in re.findall(r'\]\(([^)]+)\)', page.read_text()):
        if '://' in link:
            continue
        path, _, anchor = link.partition('#')
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


WITHOUT_TLS = {
    'home.bharathh.info',
    'host.robots.ox.ac.uk',
    'sceneparsing.csail.mit.edu',
}


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_addresses_are_well_formed(page):
    """No address is visited here: `make linkcheck` does that."""
    text = re.sub(r'`[^`\n]*`', '', page.read_text())  # in code they are examples
    for address in re.findall(r'\bhttps?://(?!MIRROR)[^\s)>"\']*', text):
        parts = urlsplit(address)
        assert parts.scheme == 'https' or parts.hostname in WITHOUT_TLS, address
        assert re.fullmatch(r'[a-z\d-]+(\.[a-z\d-]+)+', parts.hostname or ''), address


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_run_scripts_that_exist(page):
    for script in re.findall(
        r'(?:python |^ *)((?:tools|benchmarks)/\S+\.(?:py|sh))', page.read_text(), re.M
    ):
        assert (ROOT / script).is_file(), script


def test_the_page_of_the_python_interface_has_all_of_it():
    page = (ROOT / 'docs/api/apis.md').read_text()
    assert sorted(re.findall(r'^\.\. auto\w+:: (\w+)$', page, re.M)) == sorted(
        mmsemi.apis.__all__
    )
