"""WavLM's attention in plain steps.

That of transformers hands the matrices' weights to one function of PyTorch, past the modules that
hold them: low-rank matrices put beside them (LoRA) would learn nothing and change nothing there.
"""

from __future__ import annotations

import torch
from torch import nn
from transformers.models.wavlm.modeling_wavlm import WavLMAttention

__all__ = ["PlainAttention", "with_plain_attention"]


class PlainAttention(WavLMAttention):  # type: ignore[misc]
    """The same, through its modules; the gated relative position bias comes from the base class."""

    def torch_multi_head_self_attention(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None,
        gated_position_bias: torch.Tensor,
    ) -> tuple[torch.Tensor, None]:
        """(n, steps, hidden) and (n heads, steps, steps) to (n, steps, hidden), and no weights."""
        assert attention_mask is None, "pieces are whole: nothing is masked"
        batch, steps, hidden = hidden_states.shape
        bias = gated_position_bias.view(batch, self.num_heads, steps, steps)

        def heads(values: torch.Tensor) -> torch.Tensor:
            return values.view(batch, steps, self.num_heads, self.head_dim).transpose(1, 2)

        query = heads(self.q_proj(hidden_states)) * self.scaling
        scores = query @ heads(self.k_proj(hidden_states)).transpose(2, 3) + bias
        shares = nn.functional.dropout(scores.softmax(3), self.dropout, self.training)
        mixed = shares @ heads(self.v_proj(hidden_states))
        return self.out_proj(mixed.transpose(1, 2).reshape(batch, steps, hidden)), None


def with_plain_attention(model: nn.Module) -> None:
    """Put it in place of transformers' own, with the weights as they are."""
    for module in model.modules():
        if type(module) is WavLMAttention:
            module.__class__ = PlainAttention
