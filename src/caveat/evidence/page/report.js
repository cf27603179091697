/* The report checks itself: what it holds of the bundle is hashed and verified again, here, before the reader.  The element
   `#evidence` holds it as JSON; results go into `#again` as text, never as markup. */
"use strict";

const again = document.getElementById("again");
const evidence = () => JSON.parse(document.getElementById("evidence").textContent);
let book = {};
try {
  book = evidence().words ?? {};
} catch {
  // `check` says what is wrong with it
}
const _ = (form, words) => caveatProof.filled(book[form] ?? form, words);
const { fail } = caveatProof;

const tell = (ok, title, says) => {
  const row = document.createElement("li");
  row.className = ok ? "yes" : "no";
  const head = document.createElement("b");
  head.textContent = title;
  const text = document.createElement("span");
  text.textContent = says;
  row.append(head, text);
  again.append(row);
};

const step = async (title, work) => {
  try {
    tell(true, title, await work());
    return true;
  } catch (error) {
    tell(false, title, caveatProof.told(error, book));
    return false;
  }
};

const checkSigned = async (held) => {
  const statement = ["caveat-bundle/v1", held.head.origin, await caveatProof.digestName(caveatProof.utf8(held.manifest)), ""];
  const { text, by } = await caveatProof.openNote(held.note, held.keys);
  if (text !== statement.join("\n")) fail("the log signed another manifest than the one in this page");
  if ((await caveatProof.digestName(caveatProof.utf8(held.checkpoint))) !== held.signed.checkpoint)
    fail("the manifest names another checkpoint than the one in this page");
  return _("The manifest's digest is signed by {names}, and it names this checkpoint.", { names: by.join(", ") });
};

const checkRecords = async (held) => {
  let values = 0;
  for (const { index, leaf, proof, shown } of held.records) {
    const hash = await caveatProof.leafHash(caveatProof.utf8(leaf));
    await caveatProof.checkInclusion(index, held.head.size, hash, held.head.root, proof.map(caveatProof.bytes));
    for (const disclosure of shown) {
      await caveatProof.checkDisclosure(JSON.parse(leaf), disclosure);
      values += 1;
    }
  }
  return _("{records} records lead to the checkpoint's root, one proof each; {values} disclosed values match.", { records: held.records.length, values });
};

const checkEarlier = async (held) => {
  const earlier = await caveatProof.openCheckpoint(held.earlier.checkpoint, held.keys);
  const proof = held.earlier.proof.map(caveatProof.bytes);
  await caveatProof.checkConsistency(earlier.size, held.head.size, earlier.root, held.head.root, proof);
  return _("Its first {size} records are those of the earlier checkpoint.", { size: earlier.size });
};

const checkFigures = async (held) => {
  let compared = 0;
  for (const shown of document.querySelectorAll("[data-signed]")) {
    const value = shown.dataset.signed.split(".").reduce((part, name) => part?.[name], held.signed);
    if (shown.textContent.replace(/[,\u202f]/g, "") !== `${value ?? 0}`)
      fail("the page shows {shown} where the signed manifest has {value}", { shown: shown.textContent, value: value ?? 0 });
    compared += 1;
  }
  return _("{compared} figures on this page are those of the signed manifest.", { compared });
};

const check = async () => {
  again.textContent = "";
  const held = evidence();
  const given = document.getElementById("key").value.trim();
  if (given) held.keys = [given];
  const sound = [
    await step(_("The log signed the checkpoint"), async () => {
      held.head = await caveatProof.openCheckpoint(held.checkpoint, held.keys);
      return _("It stands for {size} records of {origin}; signed by {names}.", { ...held.head, names: held.head.by.join(", ") });
    }),
    await step(_("The log signed the manifest"), async () => {
      held.signed = JSON.parse(held.manifest);
      return checkSigned(held);
    }),
    await step(_("Records are in the log"), () => checkRecords(held)),
    ...(held.earlier ? [await step(_("The log only grew"), () => checkEarlier(held))] : []),
    await step(_("The figures are the signed ones"), () => checkFigures(held)),
  ].every(Boolean);
  document.documentElement.dataset.again = sound ? "yes" : "no";
};

document.getElementById("check").addEventListener("click", check);
check().catch((error) => {
  tell(false, _("The check could not run"), caveatProof.told(error, book));
  document.documentElement.dataset.again = "no";
});
