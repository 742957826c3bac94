"""The architectures that make_more.py exports: a configuration each, seeded weights."""

import torch
import transformers

WINDOW = 4
ENCODERS = ("distilbert", "roberta", "albert", "electra", "mpnet", "modernbert", "bert")

# Name -> (model_type of transformers, what differs from `common`). Sizes: h hidden, v vocabulary.
MOE = dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=48)
ALTERNATING = ["sliding_attention", "full_attention"]
ARCHITECTURES = {
    "qwen3": ("qwen3", {}),
    "mistral": ("mistral", dict(sliding_window=WINDOW)),
    "phi": ("phi", dict(partial_rotary_factor=0.5, num_key_value_heads=4)),
    "gemma3_text": ("gemma3_text", dict(
        sliding_window=WINDOW, layer_types=ALTERNATING, query_pre_attn_scalar=16)),
    "gpt_neox": ("gpt_neox", dict(rotary_pct=0.5)),
    "gpt_neox_sequential": ("gpt_neox", dict(rotary_pct=0.25, use_parallel_residual=False)),
    "gptj": ("gptj", {}),
    "falcon": ("falcon", dict(multi_query=True, parallel_attn=True, bias=False, alibi=False,
                              new_decoder_architecture=False)),
    "falcon_alibi": ("falcon", dict(multi_query=False, parallel_attn=False, bias=True, alibi=True,
                                    new_decoder_architecture=False)),
    "falcon_grouped": ("falcon", dict(num_kv_heads=2, new_decoder_architecture=True, bias=False,
                                      alibi=False)),
    "stablelm": ("stablelm", dict(partial_rotary_factor=0.5, use_qkv_bias=True)),
    "glm": ("glm", dict(partial_rotary_factor=0.5, pad_token_id=0)),
    "glm4": ("glm4", dict(partial_rotary_factor=0.5, pad_token_id=0)),
    "olmo": ("olmo", dict(clip_qkv=2.0)),
    "olmo2": ("olmo2", {}),
    "cohere": ("cohere", dict(use_qk_norm=False, logit_scale=0.25)),
    "cohere_norm": ("cohere", dict(use_qk_norm=True, logit_scale=0.25)),
    "cohere2": ("cohere2", dict(sliding_window=WINDOW, layer_types=ALTERNATING, logit_scale=0.25)),
    "smollm3": ("smollm3", dict(no_rope_layers=[1, 0], no_rope_layer_interval=2, pad_token_id=0)),
    "qwen2_moe": ("qwen2_moe", dict(MOE, shared_expert_intermediate_size=64,
                                    decoder_sparse_step=1)),
    "qwen3_moe": ("qwen3_moe", dict(MOE, decoder_sparse_step=1, mlp_only_layers=[],
                                    norm_topk_prob=True)),
    "llama_pruned": ("llama", {}),
    "qwen2_window": ("qwen2", dict(use_sliding_window=True, sliding_window=WINDOW,
                                   layer_types=ALTERNATING)),
    "gemma": ("gemma", {}),
    "starcoder2": ("starcoder2", dict(sliding_window=WINDOW)),
    "gpt_bigcode": ("gpt_bigcode", dict(multi_query=True)),
    "codegen": ("codegen", {}),
    "gpt_neo": ("gpt_neo", dict(attention_types=[[["global", "local"], 1]], window_size=WINDOW,
                                num_layers=2)),
    "mpt": ("mpt", {}),
    "nemotron": ("nemotron", dict(partial_rotary_factor=0.5)),
    "arcee": ("arcee", {}),
    "helium": ("helium", {}),
    "persimmon": ("persimmon", dict(partial_rotary_factor=0.5)),
    "xglm": ("xglm", dict(d_model=64, ffn_dim=128, attention_heads=4, num_layers=2)),
    "biogpt": ("biogpt", {}),
    "ernie4_5": ("ernie4_5", {}),
    "exaone4": ("exaone4", dict(sliding_window=WINDOW, layer_types=ALTERNATING)),
    "olmo3": ("olmo3", dict(sliding_window=WINDOW, layer_types=ALTERNATING)),
    "granitemoe": ("granitemoe", dict(num_local_experts=4, num_experts_per_tok=2)),
    "olmoe": ("olmoe", dict(num_experts=4, num_experts_per_tok=2)),
    "phimoe": ("phimoe", dict(num_local_experts=4, num_experts_per_tok=2)),
    "deepseek_v3": ("deepseek_v3", dict(
        q_lora_rank=32, kv_lora_rank=24, qk_rope_head_dim=8, qk_nope_head_dim=16, v_head_dim=16,
        n_routed_experts=4, num_experts_per_tok=2, n_group=2, topk_group=1, n_shared_experts=1,
        first_k_dense_replace=1, moe_intermediate_size=48, num_key_value_heads=4)),
    "hunyuan_v1_dense": ("hunyuan_v1_dense", {}),
    "apertus": ("apertus", {}),
    "mixtral": ("mixtral", dict(num_local_experts=4, num_experts_per_tok=2)),
    "llama": ("llama", {}),
    "llama_tied": ("llama", dict(tie_word_embeddings=True)),
    "llama_bias": ("llama", dict(attention_bias=True, mlp_bias=True)),
    "llama_linear_rope": ("llama", dict(rope_scaling=dict(rope_type="linear", factor=4.0))),
    "llama_yarn": ("llama", dict(rope_scaling=dict(
        rope_type="yarn", factor=4.0, original_max_position_embeddings=64))),
    "llama_dynamic_rope": ("llama", dict(rope_scaling=dict(rope_type="dynamic", factor=2.0))),
    "phi3_long": ("phi3", dict(
        original_max_position_embeddings=64, pad_token_id=0,
        rope_scaling=dict(type="longrope", short_factor=[1.0 + 0.1 * i for i in range(8)],
                          long_factor=[2.0 + 0.3 * i for i in range(8)]))),
    "gpt2": ("gpt2", {}),
    "gpt2_eager": ("gpt2", {}),
    "distilbert": ("distilbert", dict(dim=64, hidden_dim=128, n_layers=2, n_heads=4)),
    "roberta": ("roberta", dict(pad_token_id=1)),
    "albert": ("albert", dict(embedding_size=32)),
    "electra": ("electra", dict(embedding_size=32)),
    "mpnet": ("mpnet", dict(pad_token_id=1)),
    "modernbert": ("modernbert", dict(local_attention=4, global_attn_every_n_layers=2,
                                      reference_compile=False)),
    "bert": ("bert", {}),
}


def common(hidden, vocabulary):
    return dict(vocab_size=vocabulary, hidden_size=hidden, num_hidden_layers=2,
                num_attention_heads=4, num_key_value_heads=2, intermediate_size=2 * hidden,
                head_dim=hidden // 4, max_position_embeddings=256, bos_token_id=1, eos_token_id=2,
                pad_token_id=0, attention_dropout=0.0, tie_word_embeddings=False)


def configuration(name, hidden, vocabulary):
    kind, changes = ARCHITECTURES[name]
    made = transformers.CONFIG_MAPPING[kind]
    values = common(hidden, vocabulary) | changes
    if kind in ("gpt2", "gptj", "codegen", "gpt_bigcode"):
        values |= dict(n_embd=hidden, n_layer=2, n_head=4, n_positions=256, n_inner=2 * hidden)
    if kind in ("gptj", "codegen"):
        values |= dict(rotary_dim=hidden // 8)
    if kind == "mpt":
        values |= dict(d_model=hidden, n_layers=2, n_heads=4, max_seq_len=256, expansion_ratio=2)
    if kind in ("gpt2", "gptj", "codegen", "gpt_bigcode", "mpt", "gpt_neo", "distilbert", "xglm"):
        for key in ("hidden_size", "num_hidden_layers", "num_attention_heads", "head_dim",
                    "num_key_value_heads", "intermediate_size"):
            values.pop(key)
    if kind == "gpt_neo":
        values |= dict(hidden_size=hidden, num_heads=4, intermediate_size=2 * hidden)
    if kind in ("llama", "mistral", "phi3", "stablelm", "gpt_neox", "qwen2", "qwen2_moe", "falcon",
                "persimmon", "deepseek_v3", "biogpt"):
        values.pop("head_dim")
    if kind in ("gpt_neox", "persimmon", "falcon"):
        values.pop("num_key_value_heads")
    return made(**values)


def randomize(model):
    """Weights that keep activations of the order of 1 and logits between 3 and 30."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            if weight.dim() < 2:
                centre = 1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0
                weight.copy_(centre + 0.2 * noise)
            elif "emb" in name or name.endswith(("wte.weight", "wpe.weight")):
                weight.copy_(noise)
            else:
                weight.copy_(1.2 * noise / weight.shape[-1] ** 0.5)
    return model


def prune(model):
    """Layer 1 keeps 2 of 4 heads, 1 of 2 for keys, and fewer neurons: widths differ by layer."""
    from transformers.models.llama.modeling_llama import LlamaAttention, LlamaMLP

    small = transformers.LlamaConfig(**model.config.to_dict())
    small.head_dim = model.config.hidden_size // model.config.num_attention_heads
    small.num_attention_heads, small.num_key_value_heads = 2, 1
    small.intermediate_size = 40
    small._attn_implementation = model.config._attn_implementation
    layer = model.model.layers[1]
    layer.self_attn, layer.mlp = LlamaAttention(small, 1), LlamaMLP(small)


def build(name, hidden, vocabulary, eager=False, batched_experts=False):
    torch.manual_seed(0)
    config = configuration(name, hidden, vocabulary)
    kind = transformers.AutoModelForMaskedLM if name in ENCODERS \
        else transformers.AutoModelForCausalLM
    options = dict(attn_implementation="eager" if eager else "sdpa")
    if batched_experts and any("expert" in key for key in ARCHITECTURES[name][1]):
        options["experts_implementation"] = "batched_mm"
    try:
        model = kind.from_config(config, **options)
    except (ValueError, TypeError):
        model = kind.from_config(config, attn_implementation="eager")
    if name == "llama_pruned":
        prune(model)
    if model.config.architectures is None:
        model.config.architectures = [type(model).__name__]
    return randomize(model).eval()
