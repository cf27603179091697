"""The control API as one table: routes, roles and the OpenAPI description all come from it."""

from typing import Any

from msgspec import Struct

EVERYONE = ("caller", "operator", "approver", "auditor")
INSPECTORS = ("operator", "auditor")
OPERATORS = ("operator",)
DECIDERS = ("operator", "approver")
STAFF = ("operator", "approver", "auditor")


class Endpoint(Struct, frozen=True):
    """One operation.  `handler` names the method of Control; `roles` who may; `gives` the media type of its answer;
    `query` the parameters that it takes: any other is refused."""

    method: str
    path: str
    handler: str
    roles: tuple[str, ...]
    says: str
    gives: str = "application/json"
    query: tuple[str, ...] = ()


ENDPOINTS = (
    Endpoint("GET", "/metrics", "metrics", INSPECTORS, "Counters for Prometheus", "text/plain"),
    Endpoint("GET", "/v1/models", "models", EVERYONE, "The models that terms in force cover", query=("beta",)),
    Endpoint("GET", "/caveat/v1/openapi.json", "openapi", EVERYONE, "This description"),
    Endpoint(
        "GET", "/caveat/v1/checkpoint", "checkpoint", INSPECTORS, "The newest checkpoint, a signed note", "text/plain"
    ),
    Endpoint(
        "GET",
        "/caveat/v1/tile/{path:path}",
        "tile",
        INSPECTORS,
        "A tile of the log (c2sp.org/tlog-tiles)",
        "application/octet-stream",
    ),
    Endpoint(
        "GET", "/caveat/v1/calls/{call}", "call", EVERYONE, "A call's records, opened; a caller sees its own only"
    ),
    Endpoint(
        "GET", "/caveat/v1/receipts/{call}", "receipt", EVERYONE, "A call's receipt (c2sp.org/tlog-proof)", "text/plain"
    ),
    Endpoint("GET", "/caveat/v1/terms", "terms", EVERYONE, "The terms in force"),
    Endpoint(
        "POST",
        "/caveat/v1/terms",
        "adopt",
        OPERATORS,
        "Put signed terms in force; the body is the signed file, or an adoption from repositories",
    ),
    Endpoint(
        "POST",
        "/caveat/v1/parties",
        "trust_root",
        OPERATORS,
        "Let a party's repository count; the body is its root, or a move to it",
    ),
    Endpoint("POST", "/caveat/v1/talks", "note_step", OPERATORS, "Put a party's step in talks on record"),
    Endpoint(
        "DELETE",
        "/caveat/v1/terms/{name}",
        "end_terms",
        OPERATORS,
        "End terms: calls under them are refused from here on",
    ),
    Endpoint(
        "GET", "/caveat/v1/leases", "leases", EVERYONE, "The leases of the terms in force, and what is left of them"
    ),
    Endpoint(
        "POST",
        "/caveat/v1/terms/{name}/renewal",
        "renew",
        OPERATORS,
        "Put the vendor's renewal of a lease in force; the body is the signed note",
    ),
    Endpoint(
        "GET", "/caveat/v1/claims", "claims", STAFF, "What is said about the terms, and what each claim counts for"
    ),
    Endpoint("POST", "/caveat/v1/claims", "claim", STAFF, "Put a claim about the terms on record; it changes nothing"),
    Endpoint(
        "POST",
        "/caveat/v1/claims/{name}/review",
        "review_claim",
        STAFF,
        "Put on record what a person found of a claim; the body is the text",
    ),
    Endpoint("GET", "/caveat/v1/aliases", "aliases", STAFF, "Each alias: the terms it is served under, what stands by"),
    Endpoint(
        "POST",
        "/caveat/v1/standby/{alias:path}",
        "stand_by",
        OPERATORS,
        "Let other terms in force stand by for an alias: terms and model; none where the body is empty",
    ),
    Endpoint(
        "POST",
        "/caveat/v1/switch/{alias:path}",
        "switch",
        OPERATORS,
        "Move an alias to other terms in force, to those that stand by where the body is empty",
    ),
    Endpoint(
        "POST",
        "/caveat/v1/terms/{name}/statement",
        "state_end",
        INSPECTORS,
        "A signed statement of the end of terms: last call, counts, checkpoint; it is itself a record",
    ),
    Endpoint(
        "POST",
        "/caveat/v1/evaluate",
        "evaluate",
        OPERATORS,
        "Decide a call without making it; the look is itself a record",
    ),
    Endpoint("GET", "/caveat/v1/coverage", "coverage", EVERYONE, "The newest coverage matrix of each terms in force"),
    Endpoint("POST", "/caveat/v1/coverage", "keep_coverage", OPERATORS, "Put a coverage matrix on record"),
    Endpoint("POST", "/caveat/v1/exports", "exported", OPERATORS, "Put on record that a numbered bundle is leaving"),
    Endpoint("POST", "/caveat/v1/challenges", "challenged", OPERATORS, "Put on record a challenge that came in"),
    Endpoint("POST", "/caveat/v1/verdicts", "judged", OPERATORS, "Put on record a verdict on a bundle that came in"),
    Endpoint("POST", "/caveat/v1/answers", "answered", OPERATORS, "Put on record that an answer is leaving"),
    Endpoint("GET", "/caveat/v1/keys", "keys", OPERATORS, "Keys by name and role, never their text"),
    Endpoint("POST", "/caveat/v1/keys", "new_key", OPERATORS, "Make a key live; the body holds the digest of its text"),
    Endpoint("DELETE", "/caveat/v1/keys/{name}", "revoke_key", OPERATORS, "Revoke a key"),
    Endpoint(
        "PUT", "/caveat/v1/keys/{name}/budget", "set_budget", OPERATORS, "How much a key may use a day and a month"
    ),
    Endpoint(
        "GET",
        "/caveat/v1/calls/{call}/explanation",
        "explanation",
        STAFF,
        "Why a call was decided so",
        query=("language",),
    ),
    Endpoint(
        "GET",
        "/caveat/v1/list/calls",
        "list_calls",
        STAFF,
        "Calls by what is on record of them, newest first",
        query=(
            "caller",
            "purpose",
            "clause",
            "outcome",
            "model",
            "case",
            "since_ms",
            "until_ms",
            "before",
            "most",
            "rule",
        ),
    ),
    Endpoint("GET", "/caveat/v1/index", "index", STAFF, "How far the derived index of calls is"),
    Endpoint(
        "POST",
        "/caveat/v1/calls/{call}/content/{which}",
        "content",
        DECIDERS,
        "What was said in a call (request or reply), where the vault keeps it; the look is a record",
    ),
    Endpoint(
        "GET", "/caveat/v1/find", "find", STAFF, "A record by index, call, hash or digest: its index", query=("what",)
    ),
    Endpoint(
        "GET",
        "/caveat/v1/counts",
        "counts",
        STAFF,
        "Calls by minute or hour, outcome, and caller, purpose, clause, model or rank",
        query=("unit", "by", "since_s"),
    ),
    Endpoint("GET", "/caveat/v1/health", "health", STAFF, "How the house is, and what needs a person"),
    Endpoint("GET", "/caveat/v1/ledger/check", "checked", STAFF, "What the last check of the ledger found"),
    Endpoint("POST", "/caveat/v1/ledger/check", "check", INSPECTORS, "Recompute the ledger from its bytes"),
    Endpoint("POST", "/caveat/v1/semantic", "semantic", INSPECTORS, "What a change of terms does to every request"),
    Endpoint("POST", "/caveat/v1/replay", "replay", INSPECTORS, "Terms tried on recorded calls"),
    Endpoint("GET", "/caveat/v1/bundles", "bundles", INSPECTORS, "Bundles that were prepared here"),
    Endpoint("POST", "/caveat/v1/bundles", "prepare_bundle", OPERATORS, "Prepare a receiver's next bundle"),
    Endpoint("GET", "/caveat/v1/bundles/{id}/view", "view_bundle", OPERATORS, "Every value that a bundle carries"),
    Endpoint("POST", "/caveat/v1/bundles/{id}/release", "release_bundle", OPERATORS, "Let a bundle go, on record"),
    Endpoint(
        "GET", "/caveat/v1/bundles/{id}", "fetch_bundle", OPERATORS, "A bundle that was let go", "application/zip"
    ),
    Endpoint("DELETE", "/caveat/v1/bundles/{id}", "drop_bundle", OPERATORS, "Throw a prepared bundle away"),
    Endpoint("POST", "/caveat/v1/bundles/{id}/verify", "verify_bundle", OPERATORS, "Verify it as its receiver would"),
    Endpoint(
        "GET", "/caveat/v1/bundles/{id}/report", "bundle_report", INSPECTORS, "The report of its check", "text/html"
    ),
    Endpoint("GET", "/caveat/v1/trust", "trust", INSPECTORS, "The trust file for verifiers", "text/plain"),
    Endpoint("GET", "/caveat/v1/meter", "meter", STAFF, "Where the seals' counts and the ledger differ"),
    Endpoint(
        "POST", "/caveat/v1/console/links", "console_link", OPERATORS, "A link that lets a person into the console once"
    ),
    Endpoint("GET", "/caveat/v1/approvers", "approvers", STAFF, "Who may approve exceptions"),
    Endpoint(
        "POST", "/caveat/v1/approvers", "trust_approver", OPERATORS, "Let a person approve whom a party has named"
    ),
    Endpoint("DELETE", "/caveat/v1/approvers/{name}", "remove_approver", OPERATORS, "Let a person approve no more"),
    Endpoint("GET", "/caveat/v1/waivers", "waivers", STAFF, "Waivers that were granted and not ended"),
    Endpoint(
        "POST", "/caveat/v1/waivers", "grant_waiver", DECIDERS, "Put a waiver in force that persons have approved"
    ),
    Endpoint("DELETE", "/caveat/v1/waivers/{name}", "end_waiver", DECIDERS, "End a waiver at once"),
    Endpoint("GET", "/caveat/v1/approvals", "approvals", STAFF, "Waivers that gather signatures"),
    Endpoint(
        "POST",
        "/caveat/v1/approvals",
        "add_approval",
        DECIDERS,
        "Hand in a request, signatures under one, or a refusal",
    ),
    Endpoint("GET", "/caveat/v1/approvals/{name}", "approval", DECIDERS, "A request with the signatures that it has"),
    Endpoint(
        "DELETE",
        "/caveat/v1/approvals/{name}",
        "drop_approval",
        DECIDERS,
        "Refuse a request, on record, without a signature",
    ),
    Endpoint("GET", "/caveat/v1/holds", "holds", DECIDERS, "Held calls that wait for an answer"),
    Endpoint("GET", "/caveat/v1/holds/{name}", "hold", DECIDERS, "A held call: its words, and what approvers sign"),
    Endpoint("POST", "/caveat/v1/holds", "release_hold", DECIDERS, "Release a held call that persons have approved"),
    Endpoint("DELETE", "/caveat/v1/holds/{name}", "deny_hold", DECIDERS, "Deny a held call"),
)

CONTROL_PREFIX = "/caveat/v1/"
CONTROL_PATHS = frozenset(
    ["/livez", "/readyz", *(one.path for one in ENDPOINTS if not one.path.startswith(CONTROL_PREFIX))]
)
"""Which paths are these, so that every other one can be refused in the format that its caller expects."""


def description(version: str) -> dict[str, Any]:
    """The control API as OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path.replace(":path", ""), {})[endpoint.method.lower()] = _operation(endpoint)
    schemes = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Caveat control API", "version": version},
        "security": [{"bearer": []}, {"x-api-key": []}],
        "components": {"securitySchemes": schemes},
        "paths": paths,
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    names = [part[1:-1].split(":")[0] for part in endpoint.path.split("/") if part.startswith("{")]
    return {
        "operationId": endpoint.handler,
        "summary": endpoint.says,
        "description": f"Roles: {', '.join(endpoint.roles)}.",
        "parameters": [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names]
        + [{"name": n, "in": "query", "required": False, "schema": {"type": "string"}} for n in endpoint.query],
        "responses": {
            "200": {"description": "done", "content": {endpoint.gives: {}}},
            "401": {"description": "no live key"},
            "403": {"description": "the key has not the role"},
        },
    }
