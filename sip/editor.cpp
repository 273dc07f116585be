#include "sip/editor.hpp"

#include <algorithm>

#include "sip/chars.hpp"

namespace postern::sip {
namespace {

using std::string_view;

constexpr string_view line_end = "\r\n";

}  // namespace

void Editor::reset(const RawMessage& message) {
  message_ = &message;
  edits_.clear();
  texts_.clear();
  bad_ = false;
  lines_added_ = lines_removed_ = new_body_size_ = 0;
  last_appended_ = UINT32_MAX;
  last_appended_at_ = 0;
  length_stated_ = false;
}

/// Texts made from what came may hold folds (§7.3.1): only their white space is written. Any other CR or LF would let a text begin a
/// line of its own, and a NUL hides the rest from C strings.
void Editor::append_unfolded(string_view text) {
  for (std::size_t at = chars::run_of_line(text); at != text.size(); at = chars::run_of_line(text)) {
    const string_view next = text.substr(at);
    if (!next.starts_with("\r\n ") && !next.starts_with("\r\n\t")) {
      bad_ = true;
      return;
    }
    texts_.append(text.substr(0, at));
    text = next.substr(line_end.size());
  }
  texts_.append(text);
}

void Editor::add(Span span, string_view text, bool header_text) {
  const auto begin = static_cast<std::uint32_t>(texts_.size());
  if (header_text) {
    append_unfolded(text);
  } else {
    texts_.append(text);
  }
  if (span.begin > span.end || span.end > message_->bytes.size()) bad_ = true;
  edits_.push_back({span, static_cast<std::uint32_t>(edits_.size()), begin, static_cast<std::uint32_t>(texts_.size())});
}

void Editor::add_line(std::uint32_t at, string_view name, string_view value) {
  if (name.empty() || !chars::all(name, chars::token)) bad_ = true;
  ++lines_added_;
  const auto begin = static_cast<std::uint32_t>(texts_.size());
  texts_.append(name).append(": ");
  append_unfolded(value);
  texts_.append(line_end);
  edits_.push_back({{at, at}, static_cast<std::uint32_t>(edits_.size()), begin, static_cast<std::uint32_t>(texts_.size())});
}

void Editor::replace(Span span, string_view text) { add(span, text, true); }

void Editor::replace(string_view part, string_view text) {
  const string_view bytes = message_->bytes;
  const bool inside = part.data() >= bytes.data() && part.data() + part.size() <= bytes.data() + bytes.size();
  if (!inside) {
    bad_ = true;
    return;
  }
  const auto begin = static_cast<std::uint32_t>(part.data() - bytes.data());
  add({begin, static_cast<std::uint32_t>(begin + part.size())}, text, true);
}

void Editor::remove(const HeaderLine& header) {
  add(header.line, {}, true);
  ++lines_removed_;
}

void Editor::insert_before(const HeaderLine& header, string_view name, string_view value) { add_line(header.line.begin, name, value); }

void Editor::append(string_view name, string_view value) {
  last_appended_ = static_cast<std::uint32_t>(edits_.size());
  add_line(static_cast<std::uint32_t>(message_->body_begin - line_end.size()), name, value);
}

void Editor::replace_body(string_view body) {
  const auto begin = static_cast<std::uint32_t>(message_->body_begin);
  const std::string length = std::to_string(body.size());
  if (const HeaderLine* header = message_->find(HeaderName::content_length)) {
    replace(header->value, length);
  } else {
    append(to_string(HeaderName::content_length), length);
  }
  add({begin, static_cast<std::uint32_t>(message_->bytes.size())}, body, false);
  new_body_size_ = body.size();
  length_stated_ = true;
}

void Editor::state_length() {
  if (length_stated_) return;
  const std::string size = std::to_string(message_->body().size());
  if (const HeaderLine* stated = message_->find(HeaderName::content_length)) {
    const std::string_view line = message_->text(stated->line);
    if (message_->text(stated->value) == size && line.find('\n') + 1 == line.size()) return;
    remove(*stated);
  }
  append(to_string(HeaderName::content_length), size);
  length_stated_ = true;
}

bool Editor::serialise(std::string& out) {
  out.clear();
  if (bad_) return false;
  // What is put in before a part comes before what replaces that part.
  std::sort(edits_.begin(), edits_.end(), [](const Edit& a, const Edit& b) {
    if (a.span.begin != b.span.begin) return a.span.begin < b.span.begin;
    if (a.span.empty() != b.span.empty()) return a.span.empty();
    return a.order < b.order;
  });
  const string_view bytes = message_->bytes;
  const string_view texts = texts_;
  out.reserve(bytes.size() + texts.size());
  std::size_t copied = 0;
  for (const Edit& edit : edits_) {
    if (edit.span.begin < copied) {
      out.clear();
      return false;
    }
    out.append(bytes.substr(copied, edit.span.begin - copied));
    if (edit.order == last_appended_) last_appended_at_ = out.size();
    out.append(texts.substr(edit.text_begin, edit.text_end - edit.text_begin));
    copied = edit.span.end;
  }
  out.append(bytes.substr(copied));
  // Whoever reads it may have our bounds as well; and we read it again ourselves, to make ACK and CANCEL from it.
  const bool lines_fit = message_->header_count + lines_added_ <= Bounds::header_lines + lines_removed_;
  const bool section_fits = out.size() <= Bounds::header_section + std::max(message_->body().size(), new_body_size_);
  if (lines_fit && section_fits && out.size() <= Bounds::message) return true;
  out.clear();
  return false;
}

}  // namespace postern::sip
