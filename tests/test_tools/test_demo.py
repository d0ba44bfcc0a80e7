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
    gains = output.partition('Gains over')[2]
    assert 'RankMatch' in gains and 'BalancedMatch' in gains
    assert (tmp_path / 'work' / 'predictions.png').stat().st_size > 10000
    page = (tmp_path / 'work' / 'report.html').read_text()
    assert f'pictures over time: {tmp_path}/work/report.html' in output
    assert 'Pseudo-labels while they teach' in page
    for method in ('supervised', 'rankmatch', 'balancedmatch'):
        assert f'{method}_scenes' in page
