// `weft quantize --w8a8`: flags, steps and report. See quantize_w8a8.h for what it makes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "tools/weft/verb.h"

namespace weft::cli {

struct W8A8Flags {
  bool asked = false;
  std::filesystem::path model, out, text;  // the first two as the verb has them
  int64_t windows = 8, window = 512;
  std::string weights_scale = "channel";
  std::string clip = "mse";
  std::string shadow = "auto";
  bool rotate = true;
  double migrate = -1;            // below 0: not at all
  std::string head;               // the verb's
  std::vector<std::string> keep;  // the verb's
  int threads = 0;                // the verb's
  bool json = false;              // the verb's
};

// Adds the flags that the verb has only for W8A8.
void add_w8a8_flags(CLI::App& verb, W8A8Flags& flags);

Status write_w8a8(const W8A8Flags& flags);

}  // namespace weft::cli
