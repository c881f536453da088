# SPDX-License-Identifier: GPL-2.0-only
"""The alerts of contrib/prometheus: about metrics that there are, and raised by what simulated hosts say, nothing else."""
import json
import re
import subprocess

import pytest

from lib import cli, promtool

RP = "0000:0c:00.0"
DASHBOARD = cli.ROOT / "contrib/prometheus/cxl-isolation-dashboard.json"
RULES = cli.ROOT / "contrib/prometheus/cxl-isolation.rules.yml"
ENABLE = "cxl enable-isolation --timeout=B2 root0 >/dev/null; "
# what happened before, and the alerts after an hour of it
CONDITIONS = {
    "contained": (ENABLE, set()),
    "off": ("true", {("CxlFailureNotContained", "isolation-off")}),
    "timeout off": ("cxl enable-isolation --timeout=keep root0 >/dev/null", {("CxlFailureNotContained", "timeout-off")}),
    "isolated": (ENABLE + f"cxl-sim ctl link-down {RP}", {("CxlRootPortIsolated", None)}),
    "dead": (f"cxl-sim ctl link-down {RP}", {("CxlMetricsIncomplete", None)}),
}


def test_every_metric_and_problem_of_the_rules_is_one():
    expressions = "\n".join(re.findall(r"expr: (.*)", RULES.read_text()))
    metrics, problems = (cli.ROOT / "cxl/status_output.c").read_text(), (cli.ROOT / "lib/report/problem.c").read_text()
    used = set(re.findall(r"\bcxl_isolation_\w+(?=\{| )", expressions))
    named = {p for names in re.findall(r'problem=~?"([^"]*)"', expressions) for p in names.split("|")}
    assert len(used) >= 3 and not [m for m in used if f'{{ "{m}"' not in metrics], used
    assert named == set(re.findall(r'^\t\{ "([a-z-]+)", "', problems, re.M)) - {"isolated", "busy"}, "isolated has an alert of its own, busy goes with it"


def expressions_in(thing):
    """Of a dashboard, wherever they are in it."""
    if isinstance(thing, dict):
        return [v for k, v in thing.items() if k == "expr"] + [e for v in thing.values() for e in expressions_in(v)]
    return [e for v in thing for e in expressions_in(v)] if isinstance(thing, list) else []


def test_the_dashboard_asks_for_metrics_that_there_are_in_words_that_prometheus_understands(tmp_path):
    board = json.loads(DASHBOARD.read_text())
    expressions = [e.replace("$instance", ".*") for e in expressions_in(board)]
    metrics = (cli.ROOT / "cxl/status_output.c").read_text()
    used = set(re.findall(r"\bcxl_isolation_\w+", "\n".join(expressions)))
    assert len(expressions) == len(board["panels"]) + 1 and len(used) > 5
    assert not [m for m in used if f'{{ "{m}"' not in metrics], used
    assert len({p["id"] for p in board["panels"]}) == len(board["panels"]) and {v["name"] for v in board["templating"]["list"]} == {"datasource", "instance"}
    rules = tmp_path / "rules.yml"
    rules.write_text(json.dumps({"groups": [{"name": "board", "rules": [{"record": f"x{i}", "expr": e} for i, e in enumerate(expressions)]}]}))
    p = subprocess.run([promtool.program(), "check", "rules", rules], capture_output=True, text=True, check=False)
    assert p.returncode == 0, p.stdout + p.stderr


def test_the_dashboard_counts_memory_by_what_a_failure_of_it_ends_in(tmp_path):
    r, = cli.Session("direct2x2", before="cxl enable-isolation 0000:0c:00.0 >/dev/null").sh("cxl isolation-status --format=prometheus").run()
    series = [(s.replace("{", '{instance="host",') if "{" in s else s + '{instance="host"}', v) for s, v in re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", r.text, re.M)]
    expr, = [e.replace("$instance", ".*") for e in expressions_in(json.loads(DASHBOARD.read_text())) if "memory_bytes" in e]
    bytes_of = {v["root_port"]: (v["containment"], v["bytes"]) for v in json.loads(cli.Session("direct2x2", before="cxl enable-isolation 0000:0c:00.0 >/dev/null")
                .sh("cxl isolation-status").run()[0].text)["root_ports"]}
    wanted = {}
    for level, size in bytes_of.values():
        wanted[level] = wanted.get(level, 0) + size
    assert len(wanted) > 1, wanted
    test = tmp_path / "test.yml"
    test.write_text(json.dumps({"rule_files": [], "evaluation_interval": "1m", "tests": [
        {"interval": "1m", "input_series": [{"series": s, "values": f"{v}x5"} for s, v in series],
         "promql_expr_test": [{"expr": expr, "eval_time": "3m", "exp_samples": [{"labels": f'{{level="{k}"}}', "value": v} for k, v in wanted.items()]}]}]}))
    p = subprocess.run([promtool.program(), "test", "rules", test], capture_output=True, text=True, check=False)
    assert p.returncode == 0, p.stdout[-3000:] + p.stderr[-3000:]


@pytest.mark.parametrize("metric, label, values, alert", [
    ("isolations_total", "cause", {"link-down": "0x30 1x30 2x300"}, "CxlRootPortFailsAgain"),
    ("isolations_total", "cause", {"link-down": "0x30 1x330", "timeout": "0x300 1x60"}, "CxlRootPortFailsAgain"),
    ("isolations_total", "cause", {"link-down": "0x30 1x330"}, None),
    ("recoveries_total", "result", {"failed": "0x330 1x30"}, "CxlRecoveryFailed"),
    ("recoveries_total", "result", {"done": "0x330 1x30", "failed": "3x360"}, None)])
def test_alerts_on_what_is_counted(metric, label, values, alert, tmp_path):
    test = tmp_path / "test.yml"
    test.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [
        {"interval": "1m", "input_series": [{"series": f'cxl_isolation_{metric}{{instance="host",root_port="{RP}",{label}="{v}"}}', "values": n} for v, n in values.items()],
         "promql_expr_test": [{"expr": 'count by (alertname, root_port) (ALERTS{alertstate="firing"})', "eval_time": "6h",
                               "exp_samples": [{"labels": f'{{alertname="{alert}", root_port="{RP}"}}', "value": 1}] if alert else []}]}]}))
    p = subprocess.run([promtool.program(), "test", "rules", test], capture_output=True, text=True, check=False)
    assert p.returncode == 0, p.stdout[-3000:] + p.stderr[-3000:]


def test_promtool_understands_them():
    p = subprocess.run([promtool.program(), "check", "rules", RULES], capture_output=True, text=True, check=False)
    assert p.returncode == 0, p.stdout + p.stderr


@pytest.mark.parametrize("condition", CONDITIONS)
def test_an_alert_is_raised_by_what_it_is_about_and_by_nothing_else(condition, tmp_path):
    before, wanted = CONDITIONS[condition]
    r, = cli.Session("direct1", before=before).sh("cxl isolation-status --format=prometheus").run()
    samples = re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", r.text, re.M)
    series = [(s.replace("{", '{instance="host",') if "{" in s else s + '{instance="host"}', v) for s, v in samples]
    assert len(series) > (20 if condition != "dead" else 0), str(r)
    assert {n for n, _ in wanted} <= set(re.findall(r"alert: (\w+)", RULES.read_text()))
    firing = [{"labels": f'{{alertname="{name}"' + (f', problem="{problem}"}}' if problem else "}"), "value": 1} for name, problem in wanted]
    test = tmp_path / "test.yml"
    test.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [
        {"interval": "1m", "input_series": [{"series": s, "values": f"{v}x60"} for s, v in series],
         "promql_expr_test": [{"expr": 'count by (alertname, problem) (ALERTS{alertstate="firing"})', "eval_time": "1h", "exp_samples": firing}]}]}))
    p = subprocess.run([promtool.program(), "test", "rules", test], capture_output=True, text=True, check=False)
    assert p.returncode == 0, p.stdout[-3000:] + p.stderr[-3000:]
