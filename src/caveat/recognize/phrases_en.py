"""Phrases of prompt injection in English."""

from caveat.recognize.phrase import any_of, row

_RULES = "instruction instructions directions directive directives prompt prompts guideline guidelines guidance rules command commands orders constraints restrictions programming safeguards policy policies assignment assignments"
_OLD = "(?:previous|prior|preceding|above|earlier|former|foregoing|past|initial|original|existing|system|safety|hidden)"
_FREE_KEYS = "dan stan jailbroken unrestricted unfiltered uncensored amoral unethical evil developer restriction restrictions limits limitations rules filter filters guidelines ethics morals censorship anything"
_FREE = r"(?:dan(?!'s)|stan(?!'s)|jailbroken|unrestricted|unfiltered|uncensored|amoral|unethical|evil|developer~mode|without@2(?:restrictions?|limits?|limitations|rules|filters?|guidelines|ethics|morals|censorship)|no@1(?:restrictions|limits|limitations|rules|filters?|guidelines|ethics|morals|censorship)|do~anything)(?![^\W_])"
_INNER_KEYS = (
    "system developer initial hidden secret pre instructions prompt directives guidelines programming systemprompt"
)
_INNER = "(?:(?:system|developer|initial|hidden|secret|pre)~?(?:prompts?|instructions?|messages?|directives?)|(?:your|its)@2(?:instructions|prompt|directives|guidelines|programming))"
_R = any_of(_RULES)

ENGLISH = (
    row("ignore disregard forget override bypass neglect discard dismiss abandon", _RULES, f"@4{_OLD}@3{_R}", 950, 900),
    row("ignore disregard forget override bypass drop", _RULES, f"@2(?:all|any|your|every)@2{_R}", 850, 700),
    row("ignoring disregarding ignores ignored forgetting overriding", _RULES, f"@4{_OLD}@3{_R}", 600, 300),
    row(
        "ignore disregard forget",
        "above before previously earlier prior told",
        "@1(?:everything|all|anything|whatever|what)@3(?:above|before|previously|earlier|you~were~told|been~told|came~before|prior)",
        900,
        750,
    ),
    row(
        "ignore disregard forget",
        "above preceding previous prior",
        "@3(?:above|preceding|previous|prior)@1(?:text|context|message|task|input|content|conversation|data)(?:~(?:and|instead|now)|[.!;,:]|$)",
        700,
        550,
    ),
    row(
        "ignore disregard forget",
        "everything",
        r"@1everything(?:[ \t]{0,2}[,.!;]|~(?:and|now|then|we|you~know~and)(?![^\W_]))",
        750,
        600,
    ),
    row(
        "ignore disregard forget", "above", r"~(?:the~)?above(?:~(?:and|then|instead)(?![^\W_])|[ \t]?[,.!;])", 700, 600
    ),
    row(
        "forget disregard ignore drop",
        "information task tasks assignment assignments questions discussion",
        "@3(?:previous|prior|preceding|earlier)@1(?:information|tasks?|assignments?|questions|discussion)",
        700,
        600,
    ),
    row("stop", _RULES, f"@1(?:following|obeying)@2(?:your|previous|prior|original|system|safety|all)@2{_R}", 850, 750),
    row(
        "disable deactivate remove bypass override unlock",
        "safety content ethical ethics moral security",
        "@1(?:your|all)@2(?:safety|content|ethical|ethics|moral|security)@1(?:filters?|guidelines|protocols|restrictions|measures|settings|rules|systems?|features|mechanisms)",
        850,
        750,
    ),
    row(
        "new updated real actual true",
        "instruction instructions directive directives task order orders objective prompt",
        r"~(?:system~)?(?:instructions?|directives?|task|orders?|objective|prompt)(?:~(?:is|are))?[ \t]?:",
        650,
        400,
    ),
    row(
        "your",
        "new real true actual only updated",
        "~(?:new|real|true|actual|only|updated)~(?:instructions?|task|goal|objective|purpose|job|role|directives?)~(?:is|are)~(?:now|to|as)",
        750,
        450,
    ),
    row(
        "you",
        _FREE_KEYS,
        f"~(?:are|re|will|shall|must|should|ll)@2(?:now|be|become|act|pretend|acting|going~to~(?:be|act))@5{_FREE}",
        900,
        850,
    ),
    row(
        "act pretend behave respond roleplay simulate imagine",
        _FREE_KEYS,
        f"~(?:as|like|that|to~be|you|being|a|an)@5{_FREE}",
        850,
        750,
    ),
    row("do", "now", r"~anything~now(?![^\W_])", 850, 800),
    row(
        "developer dan jailbreak debug sudo admin",
        "mode",
        "~mode~(?:is~|now~|has~been~)?(?:enabled|activated|active|on|unlocked|engaged|output)",
        800,
        650,
    ),
    row(
        "longer",
        "bound restricted limited constrained governed",
        "~(?:bound|restricted|limited|constrained|governed)~(?:by|to)@2(?:your|any|openai|anthropic|content|safety|ethical|moral|these)@2(?:rules|guidelines|restrictions|polic(?:y|ies)|filters|limitations|programming|constraints|ethics)",
        800,
        700,
    ),
    row(
        "without",
        "moral ethical safety content",
        "@2(?:moral|ethical|safety|content)@2(?:restrictions?|filters?|guidelines|constraints|limitations|boundaries|considerations)",
        600,
        400,
    ),
    row(
        "reveal show print repeat output display tell leak expose dump disclose recite write give return echo share summarize translate",
        _INNER_KEYS,
        f"~(?:(?:me|us|out|back|verbatim)~){{0,2}}(?:your|the|this|its|all|everything~in)@2{_INNER}",
        850,
        700,
    ),
    row(
        "what",
        "system initial hidden secret original",
        "(?:~s|~is|~are|~was|~were)~your@1(?:system|initial|hidden|secret|original)~(?:prompt|instructions|message)",
        700,
        550,
    ),
    row(
        "repeat print output copy",
        "above",
        "@2(?:words|everything|text|all|sentences?|content)@2above@4(?:starting|beginning|verbatim|word~for~word|exactly|code~block|you~are)",
        800,
        650,
    ),
    row(
        "if since as",
        "ai llm language chatbot automated large",
        "~you~are@1(?:ai|llm|language~model|chatbot|ai~assistant|ai~model|large~language~model|automated~system)@3(?:reading|processing|parsing|summari[sz]ing|then|you|please|must|ignore|do)",
        800,
        350,
    ),
    row(
        "attention dear hey",
        "ai llm llms language chatbot chatbots assistant",
        r"~(?:(?:all|any|the)~){0,2}(?:ai|llms?|language~models?|ai~assistants?|ai~agents?|chatbots?|assistant)(?:@2(?:reading|processing|parsing|summari[sz]ing)|[ \t]?[:,!])",
        750,
        350,
    ),
    row(
        "note message",
        "ai llm llms language chatbot chatbots assistant",
        r"~(?:to|for)~(?:(?:all|any|the)~){0,2}(?:ai|llms?|language~models?|ai~assistants?|ai~agents?|chatbots?|assistant)(?:@2(?:reading|processing|parsing|summari[sz]ing)|[ \t]?[:,!])",
        750,
        350,
    ),
    row(
        "do don",
        "tell mention inform notify alert reveal disclose",
        r"(?:~not|'t)@1(?:tell|mention|inform|notify|alert|reveal|disclose)@3(?:the~)?(?:user|human|person|owner)(?![^\W_])",
        750,
        350,
    ),
    row(
        "append include encode embed insert put add send forward post transmit exfiltrate upload leak email",
        "conversation chat history messages secret secrets api password passwords credentials token tokens prompt private personal files",
        r"@6(?:conversation|chat|history|messages|secrets?|api~keys?|passwords?|credentials|tokens?|system~prompt|private~data|personal~data|files)@6(?:to|in|into|as|at|via|using)@4(?:url|https?|link|query|parameter|image|webhook|endpoint|attacker|[^\W_]{1,20}@[^\W_]{1,20})",
        800,
        300,
    ),
)
