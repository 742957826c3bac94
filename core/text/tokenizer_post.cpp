// Post-processors: of a sequence of them, each puts its tokens around what those before it made.
#include "core/text/tokenizer_post.h"

#include "core/text/tokenizer_fields.h"

namespace weft::text {
namespace {

Status add(const Field& field, int depth, SpecialFrame& frame);

// single: [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}, ...]; special_tokens says
// what ids "<s>" is.
Status add_template(const Field& field, SpecialFrame& frame) {
  std::vector<int64_t> before, after;
  bool seen_text = false;
  for (const Field& piece : TRY(read_array(field.member("single")))) {
    Field special = piece.member("SpecialToken");
    if (!special.present()) {
      if (!piece.member("Sequence").present() || seen_text)
        return wrong_value(piece,
                           "one {\"Sequence\": ...} and any number of {\"SpecialToken\": ...}");
      seen_text = true;
      continue;
    }
    std::string name = TRY(read_string(special.member("id")));
    Field ids = field.member("special_tokens").member(name).member("ids");
    for (const Field& id : TRY(read_array(ids)))
      (seen_text ? after : before).push_back(TRY(read_token_id(id)));
  }
  if (!seen_text)
    return wrong_value(field.member("single"), "a template with a {\"Sequence\": ...}");
  frame.before.insert(frame.before.begin(), before.begin(), before.end());
  frame.after.insert(frame.after.end(), after.begin(), after.end());
  return {};
}

// {"sep": ["</s>", 2], "cls": ["<s>", 0]}
Status add_pair(const Field& field, SpecialFrame& frame) {
  Field cls = field.member("cls"), sep = field.member("sep");
  for (const Field& token : {cls, sep})
    if (!token.present() || !token.value->is_array() || token.value->size() != 2)
      return wrong_value(token, "[\"token\", id]");
  frame.before.insert(frame.before.begin(), TRY(read_token_id(cls.element(1))));
  frame.after.push_back(TRY(read_token_id(sep.element(1))));
  return {};
}

Status add(const Field& field, int depth, SpecialFrame& frame) {
  std::string type = TRY(read_string(field.member("type")));
  if (type == "TemplateProcessing") return add_template(field, frame);
  if (type == "RobertaProcessing" || type == "BertProcessing") return add_pair(field, frame);
  if (type == "ByteLevel") return {};
  if (type != "Sequence")
    return wrong_value(
        field.member("type"),
        "TemplateProcessing, RobertaProcessing, BertProcessing, ByteLevel, Sequence");
  if (depth >= max_sequence_depth) return Error(field.path + " nests too deeply");
  for (const Field& step : TRY(read_array(field.member("processors"))))
    TRY(add(step, depth + 1, frame));
  return {};
}

}  // namespace

Result<SpecialFrame> parse_post_processor(const Field& field) {
  SpecialFrame frame;
  if (field.present()) TRY(add(field, 0, frame));
  return frame;
}

}  // namespace weft::text
