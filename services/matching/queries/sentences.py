"""A decision in plain words: English, Russian and Belarusian, made of its recorded codes whenever somebody reads it.

The words stand in `contracts.texts`. Nothing else is needed than the fact and the need that it is about, so a decision
is explained long after its services have left the directory. What has no text is said by its code.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from babel import Locale
from babel.numbers import format_decimal

from contracts.intake import NeedRegistered
from contracts.matching import Alternative, Counterfactual, DecisionRationale, FunnelStep, Matched, Unmet, Waiting
from contracts.texts import LANGUAGES, catalogue
from contracts.words import Behind, Change, Rule

from ..ranking.score import WEIGHTS_OF

Decision = Matched | Waiting | Unmet


class Decisive(NamedTuple):
    """The rule that removed most services: of `before` so many."""

    rule: Rule
    removed: int
    before: int


def decisive(funnel: Sequence[FunnelStep]) -> Decisive | None:
    """Of several the first; None where none removed any. The kind of help is what all are counted within."""
    found = [Decisive(step.rule, last.left - step.left, last.left) for last, step in pairwise(funnel)]
    most = max(found, key=lambda each: each.removed, default=None)
    return most if most and most.removed else None


def sentences(fact: Decision, need: NeedRegistered | None, at_once: Sequence[Matched] = ()) -> dict[str, list[str]]:
    """What was decided and why, in each language, a sentence each.

    `at_once` are the matches of the same decision, in order; the first holds what was weighed for all of them.
    """
    return {language: _Speaker(language, need).tell(fact, at_once) for language in LANGUAGES}


class _Speaker:
    def __init__(self, language: str, need: NeedRegistered | None) -> None:
        self._language, self._need, self._words = language, need, catalogue(language)

    def tell(self, fact: Decision, at_once: Sequence[Matched]) -> list[str]:
        if isinstance(fact, Matched):
            weighed = next((each.weighed for each in at_once if each.weighed), fact.weighed)
            told = [*self._matched(fact, weighed, at_once), self._considered(fact.funnel)]
        else:
            weighed = fact.weighed
            told = [self._unserved(fact), self._considered(fact.funnel), self._most(fact.funnel)]
        if weighed:
            told += [self._alternative(each) for each in weighed.next]
            chosen = at_once[0].provider if at_once else fact.provider if isinstance(fact, Matched) else ""
            told += [self._otherwise(each, weighed, chosen) for each in weighed.otherwise]
        return [each for each in told if each]

    # what was decided ------------------------------------------------------------------------------------------------

    def _matched(self, match: Matched, weighed: DecisionRationale | None, at_once: Sequence[Matched]) -> list[str]:
        weights = WEIGHTS_OF.get(weighed.weights if weighed else "", {})
        values = {each.term: each.value for each in match.reasons}
        score = values.pop("score", 0.0)
        weighted = [(term, weights.get(term, 1.0), value) for term, value in values.items()]
        terms = [
            self._say("term", term, value=self._number(most * value), most=self._number(most))
            for term, most, value in weighted
        ]
        chosen = {"service": f"{match.provider}/{match.service}", "score": self._number(score)}
        told = [self._say("explained", "chosen", **chosen, terms="; ".join(terms))]
        others = [f"{each.provider}/{each.service}" for each in at_once if each.attempt != match.attempt]
        if others:
            told.append(self._say("explained", "at-once", services=", ".join(others)))
        if match.needs_assessment:
            told.append(self._say("explained", "assess", rules=self._rules(match.needs_assessment)))
        return told

    def _unserved(self, fact: Waiting | Unmet) -> str:
        if isinstance(fact, Unmet):
            vocabulary = "unmet" if ("unmet", fact.cause) in self._words else "declined"
            return self._say("explained", "unmet", reason=self._say(vocabulary, fact.cause))
        if fact.code:
            return self._say("explained", "held", reason=self._say("waiting", fact.code))
        return self._say("explained", "waiting")

    def _considered(self, funnel: Sequence[FunnelStep]) -> str:
        """Such as: 41 in the area, 12 with a free place, none in Pashto. Rules that removed nobody are left out."""
        told = [
            self._counted(step)
            for last, step in zip([None, *funnel], funnel, strict=False)
            if last is None or step.left < last.left
        ]
        return self._say("explained", "considered", funnel=", ".join(told)) if told else ""

    def _counted(self, step: FunnelStep) -> str:
        what = self._say("left", step.rule)
        if step.rule is Rule.LANGUAGE and self._need:
            asked = self._need.constraints.languages or [
                language for person in self._need.people for language in person.languages
            ]
            names = Locale.parse(self._language).languages
            spoken = ", ".join(names.get(code, code) for code in dict.fromkeys(asked))
            what = self._say("format", "in-languages", languages=spoken)
        return f"{step.left} {what}" if step.left else self._say("format", "none", what=what)

    def _most(self, funnel: Sequence[FunnelStep]) -> str:
        most = decisive(funnel)
        if most is None:
            return ""
        numbers = {"removed": str(most.removed), "before": str(most.before)}
        return self._say("explained", "most", rule=self._say("rule", most.rule), **numbers)

    # what was not chosen, and what would have been --------------------------------------------------------------------

    def _alternative(self, each: Alternative) -> str:
        by, worse = self._number(sum(each.worse.values())), ", ".join(self._terms("worse", each.worse))
        untold = each.why is Behind.LOWER_SCORE and not worse  # but by how far a confidential address is
        code = "lower-untold" if untold else each.why
        why = self._say("behind", code, by=by, worse=worse, rules=self._rules(each.unknown))
        kind = "closed" if each.why.closed else "next"
        return self._say("explained", kind, service=_service(each), why=why)

    def _otherwise(self, said: Counterfactual, weighed: DecisionRationale, chosen: str) -> str:
        of = next((each for each in weighed.next if _service(each) == said.service), None)
        ahead = {term: -by for term, by in of.worse.items() if by < 0 and ("better", term) in self._words} if of else {}
        best = max(ahead, key=lambda term: ahead[term], default="")
        return self._say(
            "changed",
            said.change,
            service=said.service,
            provider=chosen if said.change is Change.NOT_PREFERRED else said.service.partition("/")[0],
            better=f", {self._say('better', best)}," if best else "",
            places=str(said.places or 0),
            rules=self._rules(of.unknown if of else []),
        )

    def _terms(self, vocabulary: str, by: Mapping[str, float]) -> list[str]:
        return [self._say(vocabulary, term, value=self._number(value)) for term, value in by.items() if value > 0]

    def _rules(self, rules: Sequence[Rule]) -> str:
        return ", ".join(self._say("rule", rule) for rule in rules)

    def _number(self, value: float) -> str:
        return format_decimal(value, format="0.00", locale=self._language)

    def _say(self, vocabulary: str, code: str, **parts: str) -> str:
        return self._words.get((vocabulary, str(code)), str(code)).format(**parts)


def _service(each: Alternative) -> str:
    return each.version.rpartition("@")[0]
