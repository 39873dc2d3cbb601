"""Format a speed benchmark as a Markdown table."""

from __future__ import annotations

from typing import Any


def markdown(summary: dict[str, Any]) -> str:
    """Heading, a line on the machine, and a row per way; also lists missing devices.

    Parameters
    ----------
    summary : dict
        Result of `benchmark_inference` or `benchmark_whatif`.
    """
    differences = summary.get("largest_difference", {})
    unit = "image" if "seconds_per_image" in summary else "step"
    versions = ", ".join(f"{k} {v}" for k, v in summary["versions"].items())
    engines = ", ".join(dict.fromkeys(summary["engines"].values()))
    lines = [
        f"## {summary['benchmark']}: {summary['model']}",
        "",
        f"{summary['machine']}, {summary['threads']} threads, {summary['date']}; "
        f"{versions}; {engines}. Median of {summary['rounds']} rounds in turns.",
        "",
        f"| way | ms per {unit} | times plain PyTorch | "
        "largest difference, logits / psi |",
        "|---|---|---|---|",
    ]
    for way, seconds in summary["median_s"].items():
        gap = differences.get(way)
        words = f"{gap['logits']:.0e} / {gap['psi']:.0e}" if gap else ""
        ratio = summary["ratio"][way]
        lines.append(f"| {way} | {1000 * seconds:.0f} | {ratio:.2f} | {words} |")
    for way, reason in summary.get("not_built", {}).items():
        lines.append(f"| {way} | not built: {reason} | | |")
    for kind in summary["not_measured"]:
        lines.append(f"| {kind} | not measured | | |")
    if "floor_s" in summary:
        peak = summary["gflop_per_s"]
        lines += [
            "",
            f"The device: {peak['matmul']:.0f} GFLOP/s in a matrix product, "
            f"{peak['conv']:.0f} in a convolution; {summary['gmac']:.1f} GMAC take at "
            f"least {1000 * summary['floor_s']:.0f} ms.",
        ]
    return "\n".join(lines) + "\n"
