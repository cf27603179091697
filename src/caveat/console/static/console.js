// What every page needs: times in the viewer's zone (UTC stays on hover), the way back after a change of taste.
const tongue = document.documentElement.lang;
const found = navigator.languages.find((one) => one === tongue || one.startsWith(`${tongue}-`)) ?? tongue;
const local = found === "en" ? "en-GB" : found; // a bare `en` would be read as American days, before or after noon
export const clock = new Intl.DateTimeFormat(local, { timeStyle: "medium", hourCycle: "h23" });
const zone = new Intl.DateTimeFormat(local, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

document.cookie = `caveat-zone=${zone.resolvedOptions().timeZone}; path=/console; max-age=31536000; samesite=strict${location.protocol === "https:" ? "; secure" : ""}`; // plots bear its hours

export function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    time.textContent = zone.format(moment);
    time.dataset.local = "";
  }
}

localise(document);
for (const form of document.querySelectorAll("form[data-here]")) {
  form.elements.next.value = location.pathname + location.search;
}
for (const button of document.querySelectorAll("button[data-copy], button[data-copy-text]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const { copy, copyText, done } = button.dataset;
    await navigator.clipboard.writeText(copyText ?? document.getElementById(copy).textContent.trim());
    if (copyText) button.setAttribute("aria-label", done);
    else button.textContent = done;
    button.classList.add("done");
  });
}
for (const link of document.querySelectorAll(".toc-bar a")) {
  link.addEventListener("click", () => { link.closest("details").open = false; });
}
for (const form of document.querySelectorAll("form[data-sure]")) {
  form.addEventListener("submit", (event) => {
    if (!window.confirm(form.dataset.sure)) event.preventDefault();
  });
}
