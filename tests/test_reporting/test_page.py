"""The page holds what the runs say, and reaches for nothing else."""

import json
import re
import shutil
import time
from html.parser import HTMLParser

import pytest

from mmsemi.reporting import Point, Run, Validation, read_run, render
from mmsemi.reporting.albums import spread
from mmsemi.reporting.confusion import matrices
from mmsemi.reporting.curves import thinned
from tests.helpers.tools import run as run_command


@pytest.fixture(scope='module')
def page(rankmatch, teacher, tmp_path_factory):
    """A page about two runs, by the command."""
    out = tmp_path_factory.mktemp('page') / 'report.html'
    printed = run_command(
        *('python', '-m', 'mmsemi', 'report', rankmatch, teacher, '-o', out)
    )
    assert f'{out}: 2 runs' in printed
    return out.read_text()


class Links(HTMLParser):
    """Everything that a page names to be loaded or followed."""

    def __init__(self, page):
        super().__init__()
        self.found, self.ids = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.found += [attrs[k] for k in ('src', 'href', 'action') if k in attrs]
        self.ids += [attrs['id']] if 'id' in attrs else []


def test_reaches_for_nothing(page):
    links = Links(page)
    assert all(link.startswith(('data:', '#')) for link in links.found)
    assert len(links.ids) == len(set(links.ids))
    assert {f'#{each}' for each in links.ids} >= {
        link for link in links.found if link.startswith('#')
    }
    assert 'url(' not in page and '@import' not in page and 'fetch(' not in page


def test_says_what_the_runs_say(page, rankmatch, teacher):
    for folder in (rankmatch, teacher):
        run = read_run(folder)
        assert run.name in page and f'{run.best().scores["mIoU"]:.2f}' in page
    assert 'model.loss_rank.num_landmarks' in page  # a difference
    assert 'teacher best' in page and 'EMATeacherHook' in page
    data = json.loads(re.search(r'id="data">(.+?)</script>', page, re.S)[1])
    names = {chart['name'] for chart in data['charts']}
    assert names >= {'loss', 'loss_rank', 'mask_ratio', 'lr', 'validation mIoU'}
    (miou,) = (c for c in data['charts'] if c['name'] == 'validation mIoU')
    assert [(s['run'], s['dashed']) for s in miou['series']] == [
        *((0, False), (1, False), (1, True))
    ]
    assert [v.step for v in read_run(rankmatch).validations] == miou['series'][0]['x']


def test_names_are_text(copied):
    """A folder's name and a warning are no markup."""
    odd = copied.with_name('</script><img src=x onerror=alert(1)>'.replace('/', '_'))
    shutil.copytree(copied, odd)
    page = render([read_run(odd)], time.time())
    assert '<img src=x' not in page
    assert page.count('</script>') == page.count('<script')


def test_of_a_run_that_has_only_started(copied):
    """No score, no picture, no step."""
    for path in copied.iterdir():
        if path.suffix != '.py':
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    page = render([read_run(copied)], time.time())
    assert 'Not here' in page and 'results.json' in page


def test_wrong_folder(tmp_path):
    out = tmp_path / 'report.html'
    said = run_command(
        *('python', '-m', 'mmsemi', 'report', tmp_path, '-o', out), ok=False
    )
    (line,) = (line for line in said.splitlines() if 'error' in line)
    assert 'holds no training' in line and '--work-dir' in line
    assert 'Traceback' not in said and not out.exists()


def test_thinned():
    points = [Point(i, float(i % 2)) for i in range(1000)]
    found = thinned(points, 100)
    assert len(found) == 100 and found[-1].step == 999
    assert all(p.value == 0.5 for p in found)
    assert thinned(points[:10], 100) == points[:10] and thinned([]) == []


def test_spread():
    assert spread('abcdef', 3) == ['a', 'c', 'f'] or spread('abcdef', 3) == list('adf')
    assert spread('ab', 3) == ['a', 'b'] and spread('abc', 1) == ['c']


def test_confused_pairs():
    counts = [[90, 10, 0], [0, 50, 50], [1, 0, 99]]
    run = Run('x', 'x', validations=[Validation(1, 1, {'mIoU': 1.0}, {}, counts)])
    (found,) = matrices(run)
    pairs = [
        (p['true'], p['predicted'], p['share'], p['pixels']) for p in found['pairs']
    ]
    assert pairs == [('1', '2', 50, 50), ('0', '1', 10, 10), ('2', '0', 1, 1)]


def test_many_classes_are_a_picture():
    counts = [[int(i == j) for j in range(60)] for i in range(60)]
    run = Run('x', 'x', validations=[Validation(1, 1, {'mIoU': 1.0}, {}, counts)])
    (found,) = matrices(run)
    assert found['rows'] is None and found['image'].startswith('data:image/png')
