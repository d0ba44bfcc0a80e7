"""Analysis by the command, and its page in a browser."""

import csv
import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmsemi.apis import inference_model, init_model
from mmsemi.apis.analysis.worst import ImageScore, Worst
from mmsemi.registry import MODELS
from tests.helpers.browser import browser, opened  # noqa: F401
from tests.helpers.tools import TINY, call

CLASSES = ['ground', 'disc', 'box', 'bar']
THRESH = 0.3


def write_config(folder, data, **model):
    cfg = Config.fromfile(TINY)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.data_root = str(data)
    cfg.train_dataloader.dataset.train_list = 'splits/train.txt'
    cfg.model.update(model)
    cfg.dump(folder / 'tiny.py')
    return folder / 'tiny.py'


@pytest.fixture(scope='module')
def files(tiny_data, tmp_path_factory):
    """A config, and weights whose predictions vary."""
    folder = tmp_path_factory.mktemp('analyze')
    config = write_config(folder, tiny_data, conf_thresh=THRESH)
    init_default_scope('mmsemi')
    torch.manual_seed(0)
    network = MODELS.build(Config.fromfile(TINY).model)
    torch.nn.init.normal_(network.decode_head.conv_seg.weight, std=4)
    torch.save(dict(state_dict=network.state_dict()), folder / 'weights.pth')
    return config, folder / 'weights.pth'


@pytest.fixture(scope='module')
def analysis(files, tmp_path_factory):
    """What the command wrote, and what it said."""
    out = tmp_path_factory.mktemp('out')
    said = call('mmsemi', 'analyze', *files, '-o', out, '--worst', 2, '--device', 'cpu')
    return out, said, json.loads((out / 'analysis.json').read_text())


@pytest.fixture(scope='module')
def predictions(files, tiny_data):
    """Truth, prediction and confidence of the labeled pixels of every image."""
    model = init_model(*map(str, files), 'cpu')
    found = {}
    for line in (tiny_data / 'splits/val.txt').read_text().splitlines():
        image, mask = (tiny_data / name for name in line.split())
        result = inference_model(model, image, probabilities=True)
        truth = cv2.imread(str(mask), cv2.IMREAD_UNCHANGED)
        known = truth != 255
        found[str(image)] = tuple(
            each[known]
            for each in (
                truth,
                result.pred_sem_seg.data[0].numpy(),
                result.confidence.data[0].numpy(),
            )
        )
    return found


def test_numbers(analysis, predictions):
    """They are those of the definitions, on the same predictions."""
    _, _, numbers = analysis
    truth, predicted, confidence = (
        np.concatenate(each) for each in zip(*predictions.values(), strict=True)
    )
    right, kept = truth == predicted, confidence >= THRESH
    assert numbers['pixels'] == len(truth)
    assert numbers['images'] == dict(list='val', scored=3, skipped=0)
    assert numbers['accuracy'] == pytest.approx(right.mean())
    limits = numbers['thresholds']
    assert (limits['method'], limits['setting']) == (THRESH, 'model.conf_thresh')
    (row,) = (each for each in limits['table'] if each['threshold'] == THRESH)
    assert row['coverage'] == pytest.approx(kept.mean(), abs=1e-3)
    assert row['accuracy'] == pytest.approx(right[kept].mean(), abs=1e-3)
    ious = []
    for i, each in enumerate(numbers['classes']):
        assert each['name'] == CLASSES[i]
        true, named = truth == i, predicted == i
        union = (true | named).sum()
        assert each['iou'] == pytest.approx((true & named).sum() / union)
        assert each['taught'] == pytest.approx((kept & right)[true].mean(), abs=2e-3)
        ious.append(each['iou'])
    assert numbers['mIoU'] == pytest.approx(np.mean(ious))


def test_worst_images(analysis, predictions):
    """The lowest mean IoU first, with a picture each; the table has all images."""
    out, _, numbers = analysis
    scores = {}
    for name, (truth, predicted, _) in predictions.items():
        scores[name] = np.mean(
            [
                ((truth == i) & (predicted == i)).sum()
                / ((truth == i) | (predicted == i)).sum()
                for i in np.unique(truth)
            ]
        )
    worst = sorted(scores, key=scores.get)[:2]
    assert [each['name'] for each in numbers['worst']] == worst
    assert len(list((out / 'worst').glob('*.png'))) == 2
    with open(out / 'images.csv') as file:
        rows = {row['name']: float(row['iou']) for row in csv.DictReader(file)}
    assert rows == pytest.approx(scores, abs=1e-4)


def test_files(analysis):
    out, said, numbers = analysis
    assert 'index.html' in said and 'conf_thresh = 0.3' in said
    assert numbers['findings']['threshold'].split(':')[0] in ' '.join(said.split())
    for name in ('confusion', 'reliability', 'thresholds'):
        assert cv2.imread(str(out / f'{name}.png')).std() > 5
    with open(out / 'confusion.csv') as file:
        (_, *rows) = csv.reader(file)
    assert [[int(n) for n in row[1:]] for row in rows] == numbers['confusion']
    with open(out / 'thresholds.csv') as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 100 and float(rows[0]['coverage']) == 1


def test_lists(files, tiny_data, tmp_path):
    """The lists of the training, and a file; images without masks are refused."""
    scored = {}
    own = tmp_path / 'own.txt'
    own.write_text((tiny_data / 'splits/val.txt').read_text().splitlines()[0])
    for name in ('labeled', 'unlabeled', own):
        out = tmp_path / 'out'
        args = (*files, '-o', out, '--list', name, '--worst', 0)
        call('mmsemi', 'analyze', *args, '--device', 'cpu')
        numbers = json.loads((out / 'analysis.json').read_text())
        scored[str(name)] = numbers['images']['scored']
    assert scored == {'labeled': 3, 'unlabeled': 5, str(own): 1}
    own.write_text('images/val/0.png')
    said = call('mmsemi', 'analyze', *files, '--list', own, ok=False)
    assert 'names no mask' in said and 'Traceback' not in said
    said = call('mmsemi', 'analyze', *files, '--list', 'lost.txt', ok=False)
    assert 'There is no list lost.txt' in said


def test_a_method_without_threshold(files, tiny_data, tmp_path):
    cfg = Config.fromfile(files[0])
    kept = ('data_preprocessor', 'backbone', 'decode_head', 'test_cfg')
    cfg.model = dict(type='Supervised', **{key: cfg.model[key] for key in kept})
    cfg.dump(tmp_path / 'supervised.py')
    args = (tmp_path / 'supervised.py', files[1], '-o', tmp_path / 'out')
    said = call('mmsemi', 'analyze', *args, '--device', 'cpu', '--worst', 1)
    assert 'without a threshold' in ' '.join(said.split())
    assert 'coverage' not in said.split('all')[0]
    text = (tmp_path / 'out/index.html').read_text()
    assert 'taught' not in text.split('<script')[0]


def test_only_the_worst_are_kept():
    worst = Worst(2)
    for i, iou in enumerate((0.5, 0.2, 0.9, 0.1, 0.3)):
        score = ImageScore(str(i), iou, 0, 0, '', 1)
        if worst.wants(score):
            worst.add(score, None)
        assert len(worst.sorted()) <= 2
    assert [score.name for score, _ in worst.sorted()] == ['3', '1']


@pytest.mark.parametrize('width, scheme', [(1280, 'light'), (360, 'dark')])
def test_page(browser, analysis, width, scheme):  # noqa: F811
    """No error; pictures load; it fits; sorting sorts; classes can be shown."""
    size = dict(width=width, height=800)
    file = analysis[0] / 'index.html'
    with opened(browser, file, viewport=size, color_scheme=scheme) as page:
        assert page.evaluate('document.documentElement.scrollWidth') <= width
        widths = page.eval_on_selector_all(
            'img',
            'all => Promise.all(all.map(i => i.decode().then(() => i.naturalWidth)))',
        )
        assert len(widths) == 2 and min(widths) > 300
        lines = page.locator('[data-chart]').first.locator('path.line')
        assert lines.count() == 1
        page.locator('.chip').nth(2).click()
        assert lines.count() == 2
        chart = page.locator('[data-chart]').nth(1).locator('svg')
        chart.focus()
        page.keyboard.press('ArrowRight')
        assert 'least confidence 0' in page.locator('#readout').inner_text()
        page.locator('#class-analysis thead button').nth(1).click()
        cells = page.locator('#class-analysis tbody tr td:nth-child(2)')
        values = [float(text) for text in cells.all_inner_texts()]
        assert values == sorted(values, reverse=True) and len(values) == 4
        assert page.locator('table.matrix td').first.inner_text() != ''
        assert analysis[2]['findings']['threshold'] in page.inner_text('#finding')
