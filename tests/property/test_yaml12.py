"""What is written of dvc.lock is what DVC's own library would write, byte for byte, whatever its length."""

from __future__ import annotations

import io

from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from mlops.tools.dvc import yaml12

WORDS = st.text("abz_/.-0", min_size=1, max_size=90)


def exact(value: object) -> str:
    writer, out = YAML(), io.StringIO()
    writer.default_flow_style = False
    writer.dump(value, out)
    return out.getvalue()


@example({"mlops/workloads/training/families/network/label_scale.py": "946f416f7500"}, 6)
@example({"0": "0b0"}, 1)
@example({"0": "-0x1f"}, 1)
@given(
    st.dictionaries(WORDS, st.one_of(WORDS, st.integers(), st.lists(WORDS)), min_size=1, max_size=4), st.integers(1, 6)
)
def test_mapping_at_any_depth_is_written_as_dvc_writes_it(mapping: dict[str, object], depth: int) -> None:
    value: object = mapping
    for level in range(depth):
        value = {f"level{level}": value}
    assert yaml12.dumps(value) == exact(value)
