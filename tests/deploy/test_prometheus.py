"""The scrape, the rules and the alerts, as promtool reads them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from adapters.metric_table import METRICS
from adapters.metrics import PrometheusMeter
from tests.deploy.assets import DEPLOY, ROOT, read_yaml, run, unknown_metrics

PROMETHEUS = DEPLOY / "prometheus"
RULES = [rule for group in read_yaml(PROMETHEUS / "rules.yml")["groups"] for rule in group["rules"]]
ALERTS = [rule for rule in RULES if "alert" in rule]
CASES = [case for test in read_yaml(PROMETHEUS / "rules_test.yml")["tests"] for case in test["alert_rule_test"]]


def named(rule: dict[str, Any]) -> str:
    return str(rule.get("alert") or rule["record"])


def test_scrape_of_every_metric_is_accepted_by_promtool():
    meter = PrometheusMeter()
    for metric in METRICS:
        meter.child(metric.name, *("x" for _ in metric.labels))(1)
    scraped = meter.exposition()[1].decode()
    run("promtool", "check", "metrics", input=scraped)


def test_configuration_is_accepted_by_promtool():
    run("promtool", "check", "config", PROMETHEUS / "prometheus.yml")


def test_rules_are_accepted_by_promtool():
    run("promtool", "check", "rules", PROMETHEUS / "rules.yml")


def test_alerts_fire_and_keep_still_as_their_cases_say():
    run("promtool", "test", "rules", "rules_test.yml", cwd=PROMETHEUS)


@pytest.mark.parametrize("alert", ALERTS, ids=named)
def test_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(alert):
    fires = {bool(case["exp_alerts"]) for case in CASES if case["alertname"] == alert["alert"]}
    assert fires == {True, False}


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_rule_asks_only_for_metrics_and_records_that_exist(rule):
    records = {each["record"] for each in RULES if "record" in each}
    assert not unknown_metrics(rule["expr"])
    assert set(re.findall(r"pollux:[\w:]+", rule["expr"])) <= records


@pytest.mark.parametrize("alert", ALERTS, ids=named)
def test_alert_says_what_is_wrong_and_where_to_read_on(alert):
    page, _, anchor = alert["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert alert["annotations"]["summary"]
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert alert["alert"] in headings
    assert anchor == alert["alert"].lower()
