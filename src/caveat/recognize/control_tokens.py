"""Control tokens: strings that a model's tokenizer turns into one token that begins or ends a turn.

Typed by a user or hidden in a tool's result, such a string forges a turn.  The list is the routed model's own where
its manifest gives one, else the default below.  Comparison is after folding, so `<|im\\u200b_end|>` and DeepSeek's
full-width bars are found too, and with case, as tokenizers do.
"""

import re
from collections.abc import Iterable

from caveat.recognize.finding import Seen
from caveat.recognize.fold import fold
from caveat.recognize.view import View
from caveat.wire.call import Voice

DEFAULT = (
    # ChatML: OpenAI, Qwen, SmolLM
    *("<|im_start|>", "<|im_end|>", "<|im_sep|>", "<|endoftext|>", "<|endofprompt|>"),
    # Llama 3 and 4
    *("<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|eom_id|>", "<|start_header_id|>", "<|end_header_id|>"),
    *("<|python_tag|>", "<|eot|>", "<|header_start|>", "<|header_end|>"),
    # Llama 2, Mistral
    *("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]"),
    *("[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"),
    # Gemma
    *("<start_of_turn>", "<end_of_turn>"),
    # Phi, Zephyr, GLM
    *("<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|observation|>", "[gMASK]"),
    # DeepSeek
    *("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"),
    *("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<｜tool▁outputs▁begin｜>", "<｜tool▁outputs▁end｜>"),
    # harmony, of gpt-oss
    *("<|start|>", "<|channel|>", "<|message|>", "<|return|>", "<|call|>", "<|constrain|>"),
    # Command R, Granite
    *("<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|SYSTEM_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>"),
    *("<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>"),
)
_SHAPE = r"<\|[A-Za-z0-9_]{2,40}\|>"
"""The form of most such tokens; of a model that is not listed, so not certain."""
_SHAPE_WIDTH = 44
LIKELY = 600


class ControlTokens:
    """The recognizer of a model's control tokens, in any voice."""

    learned = False

    def __init__(self, tokens: Iterable[str] = DEFAULT) -> None:
        self._tokens = frozenset(folded for token in tokens if (folded := fold(token)[0]))
        longest_first = sorted(self._tokens, key=lambda token: (-len(token), token))
        self._pattern = re.compile("|".join([*map(re.escape, longest_first), _SHAPE]))
        self._firsts = tuple({token[0] for token in (*self._tokens, "<")})
        self.name = "control-tokens@1"
        self.horizon = max([_SHAPE_WIDTH, *map(len, self._tokens)])

    def might(self, view: View) -> bool:
        """Whether a token's first character stands in it."""
        return view.exact and any(first in view.text for first in self._firsts)

    def look(self, view: View, voice: Voice) -> list[Seen]:  # noqa: ARG002
        """A listed token is certain: x_inj and hidden.control-token, 1000; one of that form only is likely."""
        seen: list[Seen] = []
        if not self.might(view):
            return seen
        for match in self._pattern.finditer(view.text):
            start, end = match.span()
            if match.group() in self._tokens:
                seen.append(Seen("hidden.control-token", start, end, 1000))
                seen.append(Seen("x_inj", start, end, 1000))
            else:
                seen.append(Seen("x_inj", start, end, LIKELY))
        return seen
