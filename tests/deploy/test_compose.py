"""The compose files, as docker-compose reads them."""

from __future__ import annotations

import os

import pytest

from tests.deploy.assets import DEPLOY, read_yaml, run

COMPOSE = DEPLOY / "compose"
ADDED = ("redis", "mongodb", "monitoring")
ENVIRON = {**os.environ, "GRAFANA_PASSWORD": "made-up-password"}


def files(*added: str) -> list[str]:
    return [word for name in ("compose", *added) for word in ("-f", str(COMPOSE / f"{name}.yaml"))]


@pytest.mark.parametrize("added", ["", *ADDED])
def test_compose_files_are_accepted_alone_and_added(added):
    run("docker-compose", *files(*filter(None, [added])), "config", "-q", env=ENVIRON)


def test_compose_files_go_together():
    run("docker-compose", *files(*ADDED), "config", "-q", env=ENVIRON)


def test_grafana_does_not_start_without_a_password():
    environ = {name: value for name, value in ENVIRON.items() if name != "GRAFANA_PASSWORD"}
    with pytest.raises(AssertionError, match="set GRAFANA_PASSWORD"):
        run("docker-compose", *files("monitoring"), "config", "-q", env=environ)


def test_every_port_is_published_on_loopback_only():
    services = [
        each for name in ("compose", *ADDED) for each in read_yaml(COMPOSE / f"{name}.yaml")["services"].values()
    ]
    published = [port for service in services for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_mounted_files_exist():
    mounts = [
        volume.partition(":")[0]
        for service in read_yaml(COMPOSE / "monitoring.yaml")["services"].values()
        for volume in service.get("volumes", ())
        if volume.startswith(".")
    ]
    assert mounts
    assert [mount for mount in mounts if not (COMPOSE / mount).exists()] == []


def test_proxy_keeps_nothing_outside_of_its_volumes():
    service = read_yaml(COMPOSE / "compose.yaml")["services"]["pollux"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert {volume.partition(":")[2] for volume in service["volumes"]} == {"/creds", "/data"}
