// The sound, the position in it, and the part of the recording that is in view.

let shown = [];
let current = null;

/** The cards of the cursor show once it was moved: before, they would be empty. */
function uncover() {
  byId("at-the-cursor").hidden = false;
}

/** Bring cards and table up to the position; they change only where a new cell begins. */
function follow() {
  drawCursor();
  speakers.forEach((speaker, index) => {
    const key = at(speaker.cells, position) || at(speaker.turns, position);
    if (key === shown[index] && shown.length > index) return;
    shown[index] = key;
    const [title] = byId("now").children[index].children;
    byId("now").children[index].replaceChildren(title, ...moment(speaker, position));
  });
  const row = turnRows[lastBefore(turns, position)] || null;
  if (row === current) return;
  if (current) current.removeAttribute("aria-current");
  if (row) row.setAttribute("aria-current", "true");
  current = row;
}

function look(start, span) {
  const length = clamp(span, Math.min(2, duration), duration);
  view.start = clamp(start, 0, duration - length);
  view.end = view.start + length;
  byId("zoom-all").disabled = byId("zoom-out").disabled = length >= duration;
  overview.hidden = length >= duration;
  draw();
}

function zoom(factor, around = position) {
  const span = view.end - view.start;
  look(around - ((around - view.start) / span) * span * factor, span * factor);
}

function seek(time) {
  position = clamp(time, 0, duration);
  uncover();
  if (sound.src) sound.currentTime = position;
  const span = view.end - view.start;
  if (position < view.start || position > view.end) look(position - span / 4, span);
  follow();
}

function step() {
  position = Math.min(sound.currentTime, duration);
  const span = view.end - view.start;
  if (position > view.end) look(position - span * 0.05, span);
  follow();
  if (!sound.paused) requestAnimationFrame(step);
}

function toggle() {
  if (byId("play").disabled) return;
  if (!sound.paused) { sound.pause(); return; }
  sound.play().catch(complain);
}

function seekTurn(direction) {
  const index = lastBefore(turns, direction > 0 ? position + 0.01 : position - 0.5);
  const turn = turns[direction > 0 ? index + 1 : index];
  if (turn) seek(turn.start);
}

function complain() {
  const trouble = byId("trouble");
  trouble.textContent = data.audio && data.audio.href
    ? `The recording could not be played. It is looked for beside this page, as ${data.audio.name}.`
    : "This browser cannot play the sound in this page. A current Firefox, Chrome, Edge or Safari can.";
  trouble.hidden = false;
}

function loadSound() {
  const play = byId("play");
  if (!data.audio) { play.disabled = true; return; }
  sound.addEventListener("error", () => { complain(); play.disabled = true; });
  sound.addEventListener("play", () => {
    uncover();
    play.classList.add("playing");
    play.setAttribute("aria-label", "Pause");
    requestAnimationFrame(step);
  });
  sound.addEventListener("pause", () => {
    play.classList.remove("playing");
    play.setAttribute("aria-label", "Play");
  });
  if (data.audio.href) { sound.src = data.audio.href; return; }
  // A blob can be sought in everywhere; a data: address cannot.
  const recording = byId("recording");
  const blob = new Blob([decoded(recording.textContent)], { type: data.audio.mime });
  recording.remove();
  sound.src = URL.createObjectURL(blob);
}
