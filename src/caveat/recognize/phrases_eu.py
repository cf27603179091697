"""Phrases of prompt injection in French, German and Spanish."""

from caveat.recognize.phrase import any_of, row

_FR_RULES = "instruction instructions consigne consignes directive directives regle regles prompt prompts ordres commandes restrictions contraintes"
_FR_OLD = "(?:precedente?s?|anterieure?s?|ci-dessus|initiales?|d'origine|systeme|recues?|donnees?|au-dessus|plus~haut)"
_FR_FREE_KEYS = "dan sans restriction restrictions limite filtre filtres regle censure developpeur"
_FR = any_of(_FR_RULES)
FRENCH = (
    row(
        "ignore ignores ignorez ignorer oublie oublies oubliez oublier neglige negligez meprise contourne contournez outrepasse outrepassez",
        _FR_RULES,
        f"@4(?:{_FR}@4{_FR_OLD}|{_FR_OLD}@2{_FR})",
        950,
        900,
    ),
    row("oublie oubliez ignore ignorez", _FR_RULES, f"@2(?:toutes|tous|tes|vos)@2{_FR}", 850, 750),
    row(
        "oublie oubliez ignore ignorez",
        "tout",
        "~tout~ce~(?:qui|que|qu)@4(?:precede|precedemment|avant|au-dessus|dit|plus~haut|ci-dessus)",
        850,
        750,
    ),
    row("tiens tenez tenir", "compte", f"~(?:pas~|plus~|aucun~)?compte@3{_FR}", 850, 700),
    row("fais faites", "abstraction", f"~abstraction@3{_FR}", 850, 750),
    row(
        "tu vous",
        _FR_FREE_KEYS,
        r"~(?:es|etes|seras|serez|vas|allez)@3(?:desormais|maintenant|dorenavant|etre|agir)@5(?:dan(?![^\W_])|sans@2(?:restrictions?|limites?|filtres?|regles?|censure|morale)|aucune?~(?:restriction|limite|regle|censure)|mode~developpeur)",
        900,
        850,
    ),
    row(
        "agis agissez comporte reponds repondez imagine",
        _FR_FREE_KEYS,
        r"@4(?:comme|en|que)@4(?:dan(?![^\W_])|sans@2(?:restrictions?|limites?|filtres?|regles?|censure|morale))",
        850,
        700,
    ),
    row(
        "revele revelez montre montrez affiche affichez repete repetez donne donnez divulgue divulguez ecris",
        "systeme initial initiale initiales cache cachees secrete secretes origine",
        "(?:~moi)?@3(?:prompt|instructions|consignes|message)@1(?:systeme|initiale?s?|cachee?s?|secretes?|d'origine)",
        850,
        700,
    ),
    row(
        "revele revelez affiche affichez repete repetez divulgue divulguez",
        "instructions consignes prompt directives",
        "(?:~moi)?@2(?:tes|vos|ton|votre)@1(?:instructions|consignes|prompt|directives)",
        850,
        700,
    ),
    row(
        "ne n",
        "utilisateur humain",
        "@2(?:dis|dites|mentionne|mentionnez|informe|informez|revele|revelez|previens|prevenez)@3(?:l'utilisateur|utilisateur|l'humain)",
        750,
        350,
    ),
    row(
        "si",
        "ia llm modele assistant intelligence",
        "~(?:tu~es|vous~etes)@1(?:ia|llm|modele~de~langage|assistant~ia|intelligence~artificielle)@3(?:qui|lis|lisez|ignore|ignorez|alors|vous|tu)",
        800,
        350,
    ),
)

_DE_RULES = "anweisung anweisungen instruktion instruktionen vorgabe vorgaben regel regeln richtlinie richtlinien befehl befehle prompt prompts auftrag auftrage aufgabe aufgaben angaben ausfuhrungen"
_DE_OLD = "(?:vorherigen?r?|bisherigen?r?|vorangegangenen?r?|vorigen?r?|obigen?r?|fruheren?r?|ursprunglichen?r?|zuvor~gegebenen|deine|deiner|ihre|system)"
_DE_FREE_KEYS = "dan ohne keine keinen keiner"
_DE = any_of(_DE_RULES)
GERMAN = (
    row(
        "ignoriere ignorieren ignoriert vergiss vergesst vergessen missachte missachten ubergehe umgehe umgehen",
        _DE_RULES,
        f"@4{_DE_OLD}@3{_DE}",
        950,
        900,
    ),
    row("ignoriere ignorieren vergiss vergessen missachte", _DE_RULES, f"@1(?:alle|samtliche)@2{_DE}", 850, 750),
    row(
        "vergiss vergessen ignoriere ignorieren",
        "alles",
        r"~(?:sie~)?(?:nun~|jetzt~)?alles(?:@2(?:was|zuvor|bisher|bisherige|vorherige|obige|davor|gesagte)|[ \t]{0,2}[,.!;]|~und(?![^\W_]))",
        800,
        650,
    ),
    row(
        "vorherigen vorherige bisherigen obigen obige",
        _DE_RULES,
        f"@1{_DE}@2(?:ignorieren|vergessen|missachten|ubergehen)",
        900,
        800,
    ),
    row(
        "du sie",
        _DE_FREE_KEYS,
        r"~(?:bist|sind|wirst|werden)@3(?:jetzt|nun|ab~sofort|fortan|agieren|handeln)@5(?:dan(?![^\W_])|ohne@2(?:einschrankungen|regeln|filter|grenzen|beschrankungen|zensur|moral)|keine[nr]?@1(?:einschrankungen|regeln|filter|grenzen|beschrankungen))",
        900,
        850,
    ),
    row(
        "zeige zeig verrate gib offenbare nenne wiederhole drucke enthulle",
        "system prompt systemprompt systemprompts systemanweisung systemanweisungen systemnachricht anweisungen instruktionen",
        "@3(?:deine[nrs]?|den|die|das|ihre[nrs]?)@2(?:system-?prompts?|systemanweisung(?:en)?|systemnachricht|anweisungen|instruktionen|initialen?~prompt)",
        850,
        700,
    ),
    row(
        "sage sag erwahne informiere verrate",
        "benutzer nutzer anwender",
        "@3(?:dem|den|der)~(?:benutzer|nutzer|anwender)@3(?:nicht|nichts)",
        750,
        350,
    ),
)

_ES_RULES = "instruccion instrucciones indicaciones ordenes reglas directrices directivas prompt prompts restricciones consignas"
_ES_OLD = "(?:anteriore?s?|previas?|precedentes?|de~arriba|iniciales|originales|del~sistema|recibidas)"
_ES_FREE_KEYS = "dan sin ninguna"
_ES = any_of(_ES_RULES)
SPANISH = (
    row(
        "ignora ignore ignorad ignorar olvida olvide olvidad olvidar omite omita descarta desestima desobedece",
        _ES_RULES,
        f"@4(?:{_ES}@3{_ES_OLD}|{_ES_OLD}@2{_ES})",
        950,
        900,
    ),
    row("ignora ignore olvida olvide", _ES_RULES, f"@1(?:todas|todos|tus|sus)@2{_ES}", 850, 750),
    row("haz haga hagan", "omiso", f"~caso~omiso@4{_ES}", 900, 800),
    row(
        "olvida olvide ignora ignore",
        "todo",
        r"~todo~(?:(?:lo~)?que~(?:digo|dije|he~dicho|sabes)|lo@3(?:anterior|dicho|previo|antes|arriba))",
        850,
        700,
    ),
    row(
        "ahora eres",
        _ES_FREE_KEYS,
        r"@3(?:eres|seras|actuaras|ahora|como)@5(?:dan(?![^\W_])|sin@2(?:restricciones|limites|filtros|reglas|censura|moral)|ninguna~(?:restriccion|regla))",
        900,
        850,
    ),
    row(
        "revela revele muestra muestre muestrame imprime repite repita dime divulga escribe",
        "prompt mensaje instrucciones indicaciones",
        "@3(?:(?:prompt|mensaje|instrucciones|indicaciones)@1(?:de~|del~)?(?:sistema|iniciales?|ocultas?|originales|secretas)|(?:tus|sus)~(?:instrucciones|indicaciones))",
        850,
        700,
    ),
    row(
        "no",
        "usuario",
        "@2(?:digas|diga|menciones|mencione|informes|informe|reveles|revele)@3(?:al~usuario|usuario)",
        750,
        350,
    ),
)
