// Keeps the first page up to date by server-sent events, and says so when it is not.
import { clock, localise } from "./console.js";

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

/* Where the part that comes has the element that has the focus now: whoever goes by keyboard does not lose their place. */
function same(element) {
  const kept = element.closest("details[data-keep]");
  if (element.tagName === "SUMMARY" && kept) return `details[data-keep="${kept.dataset.keep}"] > summary`;
  for (const name of ["href", "aria-label"]) {
    if (element.hasAttribute(name)) return `${element.tagName}[${name}="${CSS.escape(element.getAttribute(name))}"]`;
  }
  return "";
}

function show(html) {
  const next = document.createElement("div");
  next.innerHTML = html;
  localise(next);
  for (const kept of part.querySelectorAll("details[data-keep]")) {
    const again = next.querySelector(`details[data-keep="${kept.dataset.keep}"]`);
    if (again) again.open = kept.open;
  }
  const focused = part.contains(document.activeElement) ? same(document.activeElement) : "";
  const seen = new Map([...part.querySelectorAll("img")].map((img) => [img.getAttribute("src"), img]));
  for (const img of next.querySelectorAll("img")) {
    const drawn = seen.get(img.getAttribute("src"));
    if (drawn) img.replaceWith(drawn); // a picture that has not changed is not drawn anew: nothing blinks
  }
  part.replaceChildren(...next.childNodes);
  if (focused) part.querySelector(focused)?.focus({ preventScroll: true });
}

const events = new EventSource(part.dataset.events);
events.addEventListener("part", (event) => { if (event.data) show(event.data); fresh(); });
events.addEventListener("beat", fresh);
events.addEventListener("over", () => { over = true; events.close(); say(true, live.dataset.over); });
setInterval(() => {
  if (over || Date.now() - heard < STALE_MS) return;
  say(true, `${live.dataset.stale} ${clock.format(new Date(heard))}`);
}, 1000);
