"""The published lists, a toy data set with lists, and a server for them."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mmsemi.preparation.splits.table import PUBLISHED, PublishedList, PublishedSplits
from tests.helpers.tools import ROOT

SPLITS = ROOT.parent / 'shared/splits'
needs_lists = pytest.mark.skipif(
    not SPLITS.is_dir(),
    reason=f'the published lists are not at {SPLITS}; they are no part of this project',
)


def lines_of(*numbers: int) -> str:
    """Write list lines of some images."""
    return ''.join(f'img/{i}.jpg lab/{i}.png\n' for i in numbers)


def publish_toy(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Publish a data set `toy` of six train images, two of them labeled in 1_3."""
    texts = {
        'full': lines_of(1, 2, 3, 4, 5, 6),
        'val': lines_of(8, 7),
        '1_3': lines_of(5, 2),
    }
    lists = {
        name: PublishedList(text.count('\n'), hashlib.sha256(text.encode()).hexdigest())
        for name, text in texts.items()
    }
    toy = PublishedSplits('https://lists.invalid/toy', 'MIT', '', 'toys', 'full', lists)
    monkeypatch.setitem(PUBLISHED, 'toy', toy)
    return texts


def toy_repository(folder: Path, published: dict[str, str]) -> Path:
    """Write the toy lists as a repository publishes them."""
    (folder / 'splits/toys/1_3').mkdir(parents=True)
    (folder / 'splits/toys/val.txt').write_text(published['val'].rstrip())
    (folder / 'splits/toys/1_3/labeled.txt').write_text(published['1_3'])
    (folder / 'splits/toys/1_3/unlabeled.txt').write_text(lines_of(6, 1, 4, 3).rstrip())
    return folder


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, list]]:
    """Serve a folder on this machine; yield its URL and the list of requests."""
    asked: list[tuple[str, int]] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, code='-', size='-'):
            asked.append((self.path, int(code)))

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(
        ('127.0.0.1', 0), partial(Handler, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f'http://127.0.0.1:{server.server_port}', asked
    finally:
        server.shutdown()
        server.server_close()
