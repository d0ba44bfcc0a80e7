"""A real browser, where there is one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BROWSER = next(
    filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))),
    None,
)


@pytest.fixture(scope='module')
def browser() -> Iterator[Any]:
    """Return Chromium, driven by Playwright; skip where either is missing."""
    playwright = pytest.importorskip(
        'playwright.sync_api',
        reason='Playwright drives the browser: pip install playwright',
    )
    if BROWSER is None:
        pytest.skip('no Chromium on this machine: apt install chromium')
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=BROWSER, args=['--no-sandbox', '--disable-gpu']
        )
        yield browser
        browser.close()


@contextmanager
def opened(browser: Any, file: Path, **options: Any) -> Iterator[Any]:
    """Open a page without a network; it may leave no error."""
    context = browser.new_context(offline=True, **options)
    page = context.new_page()
    said: list[str] = []
    page.on('console', lambda message: said.append(message.text))
    page.on('pageerror', lambda error: said.append(str(error)))
    page.on('requestfailed', lambda request: said.append(request.url[:200]))
    page.goto(file.as_uri())
    yield page
    assert not said
    context.close()
