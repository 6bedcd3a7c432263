"""A decision in plain words, in English, Russian and Belarusian: made from its recorded codes when somebody reads it.

The texts are those of `contracts.texts`; a code without a text stands for itself. Only the fact and its need are used,
so a decision can be explained long after its services have left the directory.
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
    """The rule that ruled out most services: `removed` of `before`."""

    rule: Rule
    removed: int
    before: int


def decisive(funnel: Sequence[FunnelStep]) -> Decisive | None:
    """The rule that ruled out most services; of several, the first. None: no rule ruled out any.

    The first step, the category, is what the others are counted from.
    """
    removals = [Decisive(step.rule, last.left - step.left, last.left) for last, step in pairwise(funnel)]
    most = max(removals, key=lambda each: each.removed, default=None)
    return most if most and most.removed else None


def sentences(fact: Decision, need: NeedRegistered | None, at_once: Sequence[Matched] = ()) -> dict[str, list[str]]:
    """What was decided and why: by language, a list of sentences.

    `at_once` are the matches of the same decision, in order; the first of them holds the rationale for all.
    """
    return {language: _Narrator(language, need).sentences(fact, at_once) for language in LANGUAGES}


class _Narrator:
    """Puts decisions on one need into words, in one language."""

    def __init__(self, language: str, need: NeedRegistered | None) -> None:
        self._language, self._need, self._words = language, need, catalogue(language)

    def sentences(self, fact: Decision, at_once: Sequence[Matched]) -> list[str]:
        if isinstance(fact, Matched):
            rationale = next((each.weighed for each in at_once if each.weighed), fact.weighed)
            lines = [*self._matched(fact, rationale, at_once), self._considered(fact.funnel)]
            chosen = at_once[0].provider if at_once else fact.provider
        else:
            rationale = fact.weighed
            lines = [self._unserved(fact), self._considered(fact.funnel), self._decisive(fact.funnel)]
            chosen = ""
        if rationale:
            lines += [self._alternative(each) for each in rationale.next]
            lines += [self._counterfactual(each, rationale, chosen) for each in rationale.otherwise]
        return [line for line in lines if line]

    # what was decided ------------------------------------------------------------------------------------------------

    def _matched(self, match: Matched, rationale: DecisionRationale | None, at_once: Sequence[Matched]) -> list[str]:
        lines = [self._chosen(match, WEIGHTS_OF.get(rationale.weights if rationale else "", {}))]
        others = [f"{each.provider}/{each.service}" for each in at_once if each.attempt != match.attempt]
        if others:
            lines.append(self._text("explained", "at-once", services=", ".join(others)))
        if match.needs_assessment:
            lines.append(self._text("explained", "assess", rules=self._rules(match.needs_assessment)))
        return lines

    def _chosen(self, match: Matched, weights: Mapping[str, float]) -> str:
        """The service, its score, and each term of the score with the most that it can be."""
        values = {each.term: each.value for each in match.reasons}
        score = values.pop("score", 0.0)
        terms = []
        for term, value in values.items():
            most = weights.get(term, 1.0)
            terms.append(self._text("term", term, value=self._number(most * value), most=self._number(most)))
        service = f"{match.provider}/{match.service}"
        return self._text("explained", "chosen", service=service, score=self._number(score), terms="; ".join(terms))

    def _unserved(self, fact: Waiting | Unmet) -> str:
        if isinstance(fact, Unmet):
            vocabulary = "unmet" if ("unmet", fact.cause) in self._words else "declined"
            return self._text("explained", "unmet", reason=self._text(vocabulary, fact.cause))
        if fact.code:
            return self._text("explained", "held", reason=self._text("waiting", fact.code))
        return self._text("explained", "waiting")

    def _considered(self, funnel: Sequence[FunnelStep]) -> str:
        """Such as: 41 in the area, 12 with a free place, none in Pashto. Rules that ruled out nobody are left out."""
        counts = [
            self._counted(step)
            for last, step in zip([None, *funnel], funnel, strict=False)
            if last is None or step.left < last.left
        ]
        return self._text("explained", "considered", funnel=", ".join(counts)) if counts else ""

    def _counted(self, step: FunnelStep) -> str:
        what = self._text("left", step.rule)
        if step.rule is Rule.LANGUAGE and self._need:
            what = self._text("format", "in-languages", languages=self._language_names(self._need))
        return f"{step.left} {what}" if step.left else self._text("format", "none", what=what)

    def _language_names(self, need: NeedRegistered) -> str:
        """The languages that were looked for: those the person insists on, otherwise those of the people."""
        spoken = [language for person in need.people for language in person.languages]
        names = Locale.parse(self._language).languages
        return ", ".join(names.get(code, code) for code in dict.fromkeys(need.constraints.languages or spoken))

    def _decisive(self, funnel: Sequence[FunnelStep]) -> str:
        most = decisive(funnel)
        if most is None:
            return ""
        numbers = {"removed": str(most.removed), "before": str(most.before)}
        return self._text("explained", "most", rule=self._text("rule", most.rule), **numbers)

    # what was not chosen, and what would have been --------------------------------------------------------------------

    def _alternative(self, each: Alternative) -> str:
        by, worse = self._number(sum(each.worse.values())), ", ".join(self._terms("worse", each.worse))
        # what is left without a reason is the distance to a confidential address
        withheld = each.why is Behind.LOWER_SCORE and not worse
        code = "lower-untold" if withheld else each.why
        why = self._text("behind", code, by=by, worse=worse, rules=self._rules(each.unknown))
        kind = "closed" if each.why.closed else "next"
        return self._text("explained", kind, service=_service(each), why=why)

    def _counterfactual(self, change: Counterfactual, rationale: DecisionRationale, chosen: str) -> str:
        alternative = next((each for each in rationale.next if _service(each) == change.service), None)
        better = self._best_term(alternative) if alternative else ""
        return self._text(
            "changed",
            change.change,
            service=change.service,
            provider=chosen if change.change is Change.NOT_PREFERRED else change.service.partition("/")[0],
            better=f", {self._text('better', better)}," if better else "",
            places=str(change.places or 0),
            rules=self._rules(alternative.unknown if alternative else []),
        )

    def _best_term(self, alternative: Alternative) -> str:
        """The term in which the alternative exceeds the chosen service most, of those that have a text; or nothing."""
        ahead = {term: -by for term, by in alternative.worse.items() if by < 0 and ("better", term) in self._words}
        return max(ahead, key=lambda term: ahead[term], default="")

    def _terms(self, vocabulary: str, by: Mapping[str, float]) -> list[str]:
        return [self._text(vocabulary, term, value=self._number(value)) for term, value in by.items() if value > 0]

    def _rules(self, rules: Sequence[Rule]) -> str:
        return ", ".join(self._text("rule", rule) for rule in rules)

    def _number(self, value: float) -> str:
        return format_decimal(value, format="0.00", locale=self._language)

    def _text(self, vocabulary: str, code: str, **parts: str) -> str:
        return self._words.get((vocabulary, str(code)), str(code)).format(**parts)


def _service(each: Alternative) -> str:
    return each.version.rpartition("@")[0]
