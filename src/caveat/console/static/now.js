// Keeps the first page up to date by server-sent events, and says so when it is not.
import { localise } from "./console.js";

const STALE_MS = 15_000;
const part = document.getElementById("part");
const live = document.getElementById("live");
let heard = Date.now();
let over = false;

function say(stale, text) {
  if (live.textContent !== text) live.textContent = text;
  live.classList.toggle("stale", stale);
}

function fresh() {
  heard = Date.now();
  say(false, live.dataset.fresh);
}

function show(html) {
  const next = document.createElement("div");
  next.innerHTML = html;
  localise(next);
  for (const kept of part.querySelectorAll("details[data-keep]")) {
    const same = next.querySelector(`details[data-keep="${kept.dataset.keep}"]`);
    if (same) same.open = kept.open;
  }
  const focused = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
  const seen = new Map([...part.querySelectorAll("img")].map((img) => [img.getAttribute("src"), img]));
  for (const img of next.querySelectorAll("img")) {
    const same = seen.get(img.getAttribute("src"));
    if (same) img.replaceWith(same); // a picture that has not changed is not drawn anew: nothing blinks
  }
  part.replaceChildren(...next.childNodes);
  if (focused) part.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

const events = new EventSource(part.dataset.events);
events.addEventListener("part", (event) => { if (event.data) show(event.data); fresh(); });
events.addEventListener("beat", fresh);
events.addEventListener("over", () => { over = true; events.close(); say(true, live.dataset.over); });
setInterval(() => {
  if (over || Date.now() - heard < STALE_MS) return;
  const since = new Date(heard).toLocaleTimeString(document.documentElement.lang);
  say(true, `${live.dataset.stale} ${since}`);
}, 1000);
