// Approving: a passkey signs what the gateway says is to be signed; or a signed file's text is put into its field.
import "./console.js";

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const button = form.querySelector("button");
  const told = form.querySelector("[role=status]");
  const asked = await (await fetch(form.dataset.passkey, { credentials: "same-origin" })).json();
  const host = location.hostname;
  const keys = asked.keys.filter((key) => host === key.rp || host.endsWith(`.${key.rp}`));
  if (!navigator.credentials || keys.length === 0) { told.textContent = form.dataset.none; continue; }
  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    if (form.elements.assertion.value) return;
    event.preventDefault();
    try {
      const made = await navigator.credentials.get({ publicKey: {
        challenge: bytes(asked.challenge), rpId: keys[0].rp, userVerification: "required",
        allowCredentials: keys.map((key) => ({ type: "public-key", id: bytes(key.id) })),
      } });
      form.elements.credential.value = text(made.rawId);
      form.elements.assertion.value = JSON.stringify({
        authenticatorData: text(made.response.authenticatorData),
        clientDataJSON: text(made.response.clientDataJSON),
        signature: text(made.response.signature),
      });
      form.submit();
    } catch (error) {
      told.textContent = `${form.dataset.failed} ${error.name}`;
    }
  });
}

for (const chooser of document.querySelectorAll("input[data-into]")) {
  chooser.hidden = false;
  chooser.addEventListener("change", async () => {
    const [file] = chooser.files;
    if (file) document.getElementById(chooser.dataset.into).value = await file.text();
  });
}
