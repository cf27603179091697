/* Checks of a transparency log's word in a browser, with WebCrypto and nothing else.

   Used by the evidence report and by the console.  Formats: c2sp.org/signed-note, tlog-checkpoint and tlog-proof; RFC 6962
   section 2.1 for hashes and proofs; RFC 9901 section 4.2 for disclosures.  Every function that checks throws an Error whose
   message says what does not hold, in words for a person; none of them touches the page or the network.

   ML-DSA-44 signatures are passed over: browsers cannot check them.  Ed25519 signatures of known keys must hold. */
"use strict";

const caveatProof = (() => {
  const utf8 = new TextEncoder();

  const filled = (form, words = {}) => form.replace(/\{([a-z]+)\}/g, (place, name) => words[name] ?? place);

  /* An error keeps its sentence with its places open, so that `told` can say it in the words of a book. */
  const fail = (form, words) => {
    throw Object.assign(new Error(filled(form, words)), { form, words });
  };
  const told = (error, book = {}) => (error.form ? filled(book[error.form] ?? error.form, error.words) : `${error.message || error}`);

  const bytes = (text) => {
    let raw;
    try {
      raw = atob(text);
    } catch {
      fail("something is not base64");
    }
    if (btoa(raw) !== text) fail("base64 is not in its canonical form");
    return Uint8Array.from(raw, (c) => c.charCodeAt(0));
  };

  const base64 = (data) => btoa(String.fromCharCode(...data));
  const base64url = (data) => base64(data).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  const hex = (data) => Array.from(data, (b) => b.toString(16).padStart(2, "0")).join("");

  const join = (...pieces) => {
    const whole = new Uint8Array(pieces.reduce((n, piece) => n + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  };

  const sha256 = async (...pieces) => new Uint8Array(await crypto.subtle.digest("SHA-256", join(...pieces)));
  const leafHash = (leaf) => sha256(Uint8Array.of(0), leaf);
  const nodeHash = (left, right) => sha256(Uint8Array.of(1), left, right);
  const same = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

  /* A verifier key `name+hhhhhhhh+base64(type, key)`; its id is four bytes of SHA-256(name LF type key). */
  const readKey = async (text) => {
    const first = text.indexOf("+");
    const second = text.indexOf("+", first + 1);
    if (first < 1 || second < 0) fail("a key is not of the form name+id+base64");
    const name = text.slice(0, first);
    const data = bytes(text.slice(second + 1).trim());
    const id = (await sha256(utf8.encode(name + "\n"), data)).slice(0, 4);
    if (hex(id) !== text.slice(first + 1, second)) fail("the key of {name} has another id than it says", { name });
    return { name, id: hex(id), type: data[0], key: data.slice(1) };
  };

  const parseNote = (note) => {
    const cut = note.lastIndexOf("\n\n");
    if (cut < 0 || !note.endsWith("\n")) fail("a signed note has no signatures");
    const signatures = note
      .slice(cut + 2, -1)
      .split("\n")
      .map((line) => {
        const [dash, name, blob, ...more] = line.split(" ");
        if (dash !== "\u2014" || !name || !blob || more.length) fail("a signature line is malformed");
        const data = bytes(blob);
        return { name, id: hex(data.slice(0, 4)), blob: data.slice(4) };
      });
    return { text: note.slice(0, cut + 1), signatures };
  };

  /* The note's text once each signature by an Ed25519 key of these holds, and there is one; `by` names the keys. */
  const openNote = async (note, keyTexts) => {
    const { text, signatures } = parseNote(note);
    const keys = await Promise.all(keyTexts.map(readKey));
    const by = [];
    for (const signature of signatures) {
      const key = keys.find((k) => k.name === signature.name && k.id === signature.id);
      if (!key || (key.type !== 1 && key.type !== 4)) continue;
      let message = utf8.encode(text);
      let raw = signature.blob;
      if (key.type === 4) {
        const at = new DataView(raw.buffer, raw.byteOffset).getBigUint64(0);
        message = join(utf8.encode(`cosignature/v1\ntime ${at}\n`), message);
        raw = raw.slice(8);
      }
      const public_ = await crypto.subtle.importKey("raw", key.key, { name: "Ed25519" }, false, ["verify"]);
      if (!(await crypto.subtle.verify({ name: "Ed25519" }, public_, raw, message)))
        fail("the signature by {key} does not hold", { key: `${key.name}+${key.id}` });
      by.push(`${key.name}+${key.id}`);
    }
    if (!by.length) fail("no signature is by a key that is known here");
    return { text, by };
  };

  const readHead = (text) => {
    const [origin, size, root, ...more] = text.split("\n");
    if (!/^(0|[1-9][0-9]{0,15})$/.test(size || "") || !more.length || more.at(-1) !== "") fail("a checkpoint is malformed");
    const hash = bytes(root);
    if (hash.length !== 32 || !Number.isSafeInteger(Number(size))) fail("a checkpoint is malformed");
    return { origin, size: Number(size), root: hash };
  };

  const openCheckpoint = async (note, keyTexts) => {
    const { text, by } = await openNote(note, keyTexts);
    return { ...readHead(text), by };
  };

  const half = (n) => Math.floor(n / 2);

  /* Returns if the proof, lowest sibling first, leads from the leaf's hash at `index` to the root of a tree of `size`. */
  const checkInclusion = async (index, size, hash, root, proof) => {
    if (!(Number.isSafeInteger(index) && index >= 0 && index < size)) fail("an index lies outside the tree");
    let [at, last, digest] = [index, size - 1, hash];
    for (const sibling of proof) {
      if (sibling.length !== 32) fail("a hash in a proof has the wrong length");
      if (last === 0) fail("a proof is too long");
      if (at % 2 || at === last) {
        digest = await nodeHash(sibling, digest);
        while (at % 2 === 0 && at) [at, last] = [half(at), half(last)];
      } else {
        digest = await nodeHash(digest, sibling);
      }
      [at, last] = [half(at), half(last)];
    }
    if (last !== 0) fail("a proof is too short");
    if (!same(digest, root)) fail("a proof leads to another root");
  };

  /* Returns if a tree of `size` begins with all of a tree of `old`, 0 < old <= size. */
  const checkConsistency = async (old, size, oldRoot, root, proof) => {
    if (!(old > 0 && old <= size)) fail("an earlier checkpoint is larger than this one, or empty");
    if (old === size) return same(oldRoot, root) && !proof.length ? undefined : fail("two checkpoints of one size differ");
    let [first, last] = [old - 1, size - 1];
    while (first % 2) [first, last] = [half(first), half(last)];
    const rest = [...proof];
    let inner = first ? rest.shift() : oldRoot;
    if (!inner) fail("a proof is too short");
    let outer = inner;
    for (const sibling of rest) {
      if (last === 0) fail("a proof is too long");
      if (first % 2 || first === last) {
        inner = await nodeHash(sibling, inner);
        outer = await nodeHash(sibling, outer);
        while (first % 2 === 0 && first) [first, last] = [half(first), half(last)];
      } else {
        outer = await nodeHash(outer, sibling);
      }
      [first, last] = [half(first), half(last)];
    }
    if (last !== 0) fail("a proof is too short");
    if (!same(inner, oldRoot) || !same(outer, root)) fail("the earlier checkpoint is no beginning of this log");
  };

  /* A receipt (c2sp.org/tlog-proof) in pieces, nothing of it checked: the index, the hashes of the proof, the checkpoint. */
  const readReceipt = (receipt) => {
    const cut = receipt.indexOf("\n\n");
    const lines = receipt.slice(0, cut).split("\n");
    if (cut < 0 || lines.shift() !== "c2sp.org/tlog-proof@v1") fail("this is no receipt");
    if (lines[0]?.startsWith("extra ")) lines.shift();
    const index = /^index (0|[1-9][0-9]{0,15})$/.exec(lines.shift() || "");
    if (!index) fail("the receipt names no index");
    return { index: Number(index[1]), proof: lines.map(bytes), checkpoint: receipt.slice(cut + 2) };
  };

  /* A receipt for a leaf: the checkpoint that holds it, once signature and proof were checked. */
  const checkReceipt = async (receipt, leaf, keyTexts) => {
    const { index, proof, checkpoint } = readReceipt(receipt);
    const head = await openCheckpoint(checkpoint, keyTexts);
    await checkInclusion(index, head.size, await leafHash(leaf), head.root, proof);
    return { ...head, index };
  };

  /* [name, value] of a disclosure, once it is found to be what the record committed to. */
  const checkDisclosure = async (leaf, disclosure) => {
    const text = disclosure.replaceAll("-", "+").replaceAll("_", "/");
    const raw = bytes(text + "=".repeat((4 - (text.length % 4)) % 4));
    const [, name, value] = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(raw));
    if (leaf.c?.[name] !== base64url(await sha256(utf8.encode(disclosure))))
      fail("what is disclosed as {name} is not what the record committed to", { name });
    return [name, value];
  };

  const digestName = async (data) => "sha256:" + hex(await sha256(data));

  /* What a checkpoint says, its signatures not looked at: for a browser that has no Ed25519, which must say so. */
  const unsignedHead = (note) => readHead(parseNote(note).text);

  return {
    bytes, checkConsistency, checkDisclosure, checkInclusion, checkReceipt, digestName, fail, filled, hex, leafHash, openCheckpoint, openNote,
    readKey, readReceipt, told, unsignedHead, utf8: (text) => utf8.encode(text),
  };
})();
