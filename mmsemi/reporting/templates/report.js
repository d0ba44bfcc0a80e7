'use strict';
// Curves, sortable tables and choices of the report; no library.
const data = JSON.parse(document.getElementById('data').textContent);
const find = (selector, root = document) => [...root.querySelectorAll(selector)];
const at = id => document.getElementById(id);
const SVG = 'http://www.w3.org/2000/svg';
const choice = { axis: data.axis ?? 'step', smooth: 0, log: false };
const hidden = new Set();  // runs that the curves leave out

function make(name, attributes, parent, text) {
  const node = document.createElementNS(SVG, name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  if (text !== undefined) node.textContent = text;
  if (parent) parent.appendChild(node);
  return node;
}

function short(value) {
  if (value === null || value === undefined) return '–';
  const size = Math.abs(value);
  if (size && (size < 1e-3 || size >= 1e6)) return (+value.toPrecision(3)).toExponential();
  return String(+value.toPrecision(4));
}

// Curves

function ticks(low, high, count) {
  const rough = (high - low) / count || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(n => n * power).find(n => n >= rough * 0.999);
  const found = [];
  for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + step * 1e-9; v += step) found.push(+v.toPrecision(12));
  return found;
}

function smoothed(values) {  // moving average that starts at the first value
  const keep = choice.smooth;
  let mean = 0, weight = 0;
  return values.map(v => {
    if (v === null) return null;
    mean = keep * mean + (1 - keep) * v;
    weight = keep * weight + 1 - keep;
    return mean / weight;
  });
}

class Chart {
  constructor(figure) {
    this.figure = figure;
    this.chart = data.charts[figure.dataset.chart];
    this.axis = figure.dataset.axis;  // if not that of the others
    this.svg = make('svg', { role: 'img', tabindex: 0 }, figure);
    this.tip = document.createElement('div');
    this.tip.className = 'tip';
    this.tip.hidden = true;
    figure.appendChild(this.tip);
    this.svg.addEventListener('pointermove', e => this.point(this.toValue(e.offsetX)));
    this.svg.addEventListener('pointerdown', e => this.point(this.toValue(e.offsetX)));
    this.svg.addEventListener('pointerleave', () => this.leave());
    this.svg.addEventListener('blur', () => this.leave());
    this.svg.addEventListener('keydown', e => this.key(e));
    const button = figure.querySelector('button');
    button.addEventListener('click', () => { figure.classList.toggle('wide'); this.draw(); });
    new ResizeObserver(() => this.svg.clientWidth !== this.width && this.draw()).observe(figure);
  }

  x(series, i) {
    const length = data.runs[series.run].epoch_length;
    return choice.axis === 'epoch' && length ? series.x[i] / length : series.x[i];
  }

  draw() {
    const shown = this.chart.series.filter(s => !hidden.has(s.run));
    const width = this.width = Math.max(this.svg.clientWidth, 200);
    const height = this.figure.classList.contains('wide') ? 340 : 190;
    this.svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.svg.setAttribute('height', height);
    this.svg.replaceChildren();
    const all = shown.flatMap(s => s.y.filter(v => v !== null));
    if (!all.length) { this.lines = []; return; }
    const log = choice.log && Math.min(...all) > 0;
    const scale = v => log ? Math.log10(v) : v;
    let low = Math.min(...all.map(scale)), high = Math.max(...all.map(scale));
    const room = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
    low = !log && low >= 0 && low < room * 4 ? 0 : low - room;
    high += room;
    if (this.chart.whole && !log) { low = 0; high = 1.04; }  // shares compare at a glance
    const xs = shown.flatMap(s => [this.x(s, 0), this.x(s, s.x.length - 1)]);
    const first = Math.min(...xs, 0), last = Math.max(...xs) || 1;
    const box = { left: 46, right: width - 12, top: 10, bottom: height - 22 };
    this.px = v => box.left + (v - first) / (last - first) * (box.right - box.left);
    this.toValue = p => first + (p - box.left) / (box.right - box.left) * (last - first);
    const py = v => box.bottom - (scale(v) - low) / (high - low) * (box.bottom - box.top);
    for (const v of ticks(low, high, 4)) {
      const y = box.bottom - (v - low) / (high - low) * (box.bottom - box.top);
      make('line', { class: 'grid', x1: box.left, x2: box.right, y1: y, y2: y }, this.svg);
      make('text', { class: 'tick', x: box.left - 6, y: y + 4, 'text-anchor': 'end' }, this.svg, short(log ? 10 ** v : v));
    }
    for (const v of ticks(first, last, Math.max(2, Math.floor(width / 75))))
      make('text', { class: 'tick', x: this.px(v), y: height - 6, 'text-anchor': 'middle' }, this.svg, short(v));
    this.lines = shown.map(series => ({ series, xs: series.x.map((_, i) => this.x(series, i)), ys: choice.smooth && !series.marks ? smoothed(series.y) : series.y }));
    for (const { series, xs, ys } of this.lines) {
      const run = data.runs[series.run], style = `--run: var(--c${run.color})`;
      const dash = series.dashed ? '5 4' : run.dash;
      const draw = (values, extra) => {
        let path = '', pen = 'M';
        values.forEach((v, i) => {
          if (v === null) { pen = 'M'; return; }
          path += `${pen}${this.px(xs[i]).toFixed(1)} ${py(v).toFixed(1)}`;
          pen = 'L';
        });
        make('path', { class: `line ${extra}`, d: path, style, 'stroke-dasharray': dash || 'none' }, this.svg);
      };
      if (ys !== series.y) draw(series.y, 'raw');
      draw(ys, '');
      if (xs.length === 1) this.mark(this.px(xs[0]), py(ys[0]), '●', style);
      for (const [i, sign] of series.marks || []) this.mark(this.px(xs[i]), py(ys[i]), sign, style);
    }
    this.cursor = make('line', { class: 'cursor', y1: box.top, y2: box.bottom, visibility: 'hidden' }, this.svg);
    const ends = this.lines.map(({ series, ys }) => `${this.label(series)} ${short(ys.filter(v => v !== null).at(-1))}`);
    this.svg.setAttribute('aria-label', `${this.chart.name} over ${this.axis ?? choice.axis}; at the end: ${ends.join(', ')}`);
  }

  mark(x, y, sign, style) {
    if (sign === '●') make('circle', { class: 'mark', cx: x, cy: y, r: 4, style }, this.svg);
    else {
      let points = '';
      for (let i = 0; i < 10; i++) {
        const r = i % 2 ? 3.2 : 7.5, a = Math.PI * (i / 5 - 0.5);
        points += `${(x + r * Math.cos(a)).toFixed(1)},${(y + r * Math.sin(a)).toFixed(1)} `;
      }
      make('polygon', { class: 'mark', points, style }, this.svg);
    }
  }

  label(series) { return data.runs[series.run].name + (series.label ? ` (${series.label})` : ''); }

  point(value) {
    if (!this.lines.length) return;
    const all = this.lines.flatMap(l => l.xs);
    const near = all.reduce((a, b) => Math.abs(b - value) < Math.abs(a - value) ? b : a);
    this.value = near;
    this.cursor.setAttribute('visibility', 'visible');
    this.cursor.setAttribute('x1', this.px(near));
    this.cursor.setAttribute('x2', this.px(near));
    this.tip.replaceChildren();
    const title = document.createElement('b');
    title.textContent = `${this.axis ?? choice.axis} ${short(near)}`;
    this.tip.append(title);
    for (const { series, xs, ys } of this.lines) {
      let best = 0;
      xs.forEach((x, i) => { if (Math.abs(x - near) < Math.abs(xs[best] - near)) best = i; });
      const row = document.createElement('div'), name = document.createElement('span'), number = document.createElement('span');
      name.innerHTML = `<i class="key" style="--run: var(--c${data.runs[series.run].color})"></i>`;
      name.append(this.label(series));
      const away = Math.abs(xs[best] - near) > Math.abs(all.at(-1) - all[0]) / 20;
      number.textContent = short(ys[best]) + (away ? ` at ${short(xs[best])}` : '');
      row.append(name, number);
      this.tip.append(row);
    }
    this.tip.hidden = false;
    const x = this.px(near) + 10, wide = this.tip.offsetWidth;
    this.tip.style.left = `${Math.max(0, x + wide > this.figure.clientWidth ? x - wide - 10 : x + 10)}px`;
    this.tip.style.top = '34px';
  }

  key(event) {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === 'Escape') this.leave();
    if (!move || !this.lines.length) return;
    event.preventDefault();
    const all = [...new Set(this.lines.flatMap(l => l.xs))].sort((a, b) => a - b);
    const now = this.value === undefined ? (move > 0 ? -1 : all.length) : all.indexOf(this.value);
    this.point(all[Math.min(all.length - 1, Math.max(0, now + move))]);
    at('readout').textContent = `${this.chart.name}, ${[...this.tip.children].map(n => n.textContent).join(', ')}`;
  }

  leave() {
    this.tip.hidden = true;
    if (this.cursor) this.cursor.setAttribute('visibility', 'hidden');
  }
}

for (const chip of find('.chip[aria-pressed=false]'))
  for (const run of chip.dataset.runs.split(' ')) hidden.add(+run);
const charts = find('[data-chart]').map(figure => new Chart(figure));
const redraw = () => charts.forEach(chart => chart.draw());

for (const chip of find('.chip'))
  chip.addEventListener('click', () => {
    const runs = chip.dataset.runs.split(' ').map(Number), off = !hidden.has(runs[0]);
    for (const run of runs) hidden[off ? 'add' : 'delete'](run);
    chip.setAttribute('aria-pressed', !off);
    redraw();
  });
at('smooth')?.addEventListener('input', e => { choice.smooth = +e.target.value; redraw(); });
at('log')?.addEventListener('change', e => { choice.log = e.target.checked; redraw(); });
at('axis')?.addEventListener('change', e => { choice.axis = e.target.value; redraw(); });
at('theme').addEventListener('click', e => {
  const themes = ['auto', 'light', 'dark'], root = document.documentElement;
  const next = themes[(themes.indexOf(root.dataset.theme || 'auto') + 1) % 3];
  if (next === 'auto') delete root.dataset.theme;
  else root.dataset.theme = next;
  e.target.textContent = `theme: ${next}`;
});

// Tables

function sortValue(row, column) {
  const cell = row.cells[column], text = (cell.dataset.value ?? cell.textContent).trim();
  if (text === '' || text === '–' || text === 'None') return null;
  const number = Number(text.replace(/[ %]+$/, ''));
  return Number.isNaN(number) ? text.toLowerCase() : number;
}

function sortBy(table, column, direction) {
  const body = table.tBodies[0], rows = [...body.rows].filter(r => !r.classList.contains('top'));
  const sign = direction === 'ascending' ? 1 : -1;
  const keyed = rows.map(row => [sortValue(row, column), row]);
  keyed.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);  // nothing: last
    if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
    return sign * (a < b ? -1 : a > b ? 1 : 0);
  });
  body.append(...keyed.map(([, row]) => row));
  [...table.tHead.rows[0].cells].forEach((th, i) => i === column ? th.setAttribute('aria-sort', direction) : th.removeAttribute('aria-sort'));
}

for (const table of find('table.sortable'))
  [...table.tHead.rows[0].cells].forEach((th, column) => th.querySelector('button').addEventListener('click', () => {
    const first = th.classList.contains('n') ? 'descending' : 'ascending';
    const other = first === 'ascending' ? 'descending' : 'ascending';
    sortBy(table, column, th.getAttribute('aria-sort') === first ? other : first);
  }));

// Classes

function fillClasses() {
  const table = at('class-table');
  if (!table) return;
  const score = at('class-score').value, when = at('class-at').value;
  const base = at('class-base') && at('class-base').value !== '' ? +at('class-base').value : null;
  for (const row of table.tBodies[0].rows) {
    const name = row.cells[0].textContent;
    const classes = run => data.runs[run].classes[when] ?? {};
    const mean = run => {  // of the classes that have the score
      const found = Object.values(classes(run)).map(c => c[score]).filter(v => v !== null && v !== undefined);
      return found.length ? found.reduce((a, b) => a + b, 0) / found.length : null;
    };
    const value = run => row.classList.contains('top') ? mean(run) : classes(run)[name]?.[score] ?? null;
    data.runs.forEach((_, run) => {
      const cell = row.cells[run + 1], own = value(run);
      cell.textContent = own === null ? '–' : own.toFixed(2);
      cell.dataset.value = own === null ? '' : own;
      if (base === null || base === run) return;
      const span = document.createElement('span'), other = value(base);
      span.className = 'diff';
      if (own !== null && other !== null) {
        const points = own - other, up = points >= 0.005, down = points <= -0.005;
        span.classList.toggle('up', up);
        span.classList.toggle('down', down);
        span.textContent = up ? `+${points.toFixed(2)}` : down ? `−${(-points).toFixed(2)}` : '±0.00';
      }
      cell.append(span);
    });
  }
}
for (const id of ['class-score', 'class-at', 'class-base']) at(id)?.addEventListener('change', fillClasses);
fillClasses();

function fillMatrices() {
  const mode = at('cells')?.value;
  for (const table of find('table.matrix')) {
    const rows = [...table.tBodies[0].rows].map(row => [...row.cells].slice(1));
    const counts = rows.map(row => row.map(cell => +cell.dataset.n));
    const perRow = counts.map(row => row.reduce((a, b) => a + b, 0));
    const perColumn = counts.map((_, j) => counts.reduce((sum, row) => sum + row[j], 0));
    const names = rows.map(row => row[0].parentNode.cells[0].textContent);
    rows.forEach((row, i) => row.forEach((cell, j) => {
      const n = counts[i][j], whole = mode === 'column' ? perColumn[j] : perRow[i];
      const share = whole ? 100 * n / whole : null;
      if (mode === 'pixels') cell.textContent = n.toLocaleString('en');
      else cell.textContent = share === null ? '–' : n === 0 ? '' : share < 0.5 ? '<½' : Math.round(share);
      cell.classList.toggle('diagonal', i === j);
      cell.style.background = `color-mix(in srgb, var(${i === j ? '--c0' : '--c1'}) ${Math.sqrt((share || 0) / 100) * 65}%, var(--panel))`;
      cell.title = `${names[i]}, predicted as ${names[j]}: ${n.toLocaleString('en')} pixels` + (share === null ? '' : `, ${share.toFixed(1)} % of the ${mode === 'column' ? 'predicted' : 'true'} class`);
    }));
  }
}
at('cells')?.addEventListener('change', fillMatrices);
fillMatrices();

// Pictures

for (const button of find('.pictures figcaption button'))
  button.addEventListener('click', () => button.closest('figure').classList.toggle('wide'));

for (const album of find('.album')) {
  const slider = album.querySelector('input'), output = album.querySelector('output');
  const times = slider.dataset.times.split(' ').map(Number);
  const show = () => {
    const time = times[slider.value];
    output.textContent = time;
    slider.setAttribute('aria-valuetext', time);
    for (const figure of find('figure', album)) {
      const shots = find('img', figure);
      const now = shots.filter(shot => +shot.dataset.time <= time).at(-1) || shots[0];
      shots.forEach(shot => { shot.hidden = shot !== now; });
      figure.querySelector('.time').textContent = +now.dataset.time === time ? '' : ` (at ${now.dataset.time})`;
    }
  };
  slider.addEventListener('input', show);
  show();
}

addEventListener('beforeprint', () => find('details.matrix-of').forEach(each => { each.open = true; }));
