"""Checks of the notifications: one line each."""

from __future__ import annotations

# Differing elements of two sets named in one complaint.
ELEMENTS_SHOWN = 3


def agree(title: str, found: object, expected: object) -> bool:
    """Whether both are the same; says so, or how they differ."""
    same = found == expected
    if isinstance(found, set) and isinstance(expected, set):
        detail = f"{len(found)}" if same else f"missing {some(expected - found)}, too many {some(found - expected)}"
    else:
        detail = f"{found}" if same else f"{found} against {expected}"
    print(f"{'same' if same else 'DIFFERENT'} {title}: {detail}", flush=True)
    return same


def some(elements: set[str]) -> str:
    shown = sorted(elements)[:ELEMENTS_SHOWN]
    return f"{len(elements)} {shown}" if shown else "none"
