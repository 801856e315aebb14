"""Which nodes of a session run on which execution provider."""

from __future__ import annotations

from typing import Any

from compbench.errors import JobFailed


def placement(session: Any, wanted: str) -> dict[str, tuple[str, ...]]:
    """Provider -> the operator types of the nodes that it was given."""
    providers = session.get_providers()
    if wanted not in providers:
        raise JobFailed(f"asked for {wanted}, ONNX Runtime took {', '.join(providers)}")
    if not hasattr(session, "get_provider_graph_assignment_info"):
        if providers == [wanted]:
            return {wanted: ()}
        raise JobFailed(
            f"this ONNX Runtime can't say which nodes run on {wanted}; 1.24 and later can"
        )
    found: dict[str, tuple[str, ...]] = {}
    for part in session.get_provider_graph_assignment_info():
        operators = tuple(node.op_type for node in part.get_nodes())
        found[part.ep_name] = (*found.get(part.ep_name, ()), *operators)
    if wanted not in found:
        raise JobFailed(f"none of the nodes runs on {wanted}: all fell back to {', '.join(found)}")
    return found


def refuse_fallback(wanted: str, placement: dict[str, tuple[str, ...]]) -> None:
    """Raises JobFailed where nodes run elsewhere than on the provider that was asked for."""
    elsewhere = {name: operators for name, operators in placement.items() if name != wanted}
    if not elsewhere:
        return
    total = sum(map(len, placement.values()))
    moved = sum(map(len, elsewhere.values()))
    names = ", ".join(sorted({o for operators in elsewhere.values() for o in operators}))
    raise JobFailed(
        f"{moved} of {total} nodes ({names}) fell back from {wanted} to {', '.join(elsewhere)}; "
        "set allow_fallback = true in the target to measure the mixture"
    )
