// The text form of a graph: prints at any stage, reads back to the same graph.
//
//   graph "tiny" {
//     symbol seq in [1, 512]
//     input %ids : i64[1, seq]
//     state %cache : f32[1, 64, 32]
//     const %axes : i64[1] = {-1}
//     symbolic %length : i64[1] is {past + seq}
//     const %w : f32[576, 960] columns quant(u4, block 32, scale %s, zero 8) = bytes 276480 id
//     00ff.. %x, _ = Split(%y, %axes) {axis = -1} : f32[1, seq, 32], _ "node name" %k =
//     RotaryEmbedding(%x, _) : f32[1, seq, 32] in %cache at 32*past %n = Size(%x) : i64[] is
//     {32*seq} output "logits" = %x
//   }
//
// Constants of up to 16 elements print their elements; larger ones print size and hash, and read
// back as opaque constants: the type is there, the bytes are not. `#` starts a comment. Tests of
// passes are such texts (tests/graphs).
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/ir/graph.h"

namespace weft::ir {

std::string print(const Graph& graph);
// Errors name the line.
Result<Graph> parse(std::string_view text);

}  // namespace weft::ir
