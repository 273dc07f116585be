// Patterns of dialled numbers, in Asterisk's letters and in Asterisk's order of specificity.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace postern::acl {

/// May `.` and `!` stand for that? What a dialplan gives to the PBX's Dial can hold signs that begin another call there (`&`, `/`, `,`):
/// they are in a class only where a pattern names them.
[[nodiscard]] bool is_open_end(std::string_view left);

/// The characters that one place of a pattern takes.
class DialSet {
 public:
  void add(char c) { word(c) |= bit(c); }
  [[nodiscard]] bool has(char c) const {
    const auto code = static_cast<unsigned char>(c);
    return code < 128 && (words_[code / 64] & bit(c)) != 0;
  }
  [[nodiscard]] std::size_t size() const;
  /// The lowest; there is one.
  [[nodiscard]] char lowest() const;
  [[nodiscard]] bool shares(const DialSet& other) const;
  /// The fewer it takes the further to the front; of two that take as many, that with the lower first character, then the lower others.
  std::strong_ordering operator<=>(const DialSet& other) const;
  bool operator==(const DialSet&) const = default;

 private:
  // The lowest character is the highest bit, so that of two sets the greater number stands first.
  static std::uint64_t bit(char c) { return std::uint64_t{1} << (63 - static_cast<unsigned char>(c) % 64); }
  [[nodiscard]] std::uint64_t& word(char c) { return words_[static_cast<unsigned char>(c) / 64]; }

  std::array<std::uint64_t, 2> words_{};
};

class DialPattern {
 public:
  static constexpr std::size_t longest = 64;  ///< bytes as written

  /// What comes behind its places, in Asterisk's order. (`!` before nothing at all: of `1X!` and `1X` the first has the number 12.)
  enum class End : std::uint8_t {
    more,     ///< `.`: one character or more
    any,      ///< `!`: none or more
    nothing,  ///< that is all of the number
  };

  /// X is 0-9, Z 1-9, N 2-9, in either case, [13-5] one of these, `.` and `!` stand at the end; `-` is passed over, and so is one `_` in
  /// front. A text instead: what is wrong, with the letter that is.
  static std::variant<DialPattern, std::string> parse(std::string_view text);

  [[nodiscard]] bool matches(std::string_view number) const;
  /// Is there a number that both match?
  [[nodiscard]] bool overlaps(const DialPattern& other) const;
  /// It matches one number alone.
  [[nodiscard]] bool is_number() const;
  /// That number.
  [[nodiscard]] std::string number() const;
  [[nodiscard]] const std::vector<DialSet>& places() const { return places_; }
  [[nodiscard]] End end() const { return end_; }

  /// As Asterisk sorts extensions (ext_cmp() of its pbx.c): less is the more specific, and the first that matches has the number. A plain
  /// number stands before all patterns, for so it does in Asterisk without a `_`; patterns are compared place by place, sets as DialSet
  /// does it, before the ends. Equal: they match the same numbers, however they are written.
  std::strong_ordering operator<=>(const DialPattern& other) const;
  bool operator==(const DialPattern&) const = default;

 private:
  friend class DialPatternReader;

  std::vector<DialSet> places_;
  End end_ = End::nothing;
};

/// What is dialled (as sip::dialled_number() has it) as patterns see it: with a leading `+` as `00`. Not to be copied: the text leads into
/// it.
struct DialledNumber {
  explicit DialledNumber(std::string_view dialled);
  DialledNumber(const DialledNumber&) = delete;
  DialledNumber& operator=(const DialledNumber&) = delete;
  ~DialledNumber() = default;

  std::string_view text;  ///< empty: none, or longer than any number
 private:
  std::array<char, 128> buffer_;
};

}  // namespace postern::acl
