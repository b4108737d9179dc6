"""The Qwen3 architecture as it is trained here: many documents for one head.

A row holds one list: the head (prompt and query) in the first block, then
each document in blocks of its own. Documents see the head and themselves, so
that the head is computed once for all of them. Weights are stacked over
layers; `export` writes them under their published names. Knows nothing of
data or optimizers.
"""

import dataclasses
import json
import math

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from torch.nn.attention.flex_attention import BlockMask, flex_attention

BLOCK = 128  # tokens; the head fills one block, a document one or more


@dataclasses.dataclass(frozen=True)
class Config:
    vocab_size: int = 8192
    hidden_size: int = 256
    intermediate_size: int = 768
    num_hidden_layers: int = 6
    num_attention_heads: int = 8
    num_key_value_heads: int = 4
    head_dim: int = 32
    rope_theta: float = 10000.0
    rms_norm_eps: float = 1e-6
    max_position_embeddings: int = 2048

    def published(self, bos, eos):
        """config.json as Qwen3's own are written."""
        return {
            "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3",
            "attention_bias": False, "attention_dropout": 0.0,
            "bos_token_id": bos, "eos_token_id": eos, "hidden_act": "silu",
            "initializer_range": 0.02, "rope_scaling": None,
            "sliding_window": None, "use_sliding_window": False,
            "max_window_layers": self.num_hidden_layers,
            "tie_word_embeddings": True, "torch_dtype": "bfloat16",
            "use_cache": True, **dataclasses.asdict(self),
        }


MATRICES = {  # name -> (published name, output size, input size)
    "q": ("self_attn.q_proj", "q_size", "hidden_size"),
    "k": ("self_attn.k_proj", "kv_size", "hidden_size"),
    "v": ("self_attn.v_proj", "kv_size", "hidden_size"),
    "o": ("self_attn.o_proj", "hidden_size", "q_size"),
    "gate": ("mlp.gate_proj", "intermediate_size", "hidden_size"),
    "up": ("mlp.up_proj", "intermediate_size", "hidden_size"),
    "down": ("mlp.down_proj", "hidden_size", "intermediate_size"),
}
NORMS = {
    "input_norm": ("input_layernorm", "hidden_size"),
    "post_norm": ("post_attention_layernorm", "hidden_size"),
    "q_norm": ("self_attn.q_norm", "head_dim"),
    "k_norm": ("self_attn.k_norm", "head_dim"),
}


class Layout:
    """Which token of a row sees which. One for each shape of a batch.

    `head_length` [batch] is a buffer: fill it before each forward.
    """

    def __init__(self, batch, documents, tokens, device):
        self.batch, self.documents, self.tokens = batch, documents, tokens
        self.length = BLOCK + documents * tokens
        self.head_length = torch.zeros(batch, dtype=torch.int32, device=device)
        self.flex = device.startswith("cuda")
        blocks = tokens // BLOCK
        seen = [[0]] + [[0, *range(1 + n * blocks, 2 + n * blocks + j)]
                        for n in range(documents) for j in range(blocks)]
        count = torch.tensor([len(s) for s in seen], dtype=torch.int32)
        index = torch.tensor([s + [0] * (len(seen) - len(s)) for s in seen],
                             dtype=torch.int32)
        head_length = self.head_length

        def visible(b, h, q, k):
            in_head = (k < head_length[b]) & ((q >= BLOCK) | (q >= k))
            document_q = (q - BLOCK) // tokens
            document_k = (k - BLOCK) // tokens
            own = (document_q == document_k) & (q >= k) & (q >= BLOCK)
            return torch.where(k < BLOCK, in_head, own)

        if self.flex:
            self.mask = BlockMask.from_kv_blocks(
                count[None, None].to(device), index[None, None].to(device),
                BLOCK_SIZE=BLOCK, mask_mod=visible,
                seq_lengths=(self.length, self.length))
        else:
            at = torch.arange(self.length, device=device)
            rows = torch.arange(batch, device=device)
            self.dense = lambda: visible(
                rows[:, None, None, None], 0, at[:, None], at[None, :])


def norm(x, weight, eps):
    wide = x.float()
    wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)
    return (wide * weight).to(x.dtype)


def rotate(x, cos, sin):
    """x [batch, heads, tokens, head_dim]; cos, sin [batch, 1, tokens, ..]"""
    first, second = x.chunk(2, dim=-1)
    turned = torch.cat((-second, first), dim=-1)
    return (x * cos + turned * sin).to(x.dtype)


def layer(x, turn, w, mask, config, dropout):
    """One decoder layer. x [batch, tokens, hidden]; turn: cos and sin of the
    positions' angles; w: its weights."""
    batch, tokens, _ = x.shape
    dim, eps = config.head_dim, config.rms_norm_eps

    def project(y, name, norm_name=None):
        y = F.linear(y, w[name].to(y.dtype)).view(batch, tokens, -1, dim)
        if norm_name:
            y = norm(y, w[norm_name], eps)
        return y.transpose(1, 2)

    y = norm(x, w["input_norm"], eps)
    q = rotate(project(y, "q", "q_norm"), *turn)
    k = rotate(project(y, "k", "k_norm"), *turn)
    v = project(y, "v")
    if isinstance(mask, BlockMask):
        y = flex_attention(q, k, v, block_mask=mask, enable_gqa=True)
    else:
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask,
                                           enable_gqa=True)
    y = y.transpose(1, 2).reshape(batch, tokens, -1)
    x = x + F.dropout(F.linear(y, w["o"].to(y.dtype)), dropout)
    y = norm(x, w["post_norm"], eps)
    y = F.silu(F.linear(y, w["gate"].to(y.dtype))) * F.linear(
        y, w["up"].to(y.dtype))
    return x + F.dropout(F.linear(y, w["down"].to(y.dtype)), dropout)


class Reranker(nn.Module):
    def __init__(self, config, compiled):
        super().__init__()
        self.config = c = config
        size = {**dataclasses.asdict(c),
                "q_size": c.num_attention_heads * c.head_dim,
                "kv_size": c.num_key_value_heads * c.head_dim}
        depth = c.num_hidden_layers
        self.embed = nn.Parameter(torch.randn(c.vocab_size, c.hidden_size)
                                  * 0.02)
        self.final_norm = nn.Parameter(torch.ones(c.hidden_size))
        for name, (_, out, into) in MATRICES.items():
            std = 1 / math.sqrt(size[into])
            if name in ("o", "down"):
                std /= math.sqrt(2 * depth)
            self.register_parameter(name, nn.Parameter(
                torch.randn(depth, size[out], size[into]) * std))
        # Queries start as the keys do: a token first looks for its like, which
        # is how a word of the query is found in a document.
        heads = c.num_attention_heads // c.num_key_value_heads
        with torch.no_grad():
            self.q.copy_(self.k.view(depth, -1, 1, c.head_dim, c.hidden_size)
                         .expand(-1, -1, heads, -1, -1).flatten(1, 3))
        for name, (_, width) in NORMS.items():
            self.register_parameter(
                name, nn.Parameter(torch.ones(depth, size[width])))
        # Trained beside the model and thrown away: was this token asked for?
        self.probe = nn.Parameter(torch.zeros(c.hidden_size))
        half = torch.arange(0, c.head_dim, 2) / c.head_dim
        self.register_buffer("inverse", c.rope_theta ** -half)
        self.layer = torch.compile(layer, dynamic=False) if compiled else layer

    def forward(self, ids, positions, layout, dropout=0.0, probed=2):
        """Hidden states [batch, tokens, hidden] after the final norm, and
        those after `probed` layers. ids, positions [batch, tokens]."""
        kind = torch.bfloat16 if layout.flex else torch.float32
        angle = positions[:, None, :, None].float() * self.inverse
        angle = torch.cat((angle, angle), dim=-1)
        turn = angle.cos().to(kind), angle.sin().to(kind)
        mask = layout.mask if layout.flex else layout.dense()
        x = F.dropout(F.embedding(ids, self.embed.to(kind)), dropout)
        early = None
        for n in range(self.config.num_hidden_layers):
            w = {name: getattr(self, name)[n] for name in (*MATRICES, *NORMS)}
            x = self.layer(x, turn, w, mask, self.config, dropout)
            if n + 1 == probed:
                early = x
        return norm(x, self.final_norm, self.config.rms_norm_eps), early

    def export(self, folder, bos, eos):
        """Writes config.json and model.safetensors (bfloat16)."""
        out = {"model.embed_tokens.weight": self.embed,
               "model.norm.weight": self.final_norm}
        for n in range(self.config.num_hidden_layers):
            for name, (published, *_) in {**MATRICES, **NORMS}.items():
                out[f"model.layers.{n}.{published}.weight"] = getattr(
                    self, name)[n]
        out = {k: v.detach().to("cpu", torch.bfloat16).contiguous()
               for k, v in out.items()}
        save_file(out, folder / "model.safetensors", {"format": "pt"})
        config = self.config.published(bos, eos)
        (folder / "config.json").write_text(json.dumps(config, indent=2)
                                            + "\n")
