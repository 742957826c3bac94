// The fixed parts of the page that `weft explain --html` writes, from tools/weft/page; the build
// turns them into strings.
#pragma once

namespace weft::cli {

extern const char* const kPageFrame;
extern const char* const kPageStyle;
extern const char* const kPageScript;

}  // namespace weft::cli
