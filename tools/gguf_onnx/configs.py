"""The small files beside the graph: config.json, generation_config.json, genai_config.json, and
SOURCE.txt, which says where the weights come from, under what licence, and what was changed."""

HF_CLASSES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}


def config(hyper, vocabulary, tied):
    """Hugging Face's description of the model."""
    scaled = hyper.rope_divisor != 1.0
    return {
        "architectures": [HF_CLASSES[hyper.architecture]],
        "model_type": hyper.architecture,
        "hidden_act": "silu",
        "hidden_size": hyper.hidden,
        "intermediate_size": hyper.ffn,
        "num_hidden_layers": hyper.layers,
        "num_attention_heads": hyper.heads,
        "num_key_value_heads": hyper.kv_heads,
        "head_dim": hyper.head_dim,
        "max_position_embeddings": hyper.context,
        "rms_norm_eps": hyper.epsilon,
        "rope_theta": hyper.rope_base,
        "rope_scaling": {"rope_type": "linear", "factor": hyper.rope_divisor} if scaled else None,
        "sliding_window": hyper.window if hyper.window > 0 else None,
        "tie_word_embeddings": tied,
        "vocab_size": hyper.vocabulary,
        "use_cache": True,
        **_token_ids(vocabulary),
    }


def generation_config(hyper, vocabulary):
    return {"max_length": hyper.context, **_token_ids(vocabulary)}


def genai_config(hyper, vocabulary):
    """What onnxruntime-genai reads beside its models."""
    ids = _token_ids(vocabulary)
    return {
        "model": {
            **ids,
            "context_length": hyper.context,
            "decoder": {
                "session_options": {"log_id": "onnxruntime-genai", "provider_options": []},
                "filename": "model.onnx",
                "head_size": hyper.head_dim,
                "hidden_size": hyper.hidden,
                "inputs": {"input_ids": "input_ids", "attention_mask": "attention_mask",
                           "past_key_names": "past_key_values.%d.key",
                           "past_value_names": "past_key_values.%d.value"},
                "outputs": {"logits": "logits", "present_key_names": "present.%d.key",
                            "present_value_names": "present.%d.value"},
                "num_attention_heads": hyper.heads,
                "num_hidden_layers": hyper.layers,
                "num_key_value_heads": hyper.kv_heads,
            },
            "type": hyper.architecture,
            "vocab_size": hyper.vocabulary,
        },
        "search": {"do_sample": False, "max_length": hyper.context, "min_length": 0,
                   "num_beams": 1, "past_present_share_buffer": True, "repetition_penalty": 1.0,
                   "temperature": 1.0, "top_k": 50, "top_p": 1.0},
    }


def source_note(model, source, digest, as_float):
    """Text of SOURCE.txt, and the same facts as metadata for the ONNX file."""
    facts = {"source_file": source.name, "gguf_sha256": digest,
             "weights": "dequantized to float32" if as_float else "the GGUF's own codes"}
    for key in ("general.name", "general.organization", "general.license",
                "general.license.link", "general.url", "general.source.url", "general.repo_url"):
        if (value := model.get(key, str, None)) is not None:
            facts[key] = value
    lines = ["This model was converted from GGUF to ONNX by gguf_to_onnx of the Weft project.",
             "Changed: the file format, the order of some rows and bits, the tokenizer's spelling.",
             "The licence is the original model's.", "",
             *(f"{key}: {value}" for key, value in facts.items())]
    return "\n".join(lines) + "\n", facts


def _token_ids(vocabulary):
    """Ids with a role; several ends of generation become a list, as the readers expect."""
    ends = vocabulary.ends()
    ids = {"bos_token_id": vocabulary.special("bos"),
           "eos_token_id": ends[0] if len(ends) == 1 else ends or None,
           "pad_token_id": vocabulary.special("padding")}
    return {key: value for key, value in ids.items() if value is not None}
