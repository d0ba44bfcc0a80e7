"""The demo, with a few steps."""

from tests.helpers.tools import run


def test_demo(tmp_path):
    output = run(
        'python',
        'tools/demo.py',
        '--work-dir',
        tmp_path / 'work',
        '--cfg-options',
        'train_cfg.max_epochs=1',
        env=dict(MMSEMI_DATA=str(tmp_path), COLUMNS='200'),
    )
    assert '20 labeled and 300 unlabeled' in output.replace('\n', ' ')
    assert 'RankMatch gains' in output
    assert (tmp_path / 'work' / 'predictions.png').stat().st_size > 10000
