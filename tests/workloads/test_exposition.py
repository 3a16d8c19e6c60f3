"""What a monitor has found, as Prometheus reads it: its own parser reads the text, and the rules ask for what is written."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml
from msgspec import structs
from prometheus_client.parser import text_string_to_metric_families

from mlops.address import Address
from mlops.contracts.alerts import OUTBOX_FILE
from mlops.monitoring.rules import rule_file
from mlops.workloads.monitoring.alerts.outbox import Outbox, OutboxMessage
from mlops.workloads.monitoring.baseline import write_baseline
from mlops.workloads.monitoring.exposition import Exposition, exposition_of, serve_metrics
from mlops.workloads.monitoring.watcher import Watcher
from tests.ports import any_port
from tests.workloads.test_baseline import START, config_of, write_log
from tests.workloads.test_monitor_pages import warmer

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def found(text: str, name: str, **labels: str) -> float:
    return samples(text)[name, tuple(sorted({"monitor": "monitor.m", **labels}.items()))]


def test_findings_of_a_watcher_are_counted_until_they_are_acknowledged(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    write_baseline(config)
    write_log(tmp_path, START, warmer(8, 500))
    before = exposition_of(tmp_path / "out", "monitor.m", START)
    assert found(before, "mlops_monitor_open_findings", kind="drift", severity="critical") == 0
    Watcher(config).tick(START + 13)
    text = exposition_of(tmp_path / "out", "monitor.m", START + 13)
    assert found(text, "mlops_monitor_open_findings", kind="drift", severity="critical") == 1
    assert found(text, "mlops_monitor_open_findings", kind="drift", severity="warning") == 0
    assert found(text, "mlops_monitor_rows_total") == 500
    assert found(text, "mlops_monitor_looked_timestamp_seconds") == START + 13
    assert found(text, "mlops_monitor_statistic_ratio", column="temp", test="ks") > 1
    assert found(text, "mlops_monitor_statistic_ratio", column="weekday", test="chi2") < 1
    for path in (tmp_path / "out/findings").glob("drift-*.json"):
        path.with_name(f"{path.stem}.ack.json").write_text("{}")
    after = exposition_of(tmp_path / "out", "monitor.m", START + 14)
    assert found(after, "mlops_monitor_open_findings", kind="drift", severity="critical") == 0
    assert found(after, "mlops_monitor_open_findings", kind="quality", severity="critical") == 1


def test_names_of_columns_break_no_line(tmp_path: Path) -> None:
    from mlops.contracts.windows import JudgedTest, JudgedWindow
    from mlops.workloads.monitoring.history import WindowHistory

    name = 'a "quoted" {name}\\ of\ntwo lines'
    window = JudgedWindow(
        since=0, until=1, rows=1, baseline="b",
        tests=(JudgedTest(name=name, method="ks", statistic=0.3, threshold=0.1),),
    )  # fmt: skip
    WindowHistory(tmp_path / "windows.jsonl").add(window)
    text = exposition_of(tmp_path, "monitor.m", 1.0)
    assert found(text, "mlops_monitor_statistic_ratio", column=name, test="ks") == pytest.approx(3)


def test_file_is_read_at_its_address_and_a_taken_port_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Outbox(tmp_path / OUTBOX_FILE).put(OutboxMessage("k", "r", "warning", "t", "b"), now=0, due=0)
    exposition = Exposition(tmp_path, "monitor.m")
    exposition.write(100.0)
    exposition.write(101.0)
    port = any_port()
    server = serve_metrics(tmp_path, "127.0.0.1", port)
    assert server is not None
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
            assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert found(text, "mlops_monitor_alerts_waiting") == 1
        assert found(text, "mlops_monitor_looked_timestamp_seconds") == 100
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/../status.json", timeout=10)
        assert serve_metrics(tmp_path, "127.0.0.1", port) is None
        assert "metrics are in metrics.prom alone" in capsys.readouterr().out
    finally:
        server.shutdown()
        server.server_close()


def test_rules_are_yaml_of_prometheus_and_ask_for_metrics_that_are_written(tmp_path: Path) -> None:
    text = rule_file("delays", [Address("monitor", "delay"), Address("monitor", "delay-jfk")])
    (group,) = yaml.safe_load(text)["groups"]
    assert group["name"] == "mlops-delays"
    written = {name for name, _ in samples(exposition_of(tmp_path, "monitor.m", time.time()))}
    for rule in group["rules"]:
        assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+[smhd]", rule["for"])
        assert re.fullmatch(r"[A-Za-z_]\w*", rule["alert"])
        asked = set(re.findall(r"mlops_monitor_\w+", rule["expr"]))
        assert asked
        assert asked <= written
        matchers = re.findall(r'monitor=~"([^"]+)"', rule["expr"])
        assert all(
            re.fullmatch(one, "monitor.delay-jfk") and not re.fullmatch(one, "monitor-delay") for one in matchers
        )
    assert sum("absent(" in rule["expr"] for rule in group["rules"]) == 2
    # promtool calls two rules of one name and equal labels a mistake.
    assert len({(rule["alert"], *rule["labels"].items()) for rule in group["rules"]}) == len(group["rules"])
    assert {rule["labels"]["severity"] for rule in group["rules"]} == {"critical", "warning"}


def test_finding_of_the_last_version_without_a_severity_counts_as_a_warning(tmp_path: Path) -> None:
    (tmp_path / "findings").mkdir()
    finding = {
        "id": "drift-1", "monitor": "monitor.m", "kind": "drift", "since": "x", "until": "x", "rows": 1, "columns": [],
        "windows": 1, "baseline_digest": "b",
    }  # fmt: skip
    (tmp_path / "findings/drift-1.json").write_text(json.dumps(finding))
    text = exposition_of(tmp_path, "monitor.m", 1.0)
    assert found(text, "mlops_monitor_open_findings", kind="drift", severity="warning") == 1


def test_watcher_opens_the_port_that_its_configuration_names(tmp_path: Path) -> None:
    import subprocess
    import sys

    from mlops.contracts.codec import encode

    port = any_port()
    config = structs.replace(config_of(tmp_path), metrics_port=port)
    write_baseline(config)
    (tmp_path / "config.json").write_text(encode(config))
    words = [sys.executable, "-m", "mlops.workloads.monitoring.watcher", str(tmp_path / "config.json")]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                    text = answer.read().decode()
                break
            except OSError:
                assert time.monotonic() < until
                assert process.poll() is None
                time.sleep(0.1)
        assert found(text, "mlops_monitor_windows_total") == 0
    finally:
        process.terminate()
        process.wait()
