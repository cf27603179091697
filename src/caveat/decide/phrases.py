"""Our own sentences about decisions, in the languages that they speak.

Braces name what is put in; each key stands in every language with the same braces (tests/decide/test_explain.py).
"""

Phrase = dict[str, str]

ENGLISH: Phrase = {
    "refused_forbid": "the terms `{terms}` forbid this call",
    "refused_hold": "under the terms `{terms}` this call waits for a person's approval",
    "refused_review": "under the terms `{terms}` the model's reply waits until a person releases it",
    "refused_no-permit": "nothing in the terms `{terms}` permits this call",
    "refused_unreadable": "this call holds a field or a part that the gateway does not read, "
    "and no clause of the terms `{terms}` lets it pass",
    "leave_out": "leave it out, or ask the operator for terms in which a clause lists it under `fields`",
    "refused_duty": "the terms `{terms}` allow this call only with what this gateway cannot do: {duties}",
    "refused_error": "a clause of the terms `{terms}` could not be evaluated, so the call is denied",
    "refused_lapsed": "the terms `{terms}` have lapsed and no longer allow this call; the vendor renews "
    "them (`caveat terms renew`), or both parties sign new ones",
    "quoted": "“{says}” (clause `{id}`)",
    "also": "so do {ids}",
    "permits": "what they permit: {ids}",
    "no_permits": "they permit nothing at all",
    "waivable": "to ask for an exception: `caveat waiver request --clause {id}`",
    "never_waivable": "no waiver can lift this clause",
    "waits": "it waits as hold `{hold}`: approvers look at it with `caveat hold list`; once approved, send the same bytes "
    "again with the header `Caveat-Hold: {hold}`",
    "outcome_permit": "Allowed under the terms `{terms}`: a permit holds and nothing forbids.",
    "outcome_waiver": "Allowed under the terms `{terms}`: what forbids was lifted by a waiver.",
    "outcome_approval": "Allowed under the terms `{terms}`: persons approved what a clause holds.",
    "outcome_forbid": "Denied under the terms `{terms}`: a clause forbids it.",
    "outcome_hold": "Held under the terms `{terms}`: forbidden until a person approves.",
    "outcome_no-permit": "Denied under the terms `{terms}`: no permit holds, and what is not permitted is denied.",
    "outcome_unreadable": "Denied under the terms `{terms}`: it holds a field or part that the gateway does not read "
    "and that no holding permit lets pass.",
    "outcome_duty": "Denied under the terms `{terms}`: it is allowed only with a duty that this gateway cannot fulfil.",
    "outcome_error": "Denied under the terms `{terms}`: a clause could not be evaluated.",
    "outcome_lapsed": "Denied: the terms `{terms}` had lapsed, by their date, their count or a party's word.",
    "about": "The call: `{operation}` by `{caller}` to `{model}` for `{purpose}`; marking rank {rank} ({source}); "
    "hazards: {hazards}; detector: `{detector}`.",
    "nothing": "none",
    "held_permit": "`{id}` ({title}) permits it: “{says}”",
    "held_forbid": "`{id}` ({title}) forbids it: “{says}”",
    "held_hold": "`{id}` ({title}) holds it until a person approves: “{says}”",
    "held_oblige": "`{id}` ({title}) adds duties: “{says}”",
    "waived": "`{id}` ({title}) would stop it, but waiver `{waiver}` lifts it here: “{says}”",
    "approved": "`{id}` ({title}) would hold it, but persons approved this very call, hold `{waiver}`: “{says}”",
    "unmet": "`{id}` ({title}) would permit, but does not hold for this call: “{says}”",
    "duties": "To be done with it: {duties}.",
    "duties_unmet": "Duties that come with it: {duties}.",
    "error": "Clause `{id}`: {what}.",
}

FRENCH: Phrase = {
    "refused_forbid": "les conditions `{terms}` interdisent cet appel",
    "refused_hold": "selon les conditions `{terms}`, cet appel attend l'approbation d'une personne",
    "refused_review": "selon les conditions `{terms}`, la réponse du modèle attend qu'une personne la libère",
    "refused_no-permit": "rien dans les conditions `{terms}` n'autorise cet appel",
    "refused_unreadable": "cet appel contient un champ ou une partie que la passerelle ne lit pas, "
    "et aucune clause des conditions `{terms}` ne le laisse passer",
    "leave_out": "omettez-le, ou demandez à l'opérateur des conditions dont une clause le nomme sous `fields`",
    "refused_duty": "les conditions `{terms}` n'autorisent cet appel qu'avec ce que cette passerelle ne sait pas "
    "faire : {duties}",
    "refused_error": "une clause des conditions `{terms}` n'a pas pu être évaluée, l'appel est donc refusé",
    "refused_lapsed": "les conditions `{terms}` sont échues et n'autorisent plus cet appel ; le fournisseur les "
    "prolonge (`caveat terms renew`), ou les deux parties en signent de nouvelles",
    "quoted": "« {says} » (clause `{id}`)",
    "also": "de même {ids}",
    "permits": "ce qu'elles autorisent : {ids}",
    "no_permits": "elles n'autorisent rien",
    "waivable": "pour demander une dérogation : `caveat waiver request --clause {id}`",
    "never_waivable": "aucune dérogation ne peut lever cette clause",
    "waits": "il attend sous le numéro `{hold}` : les approbateurs le voient avec `caveat hold list` ; une fois approuvé, "
    "renvoyez les mêmes octets avec l'en-tête `Caveat-Hold: {hold}`",
    "outcome_permit": "Autorisé par les conditions `{terms}` : une autorisation s'applique et rien n'interdit.",
    "outcome_waiver": "Autorisé par les conditions `{terms}` : une dérogation a levé ce qui interdit.",
    "outcome_approval": "Autorisé par les conditions `{terms}` : des personnes ont approuvé ce qu'une clause retient.",
    "outcome_forbid": "Refusé selon les conditions `{terms}` : une clause l'interdit.",
    "outcome_hold": "Retenu selon les conditions `{terms}` : interdit tant qu'une personne n'approuve pas.",
    "outcome_no-permit": "Refusé selon les conditions `{terms}` : aucune autorisation ne s'applique, et ce qui n'est "
    "pas autorisé est refusé.",
    "outcome_unreadable": "Refusé selon les conditions `{terms}` : l'appel contient un champ ou une partie que la "
    "passerelle ne lit pas et qu'aucune autorisation applicable ne laisse passer.",
    "outcome_duty": "Refusé selon les conditions `{terms}` : autorisé seulement avec une obligation que cette "
    "passerelle ne peut remplir.",
    "outcome_error": "Refusé selon les conditions `{terms}` : une clause n'a pas pu être évaluée.",
    "outcome_lapsed": "Refusé : les conditions `{terms}` étaient échues, par leur date, leur nombre d'appels ou la parole "
    "d'une partie.",
    "about": "L'appel : `{operation}` par `{caller}` à `{model}` pour `{purpose}` ; rang de marquage {rank} "
    "({source}) ; dangers : {hazards} ; détecteur : `{detector}`.",
    "nothing": "aucun",
    "held_permit": "`{id}` ({title}) l'autorise : « {says} »",
    "held_forbid": "`{id}` ({title}) l'interdit : « {says} »",
    "held_hold": "`{id}` ({title}) le retient jusqu'à l'approbation d'une personne : « {says} »",
    "held_oblige": "`{id}` ({title}) ajoute des obligations : « {says} »",
    "waived": "`{id}` ({title}) l'arrêterait, mais la dérogation `{waiver}` la lève ici : « {says} »",
    "approved": "`{id}` ({title}) le retiendrait, mais des personnes ont approuvé cet appel même, attente `{waiver}` : "
    "« {says} »",
    "unmet": "`{id}` ({title}) autoriserait, mais ne s'applique pas à cet appel : « {says} »",
    "duties": "À faire avec cet appel : {duties}.",
    "duties_unmet": "Obligations qui s'y attachent : {duties}.",
    "error": "Clause `{id}` : {what}.",
}

PHRASES: dict[str, Phrase] = {"en": ENGLISH, "fr": FRENCH}
