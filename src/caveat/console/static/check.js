// "Verify here": a record's leaf, its receipt and the checkpoint's signature, by the script that evidence reports carry (proof.js).
import { localise } from "./console.js";

const book = JSON.parse(document.querySelector("meta[name=proof-words]").content);
const { bytes, checkInclusion, fail, hex, leafHash, openCheckpoint, readReceipt, unsignedHead } = caveatProof;

/* The keys that signed a checkpoint; null where the browser has no Ed25519.  Throws where a signature does not hold. */
async function signers(checkpoint, keys) {
  try {
    return (await openCheckpoint(checkpoint, keys)).by.join(" ");
  } catch (error) {
    if (error.name === "NotSupportedError") return null;
    throw error;
  }
}

async function check(record, told) {
  const say = (sentence, detail) => {
    const p = document.createElement("p");
    p.append(sentence);
    if (detail) { const code = document.createElement("code"); code.className = "wrap"; code.textContent = detail; p.append(" ", code); }
    told.append(p);
  };
  told.replaceChildren();
  told.className = "checked";
  say(told.dataset.works);
  try {
    const answer = await fetch(record.dataset.receipt, { credentials: "same-origin" });
    if (!answer.ok) fail("the gateway gave no receipt (status {status})", { status: answer.status });
    const found = readReceipt(await answer.text());
    if (found.index !== Number(record.dataset.index)) fail("the receipt is for another record");
    const leaf = await leafHash(bytes(record.dataset.leaf));
    say(told.dataset.leafOk, hex(leaf));
    const head = unsignedHead(found.checkpoint);
    await checkInclusion(found.index, head.size, leaf, head.root, found.proof);
    say(told.dataset.rootOk, `${found.proof.length} → ${hex(head.root)}`);
    const by = await signers(found.checkpoint, told.dataset.keys.split(" ").filter(Boolean));
    if (by === null) say(told.dataset.unsigned); else say(told.dataset.signed, by);
    say(told.dataset.proved);
    say(told.dataset.beyond);
    told.classList.add("proved");
  } catch (error) {
    say(told.dataset.wrong, caveatProof.told(error, book));
    told.classList.add("wrong");
  }
  localise(told);
}

for (const button of document.querySelectorAll("button[data-check]")) {
  button.hidden = !globalThis.crypto?.subtle;
  const record = button.closest("[data-leaf]");
  button.addEventListener("click", () => check(record, record.querySelector(".checked")));
}
