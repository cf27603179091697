// What every page needs: times in the viewer's zone (UTC stays on hover), the way back after a change of taste.
const zone = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" });

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
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    button.textContent = button.dataset.done;
  });
}
for (const form of document.querySelectorAll("form[data-sure]")) {
  form.addEventListener("submit", (event) => {
    if (!window.confirm(form.dataset.sure)) event.preventDefault();
  });
}
