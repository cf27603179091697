"""The settings file that `caveat init` writes: every key with its default, most of them commented out."""

DEFAULT = """#:schema ./caveat.schema.json
# Settings of this Caveat home.  A line that begins with # shows a default or an example.
# Unknown keys are refused.  Paths are relative to this file.

[gateway]
address = "127.0.0.1:8484"        # host:port to listen on; sample keys are refused beyond this machine
name = "gw1"                      # this gateway's name, in every record
origin = "{origin}"  # the log's name, first line of its checkpoints; never change it
# network = "connected"           # air-gapped, enclave or connected
# posture = "normal"              # normal, degraded or emergency
# marking_floor = ""              # the lowest marking that any call on this network bears
# workers = 1                     # processes that answer calls
# max_body_bytes = 16777216       # longest request body that is read
# max_reply_bytes = 16777216      # longest reply that is not streamed
# body_timeout_s = 60             # longest time that a request body may take
# language = "en"                 # of messages to the operator

[upstream.embedded]               # the model that comes with Caveat, in a process of its own
embedded = true
seal = {{ own = true }}            # a seal before it: counts every call, under a key of this home (docs/seal.md)
# models = {{ "{alias}" = "{alias}" }}

# [upstream.anthropic]
# base_url = "https://api.anthropic.com"
# dialects = ["anthropic_messages"]
# models = {{ "claude" = "claude-sonnet-4-5" }}   # alias for callers = name at the upstream
# key_file = "keys/anthropic"     # or key_env = "ANTHROPIC_API_KEY"
# identity = ""                   # endpoint:sha256:<digest> pins the server's TLS key

# [upstream.openai]
# base_url = "https://api.openai.com/v1"
# dialects = ["openai_chat"]
# models = {{ "gpt" = "gpt-5" }}
# key_env = "OPENAI_API_KEY"

# [upstream.vllm]
# base_url = "https://vllm.internal:8000/v1"
# dialects = ["openai_chat"]
# models = {{ "llama" = "meta-llama/Llama-3.3-70B-Instruct" }}
# ca_bundle = "internal-ca.pem"   # these CAs are trusted instead of the system's
# timeout_s = 600                 # longest silence
# connect_timeout_s = 10
# identity = "weights:sha256:<digest>"   # where you know which weights run there
# priority = 0                    # among upstreams that serve one alias, the lowest is tried first
# fall_back_on = ["unreachable", "timeout", "broke", "5xx"]   # after these, with nothing left yet, the next is tried
# seal = {{ vkey = "labs.example.org/seal-7+1a2b3c4d+AbC..." }}   # base_url leads to this seal, given by the vendor
# retries = 0                     # attempts here after such a failure, before the next

[ledger]
# checkpoint_interval_ms = 1000   # a checkpoint follows an append within this time
# min_free_mb = 64                # with less free disk than this, calls are refused

[recognizer]
# learned = false                 # read every text with the learned recognizer too (docs/recognizer.md)

# [recognizer.guard]              # a guard model, asked where a clause looks at `guard` or `guardHazards`
# base_url = "http://127.0.0.1:8000/v1"
# model = "meta-llama/Llama-Guard-3-1B"
# speaks = "llama-guard"          # or qwen3guard, gpt-oss-safeguard
# timeout_ms = 2000               # an opinion that takes longer counts as not given

[store]
# kind = "files"
"""


def default_text(origin: str = "localhost/caveat/gw1", alias: str = "smollm2-135m") -> str:
    """The commented settings file of a new home.  `origin` names its log, `alias` the embedded model."""
    return DEFAULT.format(origin=origin, alias=alias)
