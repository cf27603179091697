"""An approver signs with a passkey, in a real browser with an authenticator of its own."""

from tests.console.browser import visitor
from tests.console.people import named
from tests.console.visiting import send, visiting
from webauthn.helpers import parse_attestation_object

from caveat.canon import unb64url
from caveat.console.login import login_path
from caveat.gateway.desk.ports import sessions_of
from caveat.gateway.exceptions.acts import trust_approver
from caveat.gateway.house.founding import SAMPLES, party_key
from caveat.waivers.approvers import Approver, name_approver
from caveat.waivers.passkeys import Passkey
from caveat.waivers.refusal import open_refusal
from caveat.waivers.signed import approve

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
CREATE = """async () => {
  const text = (data) => btoa(String.fromCharCode(...new Uint8Array(data))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const made = await navigator.credentials.create({ publicKey: {
    challenge: new Uint8Array(32), rp: { name: "Caveat", id: "localhost" }, user: { id: new Uint8Array(8), name: "dora", displayName: "Dora" },
    pubKeyCredParams: [{ type: "public-key", alg: -7 }], authenticatorSelection: { userVerification: "required" } } });
  return { id: text(made.rawId), object: text(made.response.attestationObject) };
}"""


def test_two_persons_sign_one_with_a_passkey_which_refuses_another(chromium, gateway, pictures):
    anna = named(gateway, "anna")
    with visiting(gateway, "operator", "carl") as client:
        (terms,) = gateway.house.view.register.terms.values()
        fields = {"terms": terms.digest, "reason": "Audit", "until": "2027-01-01", "uses": "1"}
        waiver = send(client, "/console/lifts/ask", **fields, **{"clause:injection.refused": "1"}).headers["location"]
        signed = approve(client.get(f"{waiver}/file").content, anna).decode()
        assert send(client, f"{waiver}/sign", file=signed).status_code == 303
    here = gateway.url.replace("127.0.0.1", "localhost")
    with visitor(chromium, gateway, "", base_url=here) as page:
        devices = page.context.new_cdp_session(page)
        devices.send("WebAuthn.enable")
        devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        page.goto(login_path(sessions_of(gateway.home, gateway.house).link("dora", "approver")))
        page.locator("main button").click()
        page.wait_for_url("**/console/now")
        made = page.evaluate(CREATE)
        data = parse_attestation_object(unb64url(made["object"])).auth_data.attested_credential_data
        assert data is not None
        passkey = Passkey("dora", "localhost", unb64url(made["id"]), data.credential_public_key)
        document = name_approver(
            Approver(1, "dora", "Dora Example", passkey.text, "operator"), party_key(gateway.home, SAMPLES["operator"])
        )
        gateway.run(trust_approver(gateway.house, document))
        page.goto(waiver)
        page.get_by_role("button", name="Approve with your passkey").click()
        page.wait_for_url("**/console/lifts?done=1")
        with visiting(gateway, "operator", "carl") as client:
            other = send(client, "/console/lifts/ask", **fields, **{"clause:injection.refused": "1"}).headers[
                "location"
            ]
        page.goto(other)
        page.get_by_role("button", name="Refuse with your passkey").click()
        page.wait_for_url("**/console/lifts")
    leaf = [one.leaf for one in gateway.records() if one.leaf.what == "waiver.refused"][-1]
    assert leaf.id == other.rpartition("/")[2]
    assert open_refusal(gateway.house.document(leaf.doc), gateway.house.view.register.approvers)[1] == ("dora",)
    granted = gateway.house.view.register.waivers[waiver.rpartition("/")[2]]
    assert granted.approvers == ("anna", "dora")
