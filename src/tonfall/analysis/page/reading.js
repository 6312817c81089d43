// What the page is about, and how times, numbers and labels are written.

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const { labels, speakers, windows, turns, duration } = data;
const [stage, tracks, overview, card] = ["stage", "tracks", "overview", "card"].map(byId);
const sound = byId("sound");
const GAP = 14, AXIS = 22, NAME = 20, WAVE = 46, STRIP = 30, CURVES = 66, SIDE = 6, SCALE = 24;
const view = { start: 0, end: duration };
let position = 0;
/** True where pitch and the like were measured. */
const MEASURED = data.measures.length > 0;
/** Number of the label "unclear", which stands after the model's own. */
const UNCLEAR = labels.length - 1;

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const percent = (value) => `${Math.round(100 * value)}\u00a0%`;
const fixed = (value) => (value === null ? "–" : value.toFixed(2));
const theme = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);

/** Rounded, halves up, as the tables of the command line are. */
function clock(time, digits = 0) {
  const units = Math.floor(time * (digits ? 10 : 1) + 0.5), whole = digits ? Math.floor(units / 10) : units;
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  const seconds = String(whole % 60).padStart(2, "0");
  const rest = digits ? `.${units % 10}` : "";
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}${rest}`
    : `${minutes}:${seconds}${rest}`;
}

function element(tag, { text, children = [], style = {}, ...properties } = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  if (text !== undefined) made.textContent = text;
  Object.assign(made.style, style);
  made.append(...children);
  return made;
}

/** Index of the last of the sorted rows that starts at or before the time; -1 if there is none. */
function lastBefore(rows, time) {
  let low = 0, high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].start <= time) low = middle + 1; else high = middle;
  }
  return low - 1;
}

function at(rows, time) {
  const row = rows[lastBefore(rows, time)];
  return row && time < row.end ? row : null;
}

/** A label's colour in the page; that of "unclear" follows the theme. */
const fill = (label) => labels[label].colour ?? "var(--unclear)";
const ink = (label) => labels[label].ink ?? "var(--ink)";

function swatch(label) {
  const style = { background: fill(label), color: ink(label) };
  return element("span", { className: "swatch", text: labels[label].letter, style });
}

/** The label as it is shown everywhere: colour, letter, name. */
function sounding({ label, short }) {
  if (label === null) return element("span", { className: "unclear", text: "not judged" });
  const name = `${labels[label].name}${short ? " (short)" : ""}`;
  return element("span", {
    className: label === UNCLEAR ? "sound unclear" : "sound", children: [swatch(label), name],
  });
}

/** The same in words: "anger, 72 %", or "unclear (anger? 39 %)". */
function judgement({ label, guess, confidence }) {
  if (label === UNCLEAR) return `unclear (${labels[guess].name}? ${percent(confidence)})`;
  return `${labels[label].name}, ${percent(confidence)}`;
}

function named(row, keys) {
  return Object.fromEntries(keys.map((key, index) => [key, row[index]]));
}

function unpack() {
  const windowKeys = ["start", "end", "speaker", "label", "guess", "confidence", "probabilities",
    "arousal", "valence", "dominance", "speech", "snr", "heard", "features"];
  const turnKeys = ["start", "end", "speaker", "label", "guess", "confidence", "arousal",
    "valence", "dominance", "short", "features"];
  windows.forEach((row, index) => { windows[index] = named(row, windowKeys); });
  turns.forEach((row, index) => { turns[index] = named(row, turnKeys); });
  for (const [index, speaker] of speakers.entries()) {
    speaker.cells = speaker.cells.map((row) => named(row, ["start", "end", "window"]));
    speaker.curve = speaker.curve.map((row) => named(row, ["start", "arousal", "valence", "connected"]));
    speaker.turns = turns.filter((turn) => turn.speaker === index);
    speaker.measured = windows.filter((each) => each.speaker === index && each.features)
      .map((each) => ({ start: (each.start + each.end) / 2, features: each.features }));
  }
  for (const channel of data.channels) {
    const bytes = new Int8Array(decoded(channel.outline).buffer);
    channel.low = bytes.filter((_, index) => index % 2 === 0);
    channel.high = bytes.filter((_, index) => index % 2 === 1);
  }
}

function decoded(text) {
  const characters = atob(text), bytes = new Uint8Array(characters.length);
  for (let index = 0; index < characters.length; index += 1) bytes[index] = characters.charCodeAt(index);
  return bytes;
}
