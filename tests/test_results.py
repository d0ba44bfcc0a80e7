"""Metafiles and tables of the docs say what the results say."""

import csv
import runpy
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

import mmsemi
from mmsemi.apis.sweep.published import published_scores
from mmsemi.utils.shipped import CONFIGS
from tests.helpers.tools import ROOT

PACKAGE = Path(mmsemi.__file__).parent


@pytest.fixture(scope='module')
def writer():
    return runpy.run_path(str(ROOT / 'tools/dev/write_results.py'))


@pytest.fixture(scope='module')
def models():
    index = yaml.safe_load((PACKAGE / '.mim/model-index.yml').read_text())
    files = [PACKAGE / '.mim' / name for name in index['Import']]
    assert {file.resolve() for file in files} == {*CONFIGS.glob('*/metafile.yml')}
    return [m for f in files for m in yaml.safe_load(f.read_text())['Models']]


def test_every_method_has_a_metafile():
    methods = {f.parent.name for f in CONFIGS.glob('*/*.py')} - {'_base_', 'demo', 'my'}
    assert methods <= {file.parent.name for file in CONFIGS.glob('*/metafile.yml')}


def test_metafiles_have_every_published_score(models):
    with (ROOT / 'results/published.csv').open(newline='') as file:
        wanted = {row['config']: row for row in csv.DictReader(file)}
    found = published_scores()
    assert found.keys() == wanted.keys()
    for config, row in wanted.items():
        assert str(found[config].best or '') == row['best']
        assert str(found[config].last or '') == row['last']
        assert found[config].source == row['source']


def test_models_have_configs_and_say_where_scores_are_from(models):
    names = [model['Name'] for model in models]
    assert len(set(names)) == len(names) > 100
    for model in models:
        assert (PACKAGE / '.mim' / model['Config']).is_file()
        for result in model['Results']:
            assert result['Origin'] in ('published', 'measured here')
            assert result['Source'].startswith(('https://', 'results/'))
            assert result['Dataset'] == model['Metadata']['Training Data']


def test_measured_scores(models):
    (model,) = [m for m in models if m['Name'] == 'stpp/camvid_1-8_r18']
    (result,) = model['Results']
    assert result['Origin'] == 'measured here'
    assert result['Source'] == 'results/camvid_r18.csv' and result['Seeds'] == 1
    assert result['Metrics'] == {'mIoU': 24.69, 'mIoU (last)': 24.69}


@pytest.mark.parametrize(
    'name', ['unimatch/pascal_1-16.py', '_base_/recipes/pascal_r50.py']
)
def test_mmengine_finds_configs_with_and_without_a_score(tmp_path, name):
    config = tmp_path / 'config.py'
    config.write_text(f"_base_ = 'mmsemi::{name}'")
    assert Config.fromfile(config).model.backbone.depth in (50, 101)


def test_published_table(writer):
    text = """Before.
<!-- published
corner: labels
columns: {92: a_1-16, 183: a_1-8}
rows: {Mine: m/*, Other: o/*_r50}
show: best (last)
-->
old
<!-- end -->
After.
"""
    scores = {
        'm/a_1-16': dict(best='70.1', last='69.0'),
        'o/a_1-8_r50': dict(best='50.0', last=''),
    }
    filled = writer['fill'](text, scores)
    assert filled.startswith('Before.\n<!-- published') and 'old' not in filled
    assert '| labels | 92 | 183 |\n' in filled
    assert (
        '| Mine | 70.1 (69.0) |  |\n| Other |  | 50.0 |\n\n<!-- end -->\nAfter.'
        in filled
    )
    assert writer['fill'](filled, scores) == filled
    with pytest.raises(ValueError, match='m/.: nothing is published'):
        writer['fill'](text, {})


def test_what_is_stale_is_named(writer, monkeypatch, capsys):
    main = writer['main']
    page = ROOT / 'docs/choosing.md'
    stale = {page: page.read_text().replace('45.1', '54.1', 1)}
    monkeypatch.setitem(main.__globals__, 'pages', lambda: stale)
    monkeypatch.setattr('sys.argv', ['write_results.py', '--check'])
    assert main() == 1
    said = capsys.readouterr().err
    assert said.startswith('docs/choosing.md is not what the results say.\n')
    assert said.count(' is not ') == 1
