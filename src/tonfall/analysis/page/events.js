// Mouse, touch and keys; and the start.

function hover(event) {
  const box = stage.getBoundingClientRect(), x = event.clientX - box.left;
  const index = Math.floor((event.clientY - box.top - AXIS) / BAND), speaker = speakers[index];
  byId("pointer").hidden = false;
  byId("pointer").style.transform = `translateX(${x}px)`;
  const time = toTime(x);
  card.hidden = !speaker || !(at(speaker.cells, time) || at(speaker.turns, time));
  if (card.hidden) return;
  card.replaceChildren(
    element("strong", { text: `${speaker.name} · ${clock(time, 1)}` }), element("br"), ...moment(speaker, time),
  );
  const left = event.clientX + 16 + card.offsetWidth > window.innerWidth
    ? event.clientX - 16 - card.offsetWidth : event.clientX + 16;
  const top = Math.min(event.clientY + 12, window.innerHeight - card.offsetHeight - 8);
  card.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
}

function leave() {
  card.hidden = byId("pointer").hidden = true;
}

const KEYS = {
  " ": toggle,
  ArrowLeft: (event) => seek(position - (event.shiftKey ? 1 : 5)),
  ArrowRight: (event) => seek(position + (event.shiftKey ? 1 : 5)),
  "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2),
};
const STAGE_KEYS = {
  PageUp: () => seekTurn(1), PageDown: () => seekTurn(-1),
  Home: () => seek(0), End: () => seek(duration),
  ArrowUp: () => seek(position + 1), ArrowDown: () => seek(position - 1),
};

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.closest("select, button, .scroll");
  const action = (event.target === stage && STAGE_KEYS[event.key]) || (!typing && KEYS[event.key]);
  if (!action) return;
  event.preventDefault();
  action(event);
}

function wheel(event) {
  if (event.ctrlKey || event.metaKey) {
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, toTime(event.clientX - stage.getBoundingClientRect().left));
  } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY) && view.end - view.start < duration) {
    event.preventDefault();
    look(view.start + (event.deltaX / across()) * (view.end - view.start), view.end - view.start);
  }
}

function slide(event) {
  if (event.type === "pointermove" && !event.buttons) return;
  const box = overview.getBoundingClientRect();
  const span = view.end - view.start, time = ((event.clientX - box.left) / box.width) * duration;
  look(time - span / 2, span);
  if (event.type === "pointerdown") { overview.setPointerCapture(event.pointerId); seek(clamp(time, 0, duration)); }
}

function redraw() {
  drawOverview();
  draw();
}

unpack();
const turnRows = turns.map(buildTurn);
byId("turns").append(...turnRows);
byId("length").textContent = `/ ${clock(duration, 1)}`;
stage.setAttribute("aria-valuemax", duration.toFixed(1));
buildHead();
buildLegend();
buildSpeakers();
loadSound();
// Less than four dots a second cannot show single windows: begin nearer, the overview has all.
look(0, across() / duration < 4 ? across() / 8 : duration);
redraw();
follow();
byId("play").addEventListener("click", toggle);
byId("speed").addEventListener("change", (event) => { sound.playbackRate = Number(event.target.value); });
byId("zoom-in").addEventListener("click", () => zoom(0.5));
byId("zoom-out").addEventListener("click", () => zoom(2));
byId("zoom-all").addEventListener("click", () => look(0, duration));
stage.addEventListener("click", (event) => seek(toTime(event.clientX - stage.getBoundingClientRect().left)));
stage.addEventListener("pointermove", hover);
stage.addEventListener("pointerleave", leave);
stage.addEventListener("wheel", wheel, { passive: false });
overview.addEventListener("pointerdown", slide);
overview.addEventListener("pointermove", slide);
document.addEventListener("keydown", key);
window.addEventListener("resize", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
