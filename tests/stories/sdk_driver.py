"""What a program sees that talks to the gateway through the official SDKs, whichever generation is installed.

    python sdk_driver.py URL KEY MODEL

It imports nothing of ours, runs in an environment of its own, and prints one JSON object: case -> what came of it.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import anthropic
import openai

URL, KEY, MODEL = sys.argv[1:4]
PLAIN, SECRET, STOP = "Hello.", "TOP SECRET//SI//NOFORN report, please.", "Say the banner."
CASES: dict[str, Callable[[], Any]] = {}
OPENAI = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY)
ANTHROPIC = anthropic.Anthropic(base_url=URL, api_key=KEY)
PREFIXED = anthropic.Anthropic(base_url=f"{URL}/anthropic", api_key=KEY)


def case(made: Callable[[], Any]) -> Callable[[], Any]:
    CASES[made.__name__] = made
    return made


def refusal(ask: Callable[[], Any]) -> dict[str, Any]:
    """The exception that a refusal becomes."""
    try:
        ask()
    except (openai.APIStatusError, anthropic.APIStatusError) as error:
        body: Any = error.body
        kept = {"error": type(error).__name__, "status": error.status_code, "message": str(error)}
        if isinstance(error, openai.APIStatusError):
            return {**kept, "code": error.code, "type": error.type}
        return {**kept, "code": body["error"]["details"]["error_code"], "type": body["error"]["type"]}
    return {"error": "none"}


def chat(text: str, **more: Any) -> Any:
    ask: list[Any] = [{"role": "user", "content": text}]
    return OPENAI.chat.completions.create(model=MODEL, messages=ask, max_tokens=200, **more)


@case
def chat_whole() -> Any:
    return chat(PLAIN).choices[0].message.content


@case
def chat_streamed() -> Any:
    chunks = list(chat(PLAIN, stream=True))
    return "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)


@case
def chat_denied() -> Any:
    return refusal(lambda: chat(SECRET))


@case
def chat_denied_streamed() -> Any:
    return refusal(lambda: list(chat(SECRET, stream=True)))


@case
def chat_stopped() -> Any:
    return refusal(lambda: chat(STOP))


@case
def chat_stopped_streamed() -> Any:
    chunks = list(chat(STOP, stream=True))
    text = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
    return {"text": text, "why": chunks[-1].choices[0].finish_reason}


def respond(text: str, **more: Any) -> Any:
    return OPENAI.responses.create(model=MODEL, input=text, instructions="Be brief.", max_output_tokens=200, **more)


@case
def responses_whole() -> Any:
    return respond(PLAIN).output_text


@case
def responses_streamed() -> Any:
    events = list(respond(PLAIN, stream=True))
    text = "".join(one.delta for one in events if one.type == "response.output_text.delta")
    return {"text": text, "final": events[-1].response.output_text, "last": events[-1].type}


@case
def responses_helper() -> Any:
    with OPENAI.responses.stream(model=MODEL, input=PLAIN, max_output_tokens=200) as stream:
        return stream.get_final_response().output_text


@case
def responses_denied() -> Any:
    return refusal(lambda: respond(SECRET))


@case
def responses_by_reference() -> Any:
    return refusal(lambda: respond(PLAIN, previous_response_id="resp_1"))


@case
def responses_stopped() -> Any:
    return refusal(lambda: respond(STOP))


@case
def responses_stopped_streamed() -> Any:
    last = list(respond(STOP, stream=True))[-1]
    return {"text": last.response.output_text, "why": last.response.incomplete_details.reason, "last": last.type}


@case
def embeddings() -> Any:
    return len(OPENAI.embeddings.create(model=MODEL, input=PLAIN).data[0].embedding)


@case
def embeddings_denied() -> Any:
    return refusal(lambda: OPENAI.embeddings.create(model=MODEL, input=SECRET))


@case
def models() -> Any:
    return [one.id for one in OPENAI.models.list()]


@case
def no_such_path() -> Any:
    return refusal(lambda: OPENAI.completions.create(model=MODEL, prompt=PLAIN))


def message(text: str, client: Any = ANTHROPIC, **more: Any) -> Any:
    ask: list[Any] = [{"role": "user", "content": text}]
    return client.messages.create(model=MODEL, messages=ask, max_tokens=200, **more)


@case
def messages_whole() -> Any:
    return message(PLAIN).content[0].text


@case
def messages_prefixed() -> Any:
    return message(PLAIN, PREFIXED).content[0].text


@case
def messages_streamed() -> Any:
    ask: list[Any] = [{"role": "user", "content": PLAIN}]
    with ANTHROPIC.messages.stream(model=MODEL, messages=ask, max_tokens=200) as stream:
        return "".join(stream.text_stream)


@case
def messages_beta() -> Any:
    ask: list[Any] = [{"role": "user", "content": PLAIN}]
    made = ANTHROPIC.beta.messages.create(model=MODEL, messages=ask, max_tokens=200, betas=["some-feature-2024-01-01"])
    return made.content[0].text  # type: ignore[union-attr]


@case
def messages_denied() -> Any:
    return refusal(lambda: message(SECRET))


@case
def messages_stopped() -> Any:
    return refusal(lambda: message(STOP))


@case
def messages_stopped_streamed() -> Any:
    ask: list[Any] = [{"role": "user", "content": STOP}]
    with ANTHROPIC.messages.stream(model=MODEL, messages=ask, max_tokens=200) as stream:
        final = stream.get_final_message()
    return {"text": "".join(block.text for block in final.content if block.type == "text"), "why": final.stop_reason}


def count(text: str) -> Any:
    """In the older package counting was a beta feature."""
    ask: list[Any] = [{"role": "user", "content": text}]
    counter: Any = getattr(ANTHROPIC.messages, "count_tokens", None) or ANTHROPIC.beta.messages.count_tokens
    return counter(model=MODEL, system="Be brief.", messages=ask)


@case
def tokens_counted() -> Any:
    return count(PLAIN).input_tokens


@case
def tokens_denied() -> Any:
    return refusal(lambda: count(SECRET))


def main() -> None:
    found = {"versions": [openai.__version__, anthropic.__version__]}
    for name, made in CASES.items():
        try:
            found[name] = made()
        except Exception as error:  # the test that reads this says what should have come
            found[name] = {"error": type(error).__name__, "message": str(error)}  # type: ignore[assignment]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
