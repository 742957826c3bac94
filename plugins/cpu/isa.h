// The instruction sets kernels are compiled for, and which of them this processor gains from.
#pragma once

#include <string>

#include "plugins/cpu/kernels/kernels.h"

namespace weft::cpu {

// The kernels of `isa`; where it is empty, the fastest that the processor and the operating system
// support. Throws plugin::Failure where the name is unknown or the processor lacks it.
Kernels kernels_of(const std::string& isa);

}  // namespace weft::cpu
