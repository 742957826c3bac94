// Products with a constant matrix. Which kernel runs follows from the rows of x:
//
//   family cpu   1: matmul_row        more: matmul_rows; the bits of a row are the same in both
//   family gpu   1: matmul_row        2 to 8: matmul_few_*, the same bits
//                more: matmul_block_*, which sum in another order; or, of codes with dot=1,
//                matmul_dot, whose rows are int8
//
// How many rows are cut (rows of a work-item, blocks of a work-group) is chosen by the device's
// tuner, for up to 64 rows and for more, and never changes bits.
#pragma once

#include "plugins/opencl/op.h"

namespace weft::opencl {

// Of a MatMul whose second input is a constant of two dims, which is packed here.
Run prepare_weight_product(Prepare& context);

}  // namespace weft::opencl
