// Throws out of its entry, against rule R6.
#include <stdexcept>

#include "bad.h"

weft_status WEFT_CALL weft_plugin_entry(const weft_entry_args*, weft_error*) {
  throw std::runtime_error("thrown across the boundary");
}
