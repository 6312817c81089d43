// The canvases: waveform, strip, curves, and the overview of the whole recording.

function prepared(canvas, height) {
  const width = canvas.parentElement.clientWidth, ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  pen.textBaseline = "middle";
  return { pen, width };
}

const across = () => stage.clientWidth - SIDE - SCALE;
const toX = (time) => SIDE + ((time - view.start) / (view.end - view.start)) * across();
const toTime = (x) =>
  clamp(view.start + ((x - SIDE) / across()) * (view.end - view.start), 0, duration);

function inView(rows) {
  return rows.slice(Math.max(0, lastBefore(rows, view.start)), lastBefore(rows, view.end) + 1);
}

function drawAxis(pen, width, height) {
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
  const span = view.end - view.start;
  const step = steps.find((each) => (each / span) * across() >= 64) || 14400;
  pen.fillStyle = theme("muted");
  pen.strokeStyle = theme("line");
  pen.lineWidth = 1;
  pen.textAlign = "left";
  for (let tick = Math.ceil(view.start / step) * step; tick <= view.end; tick += step) {
    const x = Math.round(toX(tick)) + 0.5;
    pen.beginPath();
    pen.moveTo(x, 0);
    pen.lineTo(x, height);
    pen.stroke();
    if (x < width - 30) pen.fillText(clock(tick, step < 1 ? 1 : 0), x + 3, AXIS / 2);
  }
}

function drawWave(pen, channel, spoken, top) {
  const { low, high } = channel;
  const middle = top + WAVE / 2, scale = WAVE / 2 / 127;
  const [quiet, speaking] = [theme("quiet"), theme("speaking")];
  for (let x = SIDE; x < SIDE + across(); x += 1) {
    const first = Math.floor(toTime(x) / data.binSeconds);
    const last = Math.max(first + 1, Math.floor(toTime(x + 1) / data.binSeconds));
    let down = 0, up = 0;
    for (let bin = first; bin < last && bin < low.length; bin += 1) {
      down = Math.min(down, low[bin]);
      up = Math.max(up, high[bin]);
    }
    pen.fillStyle = at(spoken, toTime(x + 0.5)) ? speaking : quiet;
    pen.fillRect(x, middle - up * scale, 1, Math.max(1, (up - down) * scale));
  }
}

/** Neighbouring cells that say the same, as one, so that letters have room. */
function runs(cells) {
  const joined = [];
  for (const cell of cells) {
    const { label } = windows[cell.window], last = joined[joined.length - 1];
    if (last && last.label === label && last.end === cell.start) {
      last.end = cell.end;
    } else joined.push({ start: cell.start, end: cell.end, label });
  }
  return joined;
}

/** Strokes over a cell of 6 by 6 dots, by matplotlib's names of hatches. */
const HATCHES = {
  "/": [[0, 6, 6, 0]], "\\": [[0, 0, 6, 6]], "-": [[0, 3, 6, 3]], "|": [[3, 0, 3, 6]],
  "+": [[0, 3, 6, 3], [3, 0, 3, 6]], "x": [[0, 0, 6, 6], [0, 6, 6, 0]],
};

/** What fills a label's area: its colour, hatched where neighbours look alike in grey. */
function paint(pen, label) {
  const { colour, hatch, line } = labels[label], strokes = HATCHES[hatch];
  if (!strokes) return colour ?? theme("unclear");
  const tile = Object.assign(document.createElement("canvas"), { width: 6, height: 6 });
  const brush = tile.getContext("2d");
  brush.fillStyle = colour;
  brush.fillRect(0, 0, 6, 6);
  brush.strokeStyle = line;
  for (const [fromX, fromY, toX, toY] of strokes) {
    brush.beginPath();
    brush.moveTo(fromX, fromY);
    brush.lineTo(toX, toY);
    brush.stroke();
  }
  return pen.createPattern(tile, "repeat");
}

function drawStrip(pen, speaker, top) {
  const paints = labels.map((_, label) => paint(pen, label));
  pen.textAlign = "center";
  for (const { start, end, label } of runs(inView(speaker.cells))) {
    const x = toX(start), width = Math.max(1, toX(end) - x);
    pen.fillStyle = paints[label];
    pen.fillRect(x, top, width, STRIP);
    const from = Math.max(x, SIDE), to = Math.min(x + width, SIDE + across());
    if (to - from >= 7) drawLetter(pen, label, { from, to, middle: top + STRIP / 2 });
  }
  pen.strokeStyle = theme("muted");
  pen.lineWidth = 0.75;
  if ((view.end - view.start) / across() > 0.4) return;
  for (const { start, end } of inView(speaker.turns)) {
    pen.strokeRect(toX(start), top + 0.5, Math.max(1, toX(end) - toX(start)), STRIP - 1);
  }
}

/** The label's letter, smaller where there is little room, on a plain ground where it is hatched. */
function drawLetter(pen, label, { from, to, middle }) {
  const { letter, colour, hatch, ink } = labels[label], x = (from + to) / 2, font = pen.font;
  if (hatch) {
    const half = Math.min(6, (to - from) / 2);
    pen.fillStyle = colour;
    pen.fillRect(x - half, middle - 7, 2 * half, 14);
  }
  pen.fillStyle = ink ?? theme("ink");
  pen.font = `bold ${to - from < 12 ? 9 : 11}px ${getComputedStyle(document.body).fontFamily}`;
  pen.fillText(letter, x, middle);
  pen.font = font;
}

function drawCurve(pen, points, value, { top, colour, width, dash = [] }) {
  const gap = (view.end - view.start) * 12 / across();
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineWidth = width;
  pen.setLineDash(dash);
  pen.lineJoin = "round";
  pen.beginPath();
  let before = null;
  for (const point of points) {
    const number = value(point);
    if (number === null) { before = null; continue; }
    const x = toX(point.start), y = top + (1 - number) * CURVES;
    if (before && (point.connected || point.start - before.start < 3 + gap)) pen.lineTo(x, y);
    else { pen.moveTo(x, y); pen.lineTo(x + 1, y); }
    before = point;
  }
  pen.stroke();
  pen.setLineDash([]);
}

/** Dashes of the measures' curves: told apart in grey, too. */
const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
/** Standard deviations at the edges of the measures' curves; what is farther is drawn there. */
const FARTHEST = 3;

function drawScale(pen, top, levels = [[0, "0"], [0.5, "0.5"], [1, "1"]]) {
  pen.strokeStyle = theme("line");
  pen.lineWidth = 1;
  for (const [level, text] of levels) {
    const y = Math.round(top + (1 - level) * CURVES) + 0.5;
    pen.beginPath();
    pen.moveTo(SIDE, y);
    pen.lineTo(SIDE + across(), y);
    pen.stroke();
    pen.fillStyle = theme("muted");
    pen.textAlign = "left";
    pen.fillText(text, SIDE + across() + 5, y);
  }
}

function drawCurves(pen, speaker, top) {
  const first = Math.max(0, lastBefore(speaker.curve, view.start) - 1);
  const points = speaker.curve.slice(first, lastBefore(speaker.curve, view.end) + 2);
  drawCurve(pen, points, (p) => p.arousal, { top, colour: theme("arousal"), width: 2 });
  drawCurve(pen, points, (p) => p.valence, { top, colour: theme("valence"), width: 2, dash: [6, 3] });
}

const place = (deviation) => clamp(0.5 + deviation / (2 * FARTHEST), 0, 1);
const DEVIATIONS = [[place(-2), "\u22122"], [place(0), "0"], [place(2), "+2"]];

function drawMeasures(pen, speaker, top) {
  const first = Math.max(0, lastBefore(speaker.measured, view.start) - 1);
  const points = speaker.measured.slice(first, lastBefore(speaker.measured, view.end) + 2);
  data.measures.forEach((_, index) => {
    const value = ({ features }) => (score(features, index) === null ? null : place(score(features, index)));
    drawCurve(pen, points, value, {
      top, colour: theme(`measure-${index}`), width: 1.5, dash: DASHES[index],
    });
  });
}

const BAND = NAME + WAVE + GAP / 2 + STRIP + GAP + CURVES + GAP + (MEASURED ? CURVES + GAP : 0);

function draw() {
  const bands = speakers.length ? speakers
    : data.channels.map((_, channel) => ({ name: `Channel ${channel + 1}`, channel, turns: [] }));
  const band = speakers.length ? BAND : NAME + WAVE + GAP;
  const height = AXIS + Math.max(1, bands.length) * band;
  const { pen, width } = prepared(tracks, height);
  drawAxis(pen, width, height);
  bands.forEach((speaker, index) => {
    let top = AXIS + index * band;
    pen.fillStyle = theme("ink");
    pen.textAlign = "left";
    pen.font = pen.font.replace(/^(bold )?11px/, "bold 13px");
    pen.fillText(speaker.name, SIDE, top + NAME / 2, across());
    pen.font = pen.font.replace("bold 13px", "11px");
    top += NAME;
    if (data.channels[speaker.channel]) {
      drawWave(pen, data.channels[speaker.channel], speaker.turns, top);
    }
    if (!speakers.length) return;
    top += WAVE + GAP / 2;
    const measures = top + STRIP + GAP + CURVES + GAP;
    drawScale(pen, top + STRIP + GAP);
    if (MEASURED) drawScale(pen, measures, DEVIATIONS);
    pen.save();
    pen.beginPath();
    pen.rect(SIDE, top, across(), BAND);
    pen.clip();
    drawStrip(pen, speaker, top);
    drawCurves(pen, speaker, top + STRIP + GAP);
    if (MEASURED) drawMeasures(pen, speaker, measures);
    pen.restore();
  });
  drawOverviewFrame();
  drawCursor();
}

function drawOverview() {
  const row = 9, height = Math.max(1, speakers.length) * (row + 2);
  const { pen, width } = prepared(overview.querySelector("canvas"), height);
  const paints = labels.map((_, label) => paint(pen, label));
  speakers.forEach((speaker, index) => {
    const top = index * (row + 2);
    pen.fillStyle = theme("paper");
    pen.fillRect(0, top, width, row);
    for (const { start, end, window: number } of speaker.cells) {
      pen.fillStyle = paints[windows[number].label];
      pen.fillRect((start / duration) * width, top, Math.max(0.7, ((end - start) / duration) * width), row);
    }
  });
}

function drawOverviewFrame() {
  const width = overview.clientWidth;
  byId("view").style.left = `${(view.start / duration) * width}px`;
  byId("view").style.width = `${((view.end - view.start) / duration) * width}px`;
}

function drawCursor() {
  byId("cursor").style.transform = `translateX(${toX(position) - 1}px)`;
  byId("clock").textContent = clock(position, 1);
  stage.setAttribute("aria-valuenow", position.toFixed(1));
  stage.setAttribute("aria-valuetext", spoken(position));
}

function spoken(time) {
  const heard = speakers.flatMap((speaker) => {
    const cell = at(speaker.cells, time);
    if (!cell) return [];
    return [`${speaker.name}: ${judgement(windows[cell.window])}`];
  });
  return [clock(time, 1), ...heard].join("; ");
}
