// Small facts about element types, and the fault slot of a running program.
#include "plugins/common/row.h"

#include <atomic>
#include <cstdio>

namespace weft::common {

void fault(const Step& step, int32_t status, const char* message) {
  std::atomic_ref<int32_t> slot(step.fault->status);
  int32_t none = 0;
  if (!slot.compare_exchange_strong(none, status)) return;
  step.fault->node = step.node;
  std::snprintf(step.fault->message, sizeof step.fault->message, "%s", message);
}

uint32_t element_size(uint32_t dtype) {
  switch (dtype) {
    case WEFT_U8:
    case WEFT_I8:
    case WEFT_BOOL:
      return 1;
    case WEFT_U16:
    case WEFT_I16:
    case WEFT_F16:
    case WEFT_BF16:
      return 2;
    case WEFT_F32:
    case WEFT_I32:
    case WEFT_U32:
      return 4;
    case WEFT_I64:
    case WEFT_U64:
    case WEFT_F64:
      return 8;
    default:
      return 0;
  }
}

const char* dtype_name(uint32_t dtype) {
  switch (dtype) {
    case WEFT_F32:
      return "f32";
    case WEFT_U8:
      return "u8";
    case WEFT_I8:
      return "i8";
    case WEFT_U16:
      return "u16";
    case WEFT_I16:
      return "i16";
    case WEFT_I32:
      return "i32";
    case WEFT_I64:
      return "i64";
    case WEFT_BOOL:
      return "bool";
    case WEFT_F16:
      return "f16";
    case WEFT_F64:
      return "f64";
    case WEFT_U32:
      return "u32";
    case WEFT_U64:
      return "u64";
    case WEFT_BF16:
      return "bf16";
    case WEFT_U4:
      return "u4";
    case WEFT_I4:
      return "i4";
    case WEFT_F4_E2M1:
      return "f4_e2m1";
    case WEFT_F4_E0M4:
      return "e0m4";
    default:
      return "unknown dtype";
  }
}

}  // namespace weft::common
