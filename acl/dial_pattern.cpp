#include "acl/dial_pattern.hpp"

#include <algorithm>
#include <bit>
#include <optional>

namespace postern::acl {
namespace {

DialSet digits_from(char first) {
  DialSet set;
  for (char c = first; c <= '9'; ++c) set.add(c);
  return set;
}

/// In printable ASCII, and nothing that means something else in a pattern or that no number has.
bool is_plain(char c) {
  constexpr std::string_view special = "[]!/_,;\"'-.()";
  return c > ' ' && c < '\x7f' && special.find(c) == std::string_view::npos;
}

}  // namespace

bool is_open_end(std::string_view left) {
  return std::ranges::all_of(left, [](char c) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return alphanumeric || std::string_view("*#+_~").find(c) != std::string_view::npos;
  });
}

std::size_t DialSet::size() const {
  return static_cast<std::size_t>(std::popcount(words_[0])) + static_cast<std::size_t>(std::popcount(words_[1]));
}

char DialSet::lowest() const { return static_cast<char>(words_[0] != 0 ? std::countl_zero(words_[0]) : 64 + std::countl_zero(words_[1])); }

bool DialSet::shares(const DialSet& other) const { return (words_[0] & other.words_[0]) != 0 || (words_[1] & other.words_[1]) != 0; }

std::strong_ordering DialSet::operator<=>(const DialSet& other) const {
  if (const auto by_size = size() <=> other.size(); by_size != 0) return by_size;
  // The same two comparisons in one: which has the lowest character that the other has not.
  return other.words_ <=> words_;
}

/// One pass over a pattern as written.
class DialPatternReader {
 public:
  explicit DialPatternReader(std::string_view text) : text_(text) {}

  std::variant<DialPattern, std::string> read() {
    if (text_.size() > DialPattern::longest) return "is longer than " + std::to_string(DialPattern::longest) + " characters";
    for (at_ = text_.starts_with('_') ? 1 : 0; at_ < text_.size() && problem_.empty(); ++at_) read_place();
    if (!problem_.empty()) return problem_;
    if (pattern_.places_.empty() && pattern_.end_ == DialPattern::End::nothing) return "is empty";
    return std::move(pattern_);
  }

 private:
  void read_place() {
    const char c = text_[at_];
    switch (c) {
      case '-':
        return;
      case '[':
        return read_set();
      case '.':
      case '!':
        return read_end(c);
      case 'X':
      case 'x':
        return add(digits_from('0'));
      case 'Z':
      case 'z':
        return add(digits_from('1'));
      case 'N':
      case 'n':
        return add(digits_from('2'));
      default:
        break;
    }
    if (!is_plain(c)) return wrong(at_, c == ']' ? "`]` closes nothing" : "no number has such a character");
    if (c == '+' && pattern_.places_.empty()) return wrong(at_, "a number's leading + is read as 00, so write 00");
    if (c >= 'E' && c <= 'Z') return wrong(at_, std::string("is none of X, Z and N; where it is meant as itself, write [") + c + "]");
    DialSet set;
    set.add(c);
    add(set);
  }

  void read_end(char c) {
    if (text_.find_first_not_of('-', at_ + 1) != std::string_view::npos)
      return wrong(at_, std::string("`") + c + "` stands at the end of a pattern alone");
    pattern_.end_ = c == '.' ? DialPattern::End::more : DialPattern::End::any;
  }

  /// As Asterisk reads it: `a-c` is a range where something follows the `-` in the brackets, and nothing else is special there.
  void read_set() {
    const std::size_t begin = at_ + 1;
    const std::size_t end = text_.find(']', begin);
    if (end == std::string_view::npos) return wrong(at_, "`[` is not closed");
    if (end == begin) return wrong(at_, "nothing stands between `[` and `]`");
    DialSet set;
    for (at_ = begin; at_ < end; ++at_) {
      const char first = text_[at_];
      const bool range = at_ + 2 < end && text_[at_ + 1] == '-';
      const char last = range ? text_[at_ + 2] : first;
      // A `-` would be a place that no number fills, as it is taken off them.
      if (!is_plain(first)) return wrong(at_, "no number has such a character");
      if (range && !is_plain(last)) return wrong(at_ + 2, "no number has such a character");
      if (last < first) return wrong(at_, std::string("the range `") + first + '-' + last + "` holds nothing");
      for (char c = first; c <= last; ++c) set.add(c);
      if (range) at_ += 2;
    }
    add(set);
  }

  void add(const DialSet& set) { pattern_.places_.push_back(set); }

  void wrong(std::size_t at, const std::string& why) {
    const char c = text_[at];
    const bool shown = c > ' ' && c < '\x7f';
    problem_ = "character " + std::to_string(at + 1) + (shown ? std::string(" (`") + c + "`)" : std::string()) + ": " + why;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  DialPattern pattern_;
  std::string problem_;
};

std::variant<DialPattern, std::string> DialPattern::parse(std::string_view text) { return DialPatternReader(text).read(); }

bool DialPattern::matches(std::string_view number) const {
  if (number.size() < places_.size()) return false;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (!places_[i].has(number[i])) return false;
  }
  const std::string_view left = number.substr(places_.size());
  if (left.empty()) return end_ != End::more;
  return end_ != End::nothing && is_open_end(left);
}

bool DialPattern::overlaps(const DialPattern& other) const {
  const std::size_t common = std::min(places_.size(), other.places_.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (!places_[i].shares(other.places_[i])) return false;
  }
  if (places_.size() == other.places_.size()) {
    // `.` wants one more, which a pattern that ends here does not take.
    const auto clash = [](End a, End b) { return a == End::more && b == End::nothing; };
    return !clash(end_, other.end_) && !clash(other.end_, end_);
  }
  const DialPattern& shorter = places_.size() < other.places_.size() ? *this : other;
  return shorter.end_ != End::nothing;
}

bool DialPattern::is_number() const {
  return end_ == End::nothing && std::ranges::all_of(places_, [](const DialSet& set) { return set.size() == 1; });
}

std::string DialPattern::number() const {
  std::string text;
  for (const DialSet& set : places_) text += set.lowest();
  return text;
}

std::strong_ordering DialPattern::operator<=>(const DialPattern& other) const {
  if (is_number() != other.is_number()) return is_number() ? std::strong_ordering::less : std::strong_ordering::greater;
  const std::size_t common = std::min(places_.size(), other.places_.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (const auto by_place = places_[i] <=> other.places_[i]; by_place != 0) return by_place;
  }
  if (places_.size() != other.places_.size()) return other.places_.size() <=> places_.size();  // a set before any end
  return end_ <=> other.end_;
}

// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): written before it is read
DialledNumber::DialledNumber(std::string_view dialled) {
  const bool abroad = dialled.starts_with('+');
  const std::string_view begin = abroad ? "00" : "";
  if (abroad) dialled.remove_prefix(1);
  if (begin.size() + dialled.size() > buffer_.size()) return;
  std::ranges::copy(dialled, std::ranges::copy(begin, buffer_.begin()).out);
  text = std::string_view(buffer_.data(), begin.size() + dialled.size());
}

}  // namespace postern::acl
