#include "sbc/sdp.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "sip/uri.hpp"

namespace postern::sbc {
namespace {

using std::string_view;

/// A line's words. A candidate's first eight are fixed, what follows are pairs; of a line with more than fit here the rest is not read.
class Words {
 public:
  explicit Words(string_view line) {
    while (count_ < words_.size()) {
      const std::size_t begin = line.find_first_not_of(' ');
      if (begin == string_view::npos) return;
      line.remove_prefix(begin);
      const std::size_t end = std::min(line.find(' '), line.size());
      words_[count_++] = line.substr(0, end);
      line.remove_prefix(end);
    }
  }
  [[nodiscard]] std::size_t size() const { return count_; }
  string_view operator[](std::size_t at) const { return words_[at]; }

 private:
  static constexpr std::size_t most = 64;
  std::array<string_view, most> words_;
  std::size_t count_ = 0;
};

/// Calls visit(line, end): the line and what ends it (CRLF or, as many write it, LF alone; RFC 8866 §5).
template <class F>
void each_sdp_line(string_view sdp, F&& visit) {
  while (!sdp.empty()) {
    const std::size_t next = std::min(sdp.find('\n'), sdp.size() - 1) + 1;
    string_view line = sdp.substr(0, next);
    if (line.ends_with('\n')) line.remove_suffix(1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    visit(line, sdp.substr(line.size(), next - line.size()));
    sdp.remove_prefix(next);
  }
}

constexpr string_view candidate_mark = "a=candidate:";

/// Lines that end in "IN IP4 host", and how many words each has.
struct AddressLine {
  string_view mark;
  std::size_t words;
};
constexpr std::array address_lines{AddressLine{"c=", 3}, AddressLine{"o=", 6}, AddressLine{"a=rtcp:", 4}};

bool is_family(string_view word) { return sip::iequals(word, "IP4") || sip::iequals(word, "IP6"); }

/// Where in the words the host stands; nullopt: the line has none.
std::optional<std::size_t> host_of(string_view line, const Words& words) {
  for (const AddressLine& known : address_lines) {
    if (line.starts_with(known.mark) && words.size() == known.words && is_family(words[known.words - 2])) return known.words - 1;
  }
  return std::nullopt;
}

/// `a=candidate:1 1 UDP 2130706431 10.0.0.5 12000 typ host`.
bool is_candidate(string_view line, const Words& words) {
  return line.starts_with(candidate_mark) && words.size() >= 8 && words[6] == "typ";
}
constexpr std::size_t candidate_host = 4;
constexpr std::size_t candidate_pairs = 8;

/// A line that is copied word by word.
class Line {
 public:
  Line(std::string& out, string_view line) : out_(out), line_(line) {}
  /// `word` is one of its words, behind those that were replaced before.
  void replace(string_view word, string_view with) {
    const auto begin = static_cast<std::size_t>(word.data() - line_.data());
    out_.append(line_.substr(done_, begin - done_)).append(with);
    done_ = begin + word.size();
  }
  void finish() { out_.append(line_.substr(done_)); }

 private:
  std::string& out_;
  string_view line_;
  std::size_t done_ = 0;
};

constexpr std::array text_marks{string_view{"s="}, string_view{"i="},      string_view{"u="},     string_view{"e="},
                                string_view{"p="}, string_view{"a=tool:"}, string_view{"a=ssrc:"}};

void append_line(std::string& out, string_view text, const Names& names, const acl::Address& media, string_view media_text) {
  Line line(out, text);
  const bool may_name = text.starts_with("c=") || text.starts_with("o=") || text.starts_with("a=");
  if (!may_name) return line.finish();
  const Words words(text);
  if (const auto host = host_of(text, words); host && names.hides(words[*host])) {
    line.replace(words[*host - 1], media.is_v4() ? "IP4" : "IP6");
    line.replace(words[*host], media_text);
  } else if (is_candidate(text, words)) {
    if (names.hides(words[candidate_host])) line.replace(words[candidate_host], media_text);
    for (std::size_t i = candidate_pairs; i + 1 < words.size(); i += 2) {
      if (words[i] == "raddr" && names.hides(words[i + 1])) line.replace(words[i + 1], media_text);
    }
  }
  line.finish();
}

/// What the lines so far say of audio.
class Audio {
 public:
  void read(string_view line) {
    if (line.starts_with("m=")) return begin(line);
    if (line.starts_with("c=")) {
      const Words words(line);
      if (const auto host = host_of(line, words)) (in_media_ ? own_ : session_) = acl::Address::parse(words[*host]);
    } else if (line.starts_with(candidate_mark)) {
      const Words words(line);
      if (!is_candidate(line, words)) return;
      const auto address = acl::Address::parse(words[candidate_host]);
      reachable_ = reachable_ || (address && !is_inside(*address));
    }
  }
  /// At the end.
  std::optional<acl::Address> found() {
    end();
    return found_;
  }

 private:
  void begin(string_view line) {
    end();
    const Words words(line);
    in_media_ = true;
    audio_ = words.size() >= 3 && words[0] == "m=audio" && words[1] != "0";
    own_ = session_;
    reachable_ = false;
  }
  void end() {
    if (audio_ && !found_ && !reachable_ && own_ && is_inside(*own_)) found_ = own_;
  }

  std::optional<acl::Address> session_;  ///< of the `c=` before all streams
  std::optional<acl::Address> own_;      ///< of this stream
  std::optional<acl::Address> found_;
  bool in_media_ = false;
  bool audio_ = false;
  bool reachable_ = false;
};

}  // namespace

bool is_inside(const acl::Address& address) {
  constexpr std::uint32_t shared = 0x64400000U >> 22U;  // 100.64.0.0/10
  return address.is_private() || (address.is_v4() && address.v4_value() >> 22U == shared);
}

void append_with_media_address(std::string& out, string_view sdp, const Names& names, Veil& veil, const Flow& access) {
  const acl::Address& media = *names.media_address();
  const std::string media_text = media.to_string();
  each_sdp_line(sdp, [&](string_view line, string_view end) {
    if (std::ranges::any_of(text_marks, [line](string_view mark) { return line.starts_with(mark); })) {
      veil.append(out, line, access);
    } else {
      append_line(out, line, names, media, media_text);
    }
    out.append(end);
  });
}

std::optional<acl::Address> audio_inside(string_view sdp) {
  Audio audio;
  each_sdp_line(sdp, [&audio](string_view line, string_view) { audio.read(line); });
  return audio.found();
}

}  // namespace postern::sbc
