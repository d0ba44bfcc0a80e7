"""The tables of a sweep, compared with figures made by hand."""

import csv
import io

import pytest

from mmsemi.apis.sweep import Row, tables
from mmsemi.apis.sweep.published import Published
from mmsemi.apis.sweep.rows import as_csv, read_csv


def row(method, split, seed, last, best, options='', **changes) -> Row:
    values = dict(
        method=method,
        origin='published',
        split=split,
        seed=seed,
        miou_last=last,
        miou_best=best,
        seconds_per_step=0.5,
        config='unimatch/pascal_1-8',
        commit='abc1234',
        options=options,
        settings=f'randomness.seed={seed}',
        classes={'sky': last + 10, 'big_road': None},
    )
    return Row(**{**values, **changes})


ROWS = [
    row('Base', '1/8', 0, 40, 41),
    row('Base', '1/8', 1, 42, 42.5),
    row('Base', '1/4', 0, 45, 46),
    row('Mine', '1/8', 0, 43, 44, 'low', origin='ours', config='my.py'),
    row('Mine', '1/8', 1, 44, 44.5, 'low', origin='ours', config='my.py'),
    row('Mine', '1/4', 0, 49, 50, 'low', origin='ours', config='my.py'),
    row('Mine', '1/8', 2, 90, 90, 'low', origin='ours', config='my.py'),  # no pair
]
PUBLISHED = {'unimatch/pascal_1-8': Published(77.2, None, 'https://example.org')}


@pytest.fixture(scope='module')
def found():
    return tables(ROWS, 'Base', PUBLISHED)


def lines(table) -> list[list[str]]:
    text = [line for line in table.markdown().splitlines() if line.startswith('|')]
    return [[cell.strip() for cell in line.strip('|').split('|')] for line in text]


def test_mean_and_standard_deviation(found):
    assert found[0].title.startswith('mIoU after the last step, mean')
    head, _, base, mine = lines(found[0])
    assert head == ['method', '1/8', '1/4', 'mean', 's/step']
    assert base[1:] == ['41.00 ± 1.41 (n=2)', '45.00 (n=1)', '43.00', '0.500']
    assert mine[0] == 'Mine (low, ours)'
    assert mine[1] == '**59.00 ± 26.85**', 'of three'


def test_published_figures_are_beside_ours_and_marked(found):
    _, _, base, published, _ = lines(found[1])
    assert base[0] == 'Base'
    assert published == ['Base, published', '77.2', '77.2', '', '']
    assert 'not measured here' in found[1].markdown()
    assert 'published' not in found[0].markdown(), 'nothing is known of the last'


def test_differences_are_those_of_pairs(found):
    """3, 2 and 4: mean 3, standard deviation 1, standard error 1 / sqrt(3)."""
    assert found[2].title.startswith('mIoU after the last step: difference to Base')
    (mine,) = lines(found[2])[2:]
    assert mine[1:] == ['+2.50 ± 0.50', '+4.00', '+3.00 ± 0.58', '3']
    assert lines(found[3])[2][1] == '+2.50 ± 0.50', '3 and 2 at the best'


def test_one_split_has_one_table_of_scores():
    scores, differences, classes = tables(ROWS[:2] + ROWS[3:5], 'Base', PUBLISHED)
    assert scores.title == 'mIoU, 1/8, mean ± standard deviation of 2 seeds'
    assert lines(scores)[2:] == [
        ['Base', '41.00 ± 1.41', '41.75 ± 1.06', '0.500'],
        ['Base, published', '', '77.2', ''],
        ['Mine (low, ours)', '**43.50 ± 0.71**', '**44.25 ± 0.35**', '0.500'],
    ]
    assert lines(differences)[2] == ['Mine (low, ours)', *['+2.50 ± 0.50'] * 2, '2']
    (alone,) = tables(ROWS[:1], '', {})[:1]
    assert alone.title == 'mIoU, 1/8, one seed'


def test_classes(found):
    assert '1/8' in found[4].title and '1/4' in found[5].title
    _, _, sky, road = lines(found[4])
    assert sky[:2] == ['sky', '51.00 ± 1.41']
    assert road == ['big_road', '', '']


def test_baseline_of_another_option():
    """The baseline's options if it has them, else its first ones."""
    rows = [
        row('Base', '', 0, 40, 40, 'low'),
        row('Base', '', 0, 50, 50, 'high'),
        row('Other', '', 0, 52, 52, 'high'),
        row('Third', '', 0, 52, 52),
    ]
    table = lines(tables(rows, 'Base', {})[1])[2:]
    assert {line[0]: line[1] for line in table} == {
        'Other (high)': '+2.00',
        'Third': '+12.00',
    }


def test_latex(found):
    text = found[0].latex()
    assert r'Base & $41.00 \pm 1.41$ (n=2) & $45.00$ (n=1)' in text
    assert r'$\mathbf{59.00 \pm 26.85}$' in text
    assert r'\caption{mIoU after the last step, mean $\pm$ standard' in text
    assert r'big\_road & -- & --' in found[4].latex()
    for each in found:
        lines = each.latex().splitlines()
        counts = {line.count('&') for line in lines if line.endswith(r'\\')}
        assert counts == {len(each.head) - 1}


def test_csv(found):
    title, *rest = found[0].csv().splitlines()
    assert title.startswith('# mIoU after')
    head, base, _ = csv.reader(io.StringIO('\n'.join(rest)))
    assert head[:5] == ['method', '1/8', '1/8 ±', '1/8 n', '1/4']
    assert base[:5] == ['Base', '41', '1.4142', '2', '45']


def test_rows_survive_a_file(tmp_path):
    (tmp_path / 'rows.csv').write_text(as_csv(ROWS))
    assert read_csv(tmp_path / 'rows.csv') == ROWS


@pytest.mark.parametrize(
    ('change', 'message'),
    [(('miou_last', 'score'), 'miou_last'), (('40,41', 'x,41'), 'line 2')],
)
def test_other_tables_are_refused(tmp_path, change, message):
    file = tmp_path / 'rows.csv'
    file.write_text(as_csv(ROWS).replace(*change))
    with pytest.raises(ValueError, match='rows.csv') as error:
        read_csv(file)
    assert message in str(error.value)


def test_missing_baseline():
    with pytest.raises(ValueError, match='no result of Nothing; there are Base, Mine'):
        tables(ROWS, 'Nothing', {})
