"""The dashboard is what the table of metrics gives, and shows all of it."""

from __future__ import annotations

import json

from adapters.metric_table import METRICS
from deploy.grafana.generate import FILE, dashboard, written
from tests.deploy.assets import DEPLOY, read_yaml, unknown_metrics

PANELS = dashboard()["panels"]
QUERIES = [target["expr"] for panel in PANELS for target in panel.get("targets", ())]


def test_committed_dashboard_is_what_the_table_of_metrics_gives():
    assert FILE.read_text(encoding="utf-8") == written(), "run: make dashboard"


def test_every_metric_is_shown():
    unseen = [metric.name for metric in METRICS if not any(metric.name in query for query in QUERIES)]
    assert not unseen


def test_queries_ask_only_for_metrics_that_exist():
    assert not {name for query in QUERIES for name in unknown_metrics(query)}


def test_panels_have_ids_of_their_own_and_do_not_overlap():
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in PANELS)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_provisioning_finds_the_dashboard_where_compose_mounts_it():
    provider = read_yaml(DEPLOY / "grafana/provisioning/dashboards/pollux.yml")["providers"][0]
    mounts = read_yaml(DEPLOY / "compose/monitoring.yaml")["services"]["grafana"]["volumes"]
    assert f"../grafana/dashboards:{provider['options']['path']}:ro" in mounts
    assert json.loads(FILE.read_text(encoding="utf-8"))["uid"] == "pollux"
