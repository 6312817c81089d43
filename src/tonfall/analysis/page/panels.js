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

function described(window_) {
  const pairs = [["Confidence", percent(window_.confidence)]];
  if (window_.arousal !== null) pairs.push(["Arousal", fixed(window_.arousal)]);
  if (window_.valence !== null) pairs.push(["Valence", fixed(window_.valence)]);
  if (window_.dominance !== null) pairs.push(["Dominance", fixed(window_.dominance)]);
  pairs.push(["Speech in window", percent(window_.speech)]);
  pairs.push(["Signal to noise", window_.snr === null ? "unknown" : `${Math.round(window_.snr)} dB`]);
  if (data.baseline) pairs.push(["Baseline had heard", `${Math.round(window_.heard)} s`]);
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
  byId("legend").append(...items.map((children) => element("li", { children })));
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
  document.body.classList.toggle("no-speech", !speakers.length);
}

function buildTurn(turn) {
  const jump = element("button", { type: "button", text: clock(turn.start, 1) });
  jump.setAttribute("aria-label", `Jump to ${clock(turn.start, 1)}`);
  const cells = [
    jump, speakers[turn.speaker].name, sounding(turn),
    turn.label === UNCLEAR ? labels[turn.guess].name : "",
    turn.confidence === null ? "–" : percent(turn.confidence), `${(turn.end - turn.start).toFixed(1)} s`,
    fixed(turn.arousal), fixed(turn.valence), fixed(turn.dominance),
  ];
  const row = element("tr", { children: cells.map((each) => element("td", { children: [each] })) });
  row.addEventListener("click", () => seek(turn.start));
  return row;
}
