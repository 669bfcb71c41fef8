"""Findings as one line of JSON for machines and a table for people."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from statistics import mean
from typing import Any

from benchmarks.running import Findings, Seen

MEBIBYTE = 2**20


def cpu_ms(seen: Sequence[Seen]) -> float:
    """Milliseconds per probe over all windows."""
    return 1000 * sum(sum(one.window.cpu.values()) for one in seen) / max(1, sum(one.probes for one in seen))


def calibrated(seen: Sequence[Seen]) -> float:
    """CPU per probe in units of the calibration loop."""
    return sum(sum(one.window.cpu.values()) / one.calibration for one in seen) / sum(one.probes for one in seen)


def by_process(seen: Sequence[Seen]) -> dict[str, float]:
    names = dict.fromkeys(name for one in seen for name in one.cpu_ms)
    return {name: round(mean(one.cpu_ms.get(name, 0.0) for one in seen), 3) for name in names}


def machine() -> dict[str, Any]:
    return {"cpus": os.cpu_count(), "python": platform.python_version(), "kernel": platform.release()}


def summary(scenario: str, findings: Findings) -> dict[str, Any]:
    """Everything that is known of a load, ready for JSON."""
    ours, peer, kept = findings.ours, findings.peer, findings.punctuality
    probes = sum(one.probes for one in ours)
    result: dict[str, Any] = {
        "scenario": scenario,
        "load": asdict(findings.load),
        "windows": [round(one.window.end - one.window.begin, 1) for one in ours],
        "probes": probes,
        "slots": kept.slots if kept else 0,
        "missed": kept.missed if kept else 0,
        "missed_percent": round(kept.missed_percent, 3) if kept else 0.0,
        "repeated": kept.repeated if kept else 0,
        "lateness": {key: round(getattr(kept, key), 4) for key in ("p50", "p95", "p99", "latest", "earliest")},
        "cpu_ms": round(cpu_ms(ours), 3),
        "cpu_ms_by_process": by_process(ours),
        "cpu_ms_by_window": [round(cpu_ms([one]), 3) for one in ours],
        "farm_cpu_ms": round(1000 * sum(one.window.farm_cpu for one in ours) / max(1, probes), 3),
        "calibration_ms": [round(1000 * one.calibration, 2) for one in ours],
        "pss_mb": round(sum(findings.memory.values()) / MEBIBYTE),
        "pss_mb_by_process": {name: round(size / MEBIBYTE) for name, size in findings.memory.items()},
        "growth_bytes_per_1000_probes": round(1000 * findings.growth / max(1, probes)),
        "failures": findings.failures,
        "complaints": len(findings.complaints),
        "machine": machine(),
    }
    if peer:
        result |= _comparison(findings)
    return result


def _comparison(findings: Findings) -> dict[str, Any]:
    ours, peer = findings.ours, findings.peer
    return {
        "peer_cpu_ms": round(cpu_ms(peer), 3),
        "peer_cpu_ms_by_process": by_process(peer),
        "peer_cpu_ms_by_window": [round(cpu_ms([one]), 3) for one in peer],
        "peer_calibration_ms": [round(1000 * one.calibration, 2) for one in peer],
        "peer_probes": sum(one.probes for one in peer),
        "peer_pss_mb": round(sum(findings.peer_memory.values()) / MEBIBYTE),
        "ratio": round(cpu_ms(ours) / cpu_ms(peer), 3),
        "ratio_calibrated": round(calibrated(ours) / calibrated(peer), 3),
    }


LOAD_COLUMNS = {
    "scenario": lambda r: r["scenario"],
    "probes": lambda r: str(r["probes"]),
    "missed": lambda r: f"{r['missed']} ({r['missed_percent']:g} %)",
    "late p50/p95/p99 s": lambda r: "/".join(f"{r['lateness'][key]:.3f}" for key in ("p50", "p95", "p99")),
    "CPU ms/probe": lambda r: f"{r['cpu_ms']:.2f}",
    "peer's": lambda r: f"{r['peer_cpu_ms']:.2f}" if "peer_cpu_ms" in r else "-",
    "ratio (calibrated)": lambda r: f"{r['ratio']:.2f} ({r['ratio_calibrated']:.2f})" if "ratio" in r else "-",
    "PSS MB": lambda r: str(r["pss_mb"]),
    "B/1,000 probes": lambda r: f"{r['growth_bytes_per_1000_probes']:,}",
}
ALERT_COLUMNS = {
    "scenario": lambda r: f"{r['scenario']}: {r['news']}",
    "flips": lambda r: str(r["flips"]),
    "told": lambda r: str(r["told"]),
    "seconds p50/p95/max": lambda r: "/".join(f"{r['seconds'][key]:.3f}" for key in ("p50", "p95", "max")),
    "unexpected messages": lambda r: str(r["unexpected"]),
}
DASHBOARD_COLUMNS = {
    "scenario": lambda r: f"{r['scenario']}: {r['phase']}",
    "pages": lambda r: str(r["pages"]),
    "changes": lambda r: str(r.get("changes", 0)),
    "unseen": lambda r: str(r.get("unseen", 0)),
    "lag p50/p95/max s": lambda r: "/".join(f"{r['lag'][key]:.2f}" for key in r["lag"]) if "lag" in r else "-",
    "missed": lambda r: str(r["missed"]),
    "late p50/p95/p99 s": lambda r: "/".join(f"{r['late'][key]:.3f}" for key in ("p50", "p95", "p99")),
    "web CPU %": lambda r: f"{r['cpu_percent'].get('web', 0):.0f}",
    "viewers' CPU %": lambda r: f"{r['viewers_cpu_percent']:.0f}",
}


def table(results: Sequence[dict[str, Any]]) -> str:
    """Markdown: loads first, then how fast news travel, then open pages."""
    loads = [result for result in results if "lateness" in result]
    alerts = [result for result in results if "news" in result]
    phases = [result for result in results if "phase" in result]
    parts = [_table(loads, LOAD_COLUMNS), _table(alerts, ALERT_COLUMNS), _table(phases, DASHBOARD_COLUMNS)]
    return "\n\n".join(part for part in parts if part)


def _table(results: Sequence[dict[str, Any]], columns: Any) -> str:
    if not results:
        return ""
    lines = [list(columns), ["---"] * len(columns)]
    lines += [[show(result) for show in columns.values()] for result in results]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
