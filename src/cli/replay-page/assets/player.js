// Plays the page that it stands in. Everything recorded becomes text of an element, never markup, style text or code.
(() => {
  const frames = JSON.parse(document.getElementById('frames').textContent);
  const entries = [...document.querySelectorAll('li[data-at]')];
  const play = document.getElementById('play');
  const seek = document.getElementById('seek');
  const speed = document.getElementById('speed');
  const clock = document.getElementById('clock');
  const length = Number(seek.max);
  /** Longer pauses than this are shortened to it, in milliseconds. */
  const LONGEST_PAUSE = 2000;
  const PALETTE = [
    ...['#1d1f21', '#cc4c4c', '#5faf5f', '#c9a64a', '#5f87d7', '#af6fc4', '#4fb0ae', '#d0d0d0'],
    ...['#767676', '#ff6e6e', '#87d787', '#ffd75f', '#87afff', '#d7a0ff', '#7fe0de', '#ffffff'],
  ];
  const STEPS = [0, 95, 135, 175, 215, 255];
  let now = length;
  let playing = false;
  let last = 0;

  const colour = (value) => {
    if (typeof value === 'string') return /^#[0-9a-f]{6}$/.test(value) ? value : '';
    if (value < 16) return PALETTE[value] ?? '';
    if (value >= 232)
      return `rgb(${Array(3)
        .fill(8 + 10 * (value - 232))
        .join(',')})`;
    const cube = value - 16;
    return `rgb(${[Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map((step) => STEPS[step] ?? 0).join(',')})`;
  };

  const spanOf = ([text, look]) => {
    const span = document.createElement('span');
    span.textContent = text;
    if (look === undefined) return span;
    const front = look.foreground === undefined ? '' : colour(look.foreground);
    const back = look.background === undefined ? '' : colour(look.background);
    span.style.color = look.inverse ? back || '#16181c' : front;
    span.style.backgroundColor = look.inverse ? front || '#d8d8d8' : back;
    for (const name of ['bold', 'dim', 'italic', 'underline']) if (look[name]) span.classList.add(name);
    return span;
  };

  /** A terminal on the page: its frames, and how many of them it shows. */
  const terminals = [...document.querySelectorAll('.screen')].map((element) => ({
    element,
    frames: frames[element.dataset.terminal] ?? [],
    shown: 0,
  }));

  const apply = (element, [, height, rows]) => {
    while (element.children.length > height) element.lastChild.remove();
    while (element.children.length < height) element.append(document.createElement('div'));
    for (const [row, runs] of rows) element.children[row]?.replaceChildren(...runs.map(spanOf));
  };

  const show = (terminal) => {
    if (terminal.shown > 0 && (terminal.frames[terminal.shown - 1]?.[0] ?? 0) > now) {
      terminal.shown = 0;
      terminal.element.replaceChildren();
    }
    for (let next = terminal.frames[terminal.shown]; next !== undefined && next[0] <= now; ) {
      apply(terminal.element, next);
      terminal.shown += 1;
      next = terminal.frames[terminal.shown];
    }
  };

  const span = (ms) => {
    const seconds = Math.floor(ms / 1000);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  };

  const draw = () => {
    for (const entry of entries) entry.hidden = Number(entry.dataset.at) > now;
    for (const terminal of terminals) show(terminal);
    seek.value = String(now);
    clock.textContent = `${span(now)} / ${span(length)}`;
    play.textContent = playing ? 'Pause' : 'Play';
  };

  const moments = [
    ...entries.map((entry) => Number(entry.dataset.at)),
    ...terminals.flatMap((terminal) => terminal.frames.map(([at]) => at)),
    length,
  ].sort((a, b) => a - b);

  const tick = (at) => {
    if (!playing) return;
    now = Math.min(length, now + (at - last) * Number(speed.value));
    last = at;
    const next = moments.find((moment) => moment > now);
    if (next !== undefined && next - now > LONGEST_PAUSE) now = next - LONGEST_PAUSE;
    playing = now < length;
    draw();
    requestAnimationFrame(tick);
  };

  play.addEventListener('click', () => {
    playing = !playing;
    if (playing && now >= length) now = 0;
    last = performance.now();
    draw();
    requestAnimationFrame(tick);
  });
  seek.addEventListener('input', () => {
    now = Number(seek.value);
    draw();
  });
  document.getElementById('controls').hidden = false;
  draw();
})();
