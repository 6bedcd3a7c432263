"""Alerts, dashboard and their documents use only metrics and labels that services have; each alert has a runbook."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client import CollectorRegistry

from contracts.topics import SERVICES
from contracts.words import Category, DeadlineKind, Urgency
from services.chassis.telemetry.catalogue import FAULTS_OF_OURS, LABELS, METRICS, WARNINGS
from services.chassis.telemetry.metrics import Meter
from services.outcomes.domain.loop_closure import MEASURED_TIMES

ROOT = Path(__file__).parents[4]
FOLDER = ROOT / "deploy" / "observability"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
RULES = {
    rule["alert"]: rule
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
}
DASHBOARD = json.loads((FOLDER / "grafana" / "dashboards" / "referrals.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = {
    **{f"alert {name}": rule["expr"] for name, rule in RULES.items()},
    **{
        f"panel {panel['title']} {target['refId']}": target["expr"].replace("$__rate_interval", "5m")
        for panel in PANELS
        for target in panel["targets"]
    },
}
OF_PROMETHEUS = {"up": {"job", "service", "instance"}, "ALERTS": {"alertstate", "alertname"}}
"""Metrics of Prometheus itself, with their labels."""
LABEL_VALUES = {
    "service": set(SERVICES), "outcome": {"decided", "answered", "ignored", "admitted", "refused"},
    "warning": set(WARNINGS), "clock": {each.value for each in DeadlineKind},
    "category": {each.value for each in Category}, "urgency": {each.value for each in Urgency},
    "until": set(MEASURED_TIMES), "quantile": {"0.5", "0.9"},
    "stands": {"capacity", "taken", "sent", "ended", "told"}, "part": {"loop", "gate"},
    "group": {"hard-to-place", "other"}, "end": {"served", "unmet", "other"},
    "stage": {"decode", *(stage for stage, _ in FAULTS_OF_OURS)}, "reason": {reason for _, reason in FAULTS_OF_OURS},
}  # fmt: skip


def selectors(node: Any) -> Iterator[Any]:
    """All metric selectors, anywhere in an expression."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    for name in ("expr", "lhs", "rhs", "vector_selector", "args", "param"):
        inner = getattr(node, name, None)
        for each in inner if isinstance(inner, list) else [inner]:
            if each is not None and not isinstance(each, str | int | float):
                yield from selectors(each)


def grouped(node: Any) -> Iterator[tuple[set[str], Any]]:
    """The labels by which an expression aggregates or joins, each with the expression they come from."""
    modifier = getattr(node, "modifier", None)
    labels = getattr(modifier, "labels", None) or getattr(getattr(modifier, "matching", None), "labels", None)
    if labels:
        yield set(labels), node
    for name in ("expr", "lhs", "rhs", "args"):
        inner = getattr(node, name, None)
        for each in inner if isinstance(inner, list) else [inner]:
            if each is not None and not isinstance(each, str | int | float):
                yield from grouped(each)


def labels_of(metric: str) -> set[str]:
    """The labels of a metric's series. Raises `KeyError` if no service has the metric."""
    if metric in OF_PROMETHEUS:
        return OF_PROMETHEUS[metric]
    for suffix, more in (("_bucket", {"le"}), ("_sum", set()), ("_count", set())):
        base = METRICS.get(metric.removesuffix(suffix))
        if metric.endswith(suffix) and base is not None and base.kind in ("histogram", "summary"):
            return {*base.labels, *more}
    definition = METRICS[metric]
    assert definition.kind in ("counter", "gauge"), f"{metric} has no series of this name"
    return set(definition.labels)


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_an_expression_uses_only_existing_metrics_and_labels(where: str) -> None:
    tree = promql_parser.parse(EXPRESSIONS[where])
    all_selectors = list(selectors(tree))
    assert all_selectors
    for selector in all_selectors:
        labels = labels_of(selector.name)
        for matcher in selector.matchers.matchers:
            assert matcher.name in labels, f"{selector.name} has no label {matcher.name}"
            if matcher.name in LABEL_VALUES and "$" not in matcher.value:
                assert set(matcher.value.split("|")) <= LABEL_VALUES[matcher.name], (
                    f"{matcher.name} is never {matcher.value}"
                )
    for labels, node in grouped(tree):
        available = set.union(*(labels_of(each.name) for each in selectors(node)))
        assert labels <= available, f"no metric there has {labels - available}"


def test_the_check_of_expressions_finds_wrong_ones() -> None:
    for wrong in (
        "sum(referrals_lag)",
        'referrals_lag_records{tenant="a"}',
        'sum(rate(referrals_handled_total{outcome="lost"}[5m]))',
        "sum by (agency) (referrals_lag_records)",
        "referrals_batch_seconds > 1",
    ):
        EXPRESSIONS["wrong"] = wrong
        with pytest.raises((AssertionError, KeyError)):
            test_an_expression_uses_only_existing_metrics_and_labels("wrong")
        del EXPRESSIONS["wrong"]


# Alerts ---------------------------------------------------------------------------------------------------------------


def anchors(text: str) -> list[str]:
    return [line.removeprefix("## ").lower() for line in text.splitlines() if line.startswith("## ")]


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    runbooks = anchors((FOLDER / "runbooks.md").read_text())
    assert runbooks == [name.lower() for name in RULES]
    for name, rule in RULES.items():
        assert rule["annotations"]["runbook_url"] == f"deploy/observability/runbooks.md#{name.lower()}"
        assert rule["labels"] in ({"severity": "page"}, {"severity": "ticket"})


def test_links_in_the_runbooks_have_a_target() -> None:
    text = (FOLDER / "runbooks.md").read_text()
    for target in re.findall(r"\]\(([^)]+)\)", text):
        file, _, anchor = target.partition("#")
        target_text = (FOLDER / file).read_text() if file else text
        assert not anchor or anchor in [each.replace(" ", "-") for each in anchors(target_text)], target


def test_the_summary_of_an_alert_uses_only_labels_of_its_result() -> None:
    for name, rule in RULES.items():
        used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        tree = promql_parser.parse(rule["expr"])
        left = (
            set.union(*(labels for labels, _ in grouped(tree)), set())
            if list(grouped(tree))
            else set(OF_PROMETHEUS["up"])
        )
        assert used <= left - {"le"}, name


def test_counters_that_alerts_use_start_at_zero() -> None:
    """Otherwise the first event would not be an increase."""
    zeros = {
        (sample.name, *sorted(sample.labels.items()))
        for family in Meter("x", CollectorRegistry()).registry.collect()
        for sample in family.samples
        if sample.value == 0
    }
    for warning in WARNINGS:
        assert ("referrals_warnings_total", ("service", "x"), ("warning", warning)) in zeros
    for stage, reason in FAULTS_OF_OURS:
        labels = ("reason", reason), ("service", "x"), ("stage", stage)
        assert ("referrals_dead_letters_total", *labels) in zeros


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is missing: apt-get install prometheus")
def test_the_rules_fire_when_they_should_and_not_before() -> None:
    for command in (["check", "config", "prometheus.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run(["promtool", *command], cwd=FOLDER, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_has_a_test() -> None:
    text = (FOLDER / "alerts_test.yml").read_text()
    assert [name for name in RULES if name not in text] == []


# Dashboard and documents ----------------------------------------------------------------------------------------------


def test_the_dashboard_shows_every_metric() -> None:
    shown = {each.name for expr in EXPRESSIONS.values() for each in selectors(promql_parser.parse(expr))}
    assert [name for name in METRICS if not any(each.startswith(name) for each in shown)] == []


def test_panels_do_not_overlap() -> None:
    occupied = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & occupied, panel["title"]
        assert at["x"] + at["w"] <= 24
        occupied |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_the_tables_match_the_catalogue() -> None:
    rows = re.findall(r"^\| `(.+?)` \|(.*)\|$", (FOLDER / "README.md").read_text(), re.MULTILINE)
    metrics = [
        (name, f" {each.kind} | {', '.join(f'`{label}`' for label in each.labels)} | {each.meaning} ")
        for name, each in METRICS.items()
    ]
    assert rows == [*metrics, *((name, f" {words} ") for name, words in LABELS.items())]


# Compose --------------------------------------------------------------------------------------------------------------


def observers() -> dict[str, Any]:
    return {name: each for name, each in COMPOSE["services"].items() if "observability" in each.get("profiles", ())}


def test_the_profile_starts_only_the_observability_services() -> None:
    assert set(observers()) == {"prometheus", "grafana", "jaeger"}
    for name, each in observers().items():
        assert re.fullmatch(r"[\w/-]+:v?\d+\.\d+\.\d+", each["image"]), f"{name}: pin the version"
        assert all(port.startswith("127.0.0.1:") for port in each["ports"])
        assert not [volume for volume in each.get("volumes", ()) if "secrets" in volume], (
            "observability needs no secrets"
        )


def test_mounted_files_exist_and_are_read_only() -> None:
    for each in observers().values():
        for volume in each.get("volumes", ()):
            source, _, how = volume.partition(":")
            if source.startswith("./"):
                assert (ROOT / source).exists(), source
                assert how.endswith(":ro")
            else:
                assert source in COMPOSE["volumes"]


def test_prometheus_reads_all_services_and_grafana_reads_prometheus() -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    (job,) = config["scrape_configs"]
    assert job["job_name"] == "referrals"
    assert [each for at in job["static_configs"] for each in at["targets"]] == [f"{name}:8080" for name in SERVICES]
    for path in ("datasources/datasources.yml", "dashboards/dashboards.yml"):
        assert yaml.safe_load((FOLDER / "grafana" / "provisioning" / path).read_text())["apiVersion"] == 1
    sources = yaml.safe_load((FOLDER / "grafana" / "provisioning" / "datasources" / "datasources.yml").read_text())
    known = {each["uid"]: each["url"] for each in sources["datasources"]}
    assert {panel["datasource"]["uid"] for panel in PANELS} == {"prometheus"}
    assert known == {"prometheus": "http://prometheus:9090", "jaeger": "http://jaeger:16686"}
