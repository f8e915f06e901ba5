"""Which numbers a device multiplies."""

import pytest
import torch

from ecomai.learning.devices import narrow_maths

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("capabilities", "is_wanted", "kind"),
    [
        ({"amx_bf16": True}, True, torch.bfloat16),
        ({"avx512_bf16": True}, True, torch.bfloat16),
        ({"amx_bf16": True}, False, torch.float32),
        ({"avx512_f": True}, True, torch.float32),
        ({}, True, torch.float32),
    ],
)
def test_processors_multiply_narrow_numbers_only_where_they_are_fast_at_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], is_wanted: bool, kind: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    with narrow_maths(CPU, is_wanted=is_wanted):
        assert torch.nn.Linear(2, 2)(torch.ones(1, 2)).dtype == kind
