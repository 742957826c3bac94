// A backend whose kernels are the reference's, but for one op that it computes wrong: the last row
// of its first output is off by a tenth, as at the edge of a tile. `weft verify` must find it.
//
// WEFT_WRONG_OP names the op; without it all are right. WEFT_WRONG_FROM is the first place in a
// program at which it is wrong (0): from 1 on, no node is wrong alone.
#include <weft/note.h>

#include <cstdlib>
#include <cstring>

#include "plugins/common/backend.h"
#include "plugins/reference/rows.h"

namespace {

using weft::common::Operand;
using weft::common::OpRow;
using weft::common::Step;
using weft::common::Team;

uint32_t first_wrong() {
  const char* from = std::getenv("WEFT_WRONG_FROM");
  return from ? uint32_t(std::atoi(from)) : 0;
}

void run_wrong(const Step& step, const Team& team) {
  // The reference has one row for all ops; which op it is stands in the step's state.
  weft::reference::find_row("", "Add")->run(step, team);
  const Operand& y = *step.out[0];
  static const uint32_t from = first_wrong();
  if (step.node < from || y.dtype != WEFT_F32 || !y.tight || y.rank == 0) return;
  float* elements = reinterpret_cast<float*>(y.data);
  for (int64_t i = y.count - y.shape[y.rank - 1]; i < y.count; i++) elements[i] += 0.1f;
}

const OpRow* find(const char* domain, const char* op) {
  const OpRow* row = weft::reference::find_row(domain, op);
  const char* wrong = std::getenv("WEFT_WRONG_OP");
  if (!row || !wrong || std::strcmp(op, wrong) != 0) return row;
  static const OpRow spoilt = [&] {
    OpRow one = *row;
    one.run = run_wrong;
    return one;
  }();
  return &spoilt;
}

weft::common::DeviceSettings open(const weft_kv*, uint32_t) {
  return {"one wrong kernel", "weft-wrong-1", nullptr, true};
}

constexpr weft::common::BackendTraits kTraits = {"wrong_op", "0.1", 1u << WEFT_F32, 1,
                                                 find,       open,  false};

}  // namespace

extern "C" WEFT_EXPORT weft_status weft_plugin_entry(const weft_entry_args* args,
                                                     weft_error* error) {
  return weft::common::enter_backend(args, error, kTraits);
}
