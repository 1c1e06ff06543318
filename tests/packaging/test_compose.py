"""The compose files hold together: what they set is a setting, and what is inside stays inside."""

from __future__ import annotations

import re
import stat
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from app.settings import ROOT, Settings
from tests.packaging.compose import compose, make_secrets
from tests.packaging.dockerfile import Image

ONE, CLUSTER = "compose.yaml", "compose.cluster.yaml"
BOTH = pytest.mark.parametrize("name", [ONE, CLUSTER])


@pytest.fixture(scope="module")
def cluster() -> dict[str, Any]:
    return compose(CLUSTER, PARLEY_DOMAIN="chat.example.org")


def settings(environment: dict[str, str], secrets: Path) -> Settings:
    """As Parley reads them; raises WrongSetting."""
    found = {name: value.replace("/run/secrets", str(secrets)) for name, value in environment.items()}
    return Settings.from_environment(found)


@BOTH
def test_nothing_may_do_more_than_it_must(name: str) -> None:
    for service in compose(name)["services"].values():
        assert service["read_only"] is True
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["restart"] == "unless-stopped"
        assert "privileged" not in service
        if service["image"] == "parley":
            assert service["cap_drop"] == ["ALL"]
            assert service["tmpfs"] == ["/tmp"]
            assert [str(each).split(":")[1] for each in service["volumes"]] == ["/data"]


@BOTH
def test_images_are_named_with_their_version(name: str) -> None:
    images = {service["image"] for service in compose(name)["services"].values()} - {"parley"}
    assert all(re.fullmatch(r"[a-z]+:\d+(-[a-z]+)?", image) for image in images), images


def test_one_container_takes_its_settings_and_is_for_this_machine(tmp_path: Path) -> None:
    one = compose(ONE, PARLEY_BASE_URL="https://chat.example.org", PARLEY_TIMEZONE="Europe/Berlin")
    service = one["services"]["parley"]
    found = settings(service["environment"], tmp_path)
    assert (found.base_url, found.timezone) == ("https://chat.example.org", "Europe/Berlin")
    (network,) = one["networks"].values()
    (subnet,) = network["ipam"]["config"]
    assert found.trusted_proxies == f"{ip_network(subnet['subnet'])[1]}/32"
    assert all(str(port).startswith("127.0.0.1:") for port in service["ports"])


def test_a_cluster_is_one_server(cluster: dict[str, Any], tmp_path: Path) -> None:
    secrets = make_secrets(tmp_path)
    services = cluster["services"]
    found = settings(services["app1"]["environment"], secrets)
    assert services["app1"] == services["app2"]
    assert found.is_shared
    assert found.redis_url == "redis://redis:6379/0"
    assert found.secret == (secrets / "secret_key").read_text()
    assert found.base_url == "https://chat.example.org"
    assert services["proxy"]["environment"]["PARLEY_UPSTREAMS"].split() == ["app1:8000", "app2:8000"]
    assert (secrets / "postgres_password").read_text() in found.database_url


def test_only_the_proxy_is_reached_and_only_it_is_believed(cluster: dict[str, Any]) -> None:
    services = cluster["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    assert cluster["networks"]["back"]["internal"] is True
    assert all(set(services[name]["networks"]) == {"back"} for name in ("postgres", "redis"))
    trusted = ip_network(services["app1"]["environment"]["PARLEY_TRUSTED_PROXIES"])
    assert trusted == ip_network(cluster["networks"]["front"]["ipam"]["config"][0]["subnet"])
    assert ip_address("127.0.0.1") not in trusted


def test_nothing_starts_before_what_it_needs_is_well(cluster: dict[str, Any]) -> None:
    services = cluster["services"]
    ours = {name for name, service in services.items() if service["image"] == "parley"}  # their image says how
    checked = ours | {name for name, service in services.items() if "test" in service.get("healthcheck", {})}
    for service in services.values():
        for needed, how in service.get("depends_on", {}).items():
            assert how["condition"] == "service_healthy"
            assert needed in checked


def test_the_image_stops_before_it_is_killed(cluster: dict[str, Any], tmp_path: Path) -> None:
    assert Image(tmp_path).said("STOPSIGNAL") == "SIGTERM"
    assert all(cluster["services"][name]["stop_grace_period"] == "15s" for name in ("app1", "app2"))


def test_the_proxy_reads_the_example(cluster: dict[str, Any]) -> None:
    mounts = [str(each) for each in cluster["services"]["proxy"]["volumes"]]
    assert f"{ROOT}/deploy/Caddyfile:/etc/caddy/Caddyfile:ro" in mounts
    assert (ROOT / "deploy/Caddyfile").is_file()


def test_secrets_are_made_once_and_for_nobody_else_on_the_machine(tmp_path: Path) -> None:
    secrets = make_secrets(tmp_path)
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    made = {path.name: path.read_text() for path in secrets.iterdir()}
    assert set(made) == {"secret_key", "postgres_password", "database_url"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o644 for path in secrets.iterdir())
    make_secrets(tmp_path)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == made
