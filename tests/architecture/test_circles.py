"""No module imports itself through others."""

from __future__ import annotations

import grimp


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Direct imports at run time, those inside functions too; what only a type checker reads is no import."""
    graph = grimp.build_graph("mlops", "stacks", exclude_type_checking_imports=True, cache_dir=None)
    left = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    while done := [module for module, imported in left.items() if not imported & left.keys()]:
        for module in done:
            del left[module]
    importers = {name for imported in left.values() for name in imported}
    assert not sorted(name for name in left if name in importers), "these modules stand in a circle, or between two"
