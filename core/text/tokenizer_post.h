// Post-processors of tokenizer.json: the special tokens put around a text ("<s> ... </s>").
//
// Supported: TemplateProcessing (its `single` template), RobertaProcessing, BertProcessing,
// ByteLevel (which concerns offsets only), Sequence.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/result.h"

namespace weft::text {

struct Field;

struct SpecialFrame {
  std::vector<int64_t> before, after;
};

// An absent or null field gives an empty frame.
Result<SpecialFrame> parse_post_processor(const Field& field);

}  // namespace weft::text
