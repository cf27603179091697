// "Verify here": leaf to root (RFC 9162 section 2.1.3.2), and the signature of the checkpoint, in the browser's own cryptography.
import { localise } from "./console.js";

const text = new TextEncoder();
const bytes = (b64) => Uint8Array.from(atob(b64), (c) => c.charCodeAt(0));
const hex = (data) => [...data].map((b) => b.toString(16).padStart(2, "0")).join("");
const sha256 = async (...parts) => {
  const data = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) { data.set(part, at); at += part.length; }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
};
const same = (a, b) => a.length === b.length && a.every((value, i) => value === b[i]);

/** A receipt (c2sp.org/tlog-proof) in pieces; throws for anything else. */
export function readReceipt(receipt) {
  const gap = receipt.indexOf("\n\n");
  const lines = receipt.slice(0, gap).split("\n");
  if (gap < 0 || lines.shift() !== "c2sp.org/tlog-proof@v1") throw new Error("no receipt");
  if (lines[0]?.startsWith("extra ")) lines.shift();
  const index = /^index (0|[1-9][0-9]*)$/.exec(lines.shift() ?? "");
  if (!index) throw new Error("no index");
  const note = receipt.slice(gap + 2);
  const end = note.indexOf("\n\n");
  const [origin, size, root] = note.slice(0, end).split("\n");
  return { index: BigInt(index[1]), hashes: lines.map(bytes), signed: note.slice(0, end + 1), origin, size: BigInt(size), root: bytes(root), signatures: note.slice(end + 2) };
}

/** The root to which a leaf's hash leads at that index of a tree of that size. */
export async function rootOf(index, size, hash, hashes) {
  if (index >= size) throw new Error("index beyond size");
  let fn = index, sn = size - 1n, r = hash;
  const left = Uint8Array.of(1);
  for (const p of hashes) {
    if (sn === 0n) throw new Error("too many hashes");
    if (fn & 1n || fn === sn) {
      r = await sha256(left, p, r);
      while (!(fn & 1n) && fn !== 0n) { fn >>= 1n; sn >>= 1n; }
    } else {
      r = await sha256(left, r, p);
    }
    fn >>= 1n; sn >>= 1n;
  }
  if (sn !== 0n) throw new Error("too few hashes");
  return r;
}

/** Whether a checkpoint bears a signature by one of the keys (vkeys of Ed25519, type 1); null where the browser cannot say. */
export async function signedBy(found, vkeys) {
  for (const vkey of vkeys) {
    const [name, id, rest] = vkey.split("+", 3).length === 3 ? [vkey.split("+")[0], vkey.split("+")[1], vkey.split("+").slice(2).join("+")] : [];
    const key = rest ? bytes(rest) : new Uint8Array();
    if (key[0] !== 1) continue;
    for (const line of found.signatures.split("\n")) {
      const [dash, signer, blob] = line.split(" ");
      if (dash !== "\u2014" || signer !== name || !blob) continue;
      const raw = bytes(blob);
      if (hex(raw.slice(0, 4)) !== id) continue;
      try {
        const imported = await crypto.subtle.importKey("raw", key.slice(1), { name: "Ed25519" }, false, ["verify"]);
        return await crypto.subtle.verify({ name: "Ed25519" }, imported, raw.slice(4), text.encode(found.signed)) ? vkey : false;
      } catch (error) {
        if (error.name === "NotSupportedError") return null;
        throw error;
      }
    }
  }
  return false;
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
    if (!answer.ok) throw new Error(`receipt: ${answer.status}`);
    const found = readReceipt(await answer.text());
    if (found.index !== BigInt(record.dataset.index)) throw new Error("the receipt is for another record");
    const leaf = await sha256(Uint8Array.of(0), bytes(record.dataset.leaf));
    say(told.dataset.leafOk, hex(leaf));
    const root = await rootOf(found.index, found.size, leaf, found.hashes);
    if (!same(root, found.root)) throw new Error("the hashes do not lead to the checkpoint's root");
    say(told.dataset.rootOk, `${found.hashes.length} → ${hex(root)}`);
    const signer = await signedBy(found, told.dataset.keys.split(" ").filter(Boolean));
    if (signer === false) throw new Error("no signature of the log's key holds on the checkpoint");
    if (signer === null) say(told.dataset.unsigned); else say(told.dataset.signed, signer);
    say(told.dataset.proved);
    say(told.dataset.beyond);
    told.classList.add("proved");
  } catch (error) {
    say(told.dataset.wrong, String(error.message ?? error));
    told.classList.add("wrong");
  }
  localise(told);
}

for (const button of document.querySelectorAll("button[data-check]")) {
  button.hidden = !globalThis.crypto?.subtle;
  const record = button.closest("[data-leaf]");
  button.addEventListener("click", () => check(record, record.querySelector(".checked")));
}
