// What stands beside the drawing: cards, legend, table.

function facts(pairs) {
  const rows = pairs.flatMap(([name, value]) => [
    element("dt", { text: name }), element("dd", { text: value }),
  ]);
  return element("dl", { children: rows });
}

function bars(probabilities) {
  const rows = probabilities.flatMap((value, label) => [
    element("span", { text: labels[label].name }),
    element("span", { className: "track", children: [element("span", {
      className: "fill", style: { width: `${100 * value}%`, background: fill(label) },
    })] }),
    element("span", { className: "value", text: percent(value) }),
  ]);
  return element("div", { className: "bars", children: rows });
}

/** How each measure is written, in the order of data.measures. */
const UNITS = [
  (value) => value.toFixed(2), (value) => `${Math.round(value)}\u00a0Hz`,
  (value) => `${value.toFixed(1)}\u00a0a\u00a0second`, (value) => `${Math.round(value)}\u00a0dB`,
];
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const signed = (value) => `${value < 0 ? "\u2212" : "+"}${Math.abs(value).toFixed(1)}`;
const score = (features, measure) => features[measure + data.measures.length];

function measure(features, index) {
  if (!features || features[index] === null) return "–";
  const value = UNITS[index](features[index]), deviation = score(features, index);
  return deviation === null ? value : `${value} (${signed(deviation)}\u00a0sd)`;
}

/** What stands out by a standard deviation or more, in words. */
function unusual(features) {
  return data.measures.flatMap(({ more, less }, index) => {
    const deviation = score(features, index);
    return deviation === null || Math.abs(deviation) < 1 ? [] : [deviation > 0 ? more : less];
  }).join(", ") || "nothing";
}

function measurements(features) {
  if (!features) return [];
  const pairs = data.measures.map(({ name }, index) => [capital(name), measure(features, index)]);
  return [...pairs, ["Stands out", unusual(features)]];
}

function described(window_) {
  const pairs = [["Confidence", percent(window_.confidence)]];
  if (window_.arousal !== null) pairs.push(["Arousal", fixed(window_.arousal)]);
  if (window_.valence !== null) pairs.push(["Valence", fixed(window_.valence)]);
  if (window_.dominance !== null) pairs.push(["Dominance", fixed(window_.dominance)]);
  pairs.push(["Speech in window", percent(window_.speech)]);
  pairs.push(["Signal to noise", window_.snr === null ? "unknown" : `${Math.round(window_.snr)} dB`]);
  if (data.baseline) pairs.push(["Baseline had heard", `${Math.round(window_.heard)} s`]);
  pairs.push(...measurements(window_.features));
  if (window_.label === UNCLEAR) pairs.unshift(["Guess", labels[window_.guess].name]);
  return [sounding(window_), bars(window_.probabilities), facts(pairs)];
}

function moment(speaker, time) {
  const cell = at(speaker.cells, time);
  if (cell) return described(windows[cell.window]);
  const speaks = at(speaker.turns, time);
  return [element("p", { className: "muted", text: speaks ? "Speaks, not judged." : "Silent." })];
}

function buildLegend() {
  const seen = new Set(windows.map((each) => each.label));
  const items = labels.flatMap((label, index) => (seen.has(index) ? [[swatch(index), label.name]] : []));
  const stroke = (name, colour, kind = "") => [
    element("span", { className: `stroke ${kind}`, style: { color: `var(--${colour})` } }), name,
  ];
  if (windows.some((each) => each.arousal !== null)) items.push(stroke("arousal", "arousal"));
  if (windows.some((each) => each.valence !== null)) items.push(stroke("valence", "valence", "dashed"));
  data.measures.forEach(({ name }, index) => items.push([line(index), name]));
  if (MEASURED) items.push(["lowest curves: standard deviations (sd) from what is usual for the speaker here"]);
  byId("legend").append(...items.map((children) => element("li", { children })));
}

/** A stretch of a measure's curve. */
function line(index) {
  const drawing = document.createRange().createContextualFragment(
    `<svg width="28" height="4" aria-hidden="true"><line x2="28" y1="2" y2="2" stroke="currentColor"
      stroke-width="2" stroke-dasharray="${DASHES[index].join(" ")}"/></svg>`,
  ).firstChild;
  drawing.style.color = `var(--measure-${index})`;
  return drawing;
}

function buildShares(speaker) {
  const parts = speaker.shares.flatMap((share, label) => (share > 0 ? [element("span", {
    text: share > 0.06 ? labels[label].letter : "",
    title: `${labels[label].name} ${percent(share)}`,
    style: { width: `${100 * share}%`, background: fill(label), color: ink(label) },
  })] : []));
  const bar = element("div", { className: "shares", children: parts });
  bar.setAttribute("aria-hidden", "true"); // What follows says the same in words.
  return bar;
}

/** Each label and its part of the time, the longest first. */
function shares(speaker) {
  return [...speaker.shares.entries()].filter(([, share]) => share >= 0.005).sort((a, b) => b[1] - a[1])
    .map(([label, share]) => `${labels[label].name} ${percent(share)}`).join(", ");
}

function buildSpeakers() {
  for (const speaker of speakers) {
    const title = () => element("h3", { text: speaker.name });
    byId("now").append(element("div", { className: "card", children: [title()] }));
    const pairs = [
      ["Speech", `${clock(speaker.speech)} (${percent(speaker.share)} of talk), ${speaker.count} turns`],
    ];
    pairs.push(["Sounds", speaker.label === null ? "not judged" : shares(speaker)]);
    if (speaker.label !== null) pairs.push(["Tone", speaker.trend]);
    if (speaker.arousal !== null) pairs.push(["Mean arousal", fixed(speaker.arousal)]);
    if (speaker.valence !== null) pairs.push(["Mean valence", fixed(speaker.valence)]);
    if (speaker.dominance !== null) pairs.push(["Mean dominance", fixed(speaker.dominance)]);
    byId("speakers").append(element("div", {
      className: "card", children: [title(), buildShares(speaker), facts(pairs)],
    }));
  }
  byId("now").style.setProperty("--bars", UNCLEAR);
  byId("now").style.setProperty("--measures", MEASURED ? data.measures.length + 1 : 0);
  document.body.classList.toggle("no-speech", !speakers.length);
}

function buildHead() {
  const names = data.measures.map(({ name }) => capital(name));
  byId("head").append(...names.map((text) => element("th", { scope: "col", text })));
}

function buildTurn(turn) {
  const jump = element("button", { type: "button", text: clock(turn.start, 1) });
  jump.setAttribute("aria-label", `Jump to ${clock(turn.start, 1)}`);
  const cells = [
    jump, speakers[turn.speaker].name, sounding(turn),
    turn.label === UNCLEAR ? labels[turn.guess].name : "",
    turn.confidence === null ? "–" : percent(turn.confidence), `${(turn.end - turn.start).toFixed(1)} s`,
    fixed(turn.arousal), fixed(turn.valence), fixed(turn.dominance),
    ...data.measures.map((_, index) => measure(turn.features, index)),
  ];
  const row = element("tr", { children: cells.map((each) => element("td", { children: [each] })) });
  row.addEventListener("click", () => seek(turn.start));
  return row;
}
