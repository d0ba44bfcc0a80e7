"""The page in a real browser: nothing fails, and what moves, moves."""

import pytest

from mmsemi.commands.report import report
from mmsemi.reporting import write_report
from tests.helpers.browser import browser, opened  # noqa: F401


@pytest.fixture(scope='module')
def file(rankmatch, teacher, tmp_path_factory):
    out = tmp_path_factory.mktemp('browser') / 'report.html'
    write_report([rankmatch, teacher], out)
    return out


@pytest.fixture(scope='module')
def page(browser, file):  # noqa: F811
    """The page of two runs."""
    size = dict(width=1280, height=900)
    with opened(browser, file, viewport=size, color_scheme='dark') as page:
        yield page


def test_pictures_load(page):
    widths = page.eval_on_selector_all(
        'img', 'all => Promise.all(all.map(i => i.decode().then(() => i.naturalWidth)))'
    )
    assert len(widths) >= 6 and min(widths) > 0


def test_the_slider_changes_the_picture(page):
    album = page.locator('.album').first
    shown = album.locator('img:not([hidden])').first
    last = shown.get_attribute('src')
    album.locator('input').press('Home')
    assert shown.get_attribute('src') != last
    assert album.locator('output').inner_text() == '1'
    figure = album.locator('figure').first
    assert figure.locator('img:not([hidden])').count() == 1
    small = shown.bounding_box()['width']
    figure.locator('button').click()
    assert shown.bounding_box()['width'] > 1.5 * small


def column(table, number):
    return [
        row.locator('th, td').nth(number).inner_text().split()[0]
        for row in table.locator('tbody tr:not(.top)').all()
    ]


def test_sorting_sorts(page):
    """By a click and by the keyboard; the row of the mean stays on top."""
    table = page.locator('#class-table')
    score, name = table.locator('thead th').nth(1), table.locator('thead th').nth(0)
    score.locator('button').click()
    values = [float(v) for v in column(table, 1)]
    assert values == sorted(values, reverse=True)
    assert score.get_attribute('aria-sort') == 'descending'
    score.locator('button').click()
    values = [float(v) for v in column(table, 1)]
    assert values == sorted(values)
    name.locator('button').press('Enter')
    names = column(table, 0)
    assert names == sorted(names) == ['bar', 'box', 'disc', 'ground']
    assert score.get_attribute('aria-sort') is None
    assert 'mean' in table.locator('tbody tr').first.inner_text()


def test_differences_follow_the_chosen_run(page):
    table = page.locator('#class-table')
    cells = table.locator('tbody tr').nth(1).locator('td')
    assert cells.nth(1).locator('.diff').count() == 1
    page.select_option('#class-base', '1')
    assert cells.nth(1).locator('.diff').count() == 0
    assert cells.nth(0).locator('.diff').count() == 1
    page.select_option('#class-base', '')
    assert table.locator('.diff').count() == 0


def test_curves(page):
    """They are drawn, leave out a run, and name their values."""
    charts = page.locator('[data-chart]')
    chart = charts.filter(has_text='validation mIoU').first
    lines = chart.locator('path.line')
    assert charts.locator('path.line').count() > charts.count()
    assert lines.count() == 3
    page.locator('.chip').nth(1).click()
    assert lines.count() == 1
    page.locator('.chip').nth(1).click()
    chart.locator('svg').focus()
    page.keyboard.press('ArrowRight')
    assert chart.locator('.tip').is_visible()
    assert 'step 2' in chart.locator('.tip').inner_text()
    assert 'validation mIoU' in page.locator('#readout').inner_text()
    chart.locator('svg').hover(position=dict(x=60, y=60))
    assert chart.locator('.tip').is_visible()


def test_every_control_works(page):
    page.locator('#smooth').fill('0.9')
    assert page.locator('path.raw').count() > 0
    page.locator('#log').check()
    page.select_option('#axis', 'epoch')
    page.select_option('#cells', 'pixels')
    cell = page.locator('table.matrix td').first
    assert cell.inner_text().replace(',', '') == cell.get_attribute('data-n')
    page.locator('[data-chart] button').first.click()
    for expected in ('light', 'dark', 'auto'):
        page.locator('#theme').click()
        assert expected in page.locator('#theme').inner_text()


@pytest.mark.parametrize('width, scheme', [(360, 'light'), (1280, 'dark')])
def test_fits_and_can_be_read(browser, file, width, scheme):  # noqa: F811
    """Nothing is wider than the screen; text stands out from its ground."""
    context = browser.new_context(
        viewport=dict(width=width, height=800), color_scheme=scheme
    )
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.evaluate('document.documentElement.scrollWidth') <= width
    level = """name => {
        const node = document.createElement('i');
        node.style.color = `var(${name})`;
        document.body.append(node);
        const [r, g, b] = getComputedStyle(node).color.match(/[0-9.]+/g).map(v => {
            v /= 255;
            return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    }"""
    ground = page.evaluate(level, '--paper')

    def contrast(name):
        a, b = sorted([page.evaluate(level, name), ground])
        return (b + 0.05) / (a + 0.05)

    for name in ('--ink', '--soft', '--accent', '--good', '--bad'):
        assert contrast(name) >= 4.5, name  # WCAG, text
    for i in range(8):
        assert contrast(f'--c{i}') >= 3, i  # WCAG, graphics
    context.close()


def test_prints(browser, file, tmp_path):  # noqa: F811
    page = browser.new_page()
    page.goto(file.as_uri())
    page.pdf(path=tmp_path / 'report.pdf')
    assert (tmp_path / 'report.pdf').stat().st_size > 20_000
    page.emulate_media(media='print')
    assert not page.locator('.tools').is_visible()
    assert page.locator('[data-chart] path.line').first.is_visible()
    page.close()


def test_self_training(browser, self_training, tmp_path):  # noqa: F811
    """Every stage has its row, and every unlabeled image is in the histogram."""
    write_report([self_training], tmp_path / 'report.html')
    size = dict(width=400, height=800)
    with opened(browser, tmp_path / 'report.html', viewport=size) as page:
        section = page.locator('section[aria-labelledby=rounds]')
        table, classes = section.locator('table').all()
        rows = table.locator('tbody tr')
        assert rows.count() == 6
        assert rows.first.inner_text().startswith('1 supervised')
        bars = section.locator('svg.bars rect')
        heights = [each.bounding_box()['height'] for each in bars.all()]
        assert len(heights) == 20 and max(heights) > 50
        told = [each.text_content() for each in section.locator('rect title').all()]
        assert sum(int(text.split()[-2]) for text in told) == 5
        assert 'round 1: 2 images' in section.locator('svg.bars').text_content()
        table.locator('thead button').nth(4).click()
        scores = [float(v) for v in column(table, 4) if v != '–']
        assert scores == sorted(scores, reverse=True) and len(scores) == 3
        right = [float(v) for v in column(table, 3) if v != '–']
        assert len(right) == 2 and all(0 <= v <= 100 for v in right)
        assert column(classes, 0) == ['ground', 'disc', 'box', 'bar']
        assert page.locator('.chip').count() == 3
        assert page.evaluate('document.documentElement.scrollWidth') <= 400


def test_sweep(browser, sweep, tmp_path, capsys):  # noqa: F811
    """Its tables sort; the seeds of a method have one color, and hide together."""
    out = tmp_path / 'report.html'
    report([sweep], out)
    assert f'{out}: 3 runs' in capsys.readouterr().out
    with opened(browser, out, viewport=dict(width=1280, height=900)) as page:
        assert page.title() == 'two: 3 runs'
        table = page.locator('section[aria-labelledby=comparison] table').first
        names = column(table, 0)
        assert sorted(names) == ['RankMatch', 'UniMatchV2']
        table.locator('thead button').nth(1).click()
        scores = [float(v) for v in column(table, 1)]
        assert scores == sorted(scores, reverse=True)
        chips = page.locator('.chip')
        assert chips.count() == 2 and '2 runs' in chips.first.inner_text()
        lines = page.locator('[data-chart]', has_text='validation mIoU').first.locator(
            'path.line'
        )
        colors = [each.get_attribute('style') for each in lines.all()]
        assert len(colors) == 4 and len(set(colors)) == 2  # one with its teacher
        chips.first.click()
        assert lines.count() == 2
