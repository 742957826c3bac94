// The page of an explanation: a frame, a style, a script (page/) and the document, in one file.
#include "tools/weft/explanation.h"
#include "tools/weft/page_parts.h"

namespace weft::cli {

namespace {

// "</script" in a name would end the document's element, and "<!--" change how it is read; in JSON
// a `<` is only ever inside a string, where an escape says the same.
std::string inside_script(const Document& document) {
  std::string out;
  for (const char c : dumped(document)) {
    if (c == '<')
      out += "\\u003c";
    else
      out += c;
  }
  return out;
}

}  // namespace

std::string explanation_page(const Document& document) {
  std::string page = kPageFrame;
  const auto put = [&](const std::string& mark, const std::string& text) {
    page.replace(page.find(mark), mark.size(), text);
  };
  put("/*style*/", kPageStyle);
  // The document last: nothing is searched for in what a model holds.
  put("/*script*/", kPageScript);
  put("/*document*/", inside_script(document));
  return page;
}

}  // namespace weft::cli
