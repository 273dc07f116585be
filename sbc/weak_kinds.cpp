#include "sbc/weak_kinds.hpp"

#include <algorithm>
#include <span>

#include "acl/address.hpp"
#include "sbc/digest_response.hpp"

namespace postern::sbc {
namespace {

constexpr std::array<std::string_view, 48> digits{
    "0",    "00",    "000",    "0000",   "00000",  "000000",  "1",        "11",        "111",        "1111",   "11111",  "111111",
    "2222", "3333",  "4444",   "5555",   "6666",   "7777",    "8888",     "9999",      "99999",      "999999", "777777", "666666",
    "12",   "123",   "1234",   "12345",  "123456", "1234567", "12345678", "123456789", "1234567890", "0123",   "01234",  "012345",
    "4321", "54321", "654321", "987654", "123321", "112233",  "121212",   "123123",    "1212",       "2580",   "1010",   "159753"};

// The words that lead the yearly counts of leaked passwords (SplashData's and NordPass's, as Wikipedia's "List of the most common
// passwords" shows them; the UK's NCSC counted much the same in 2019), and those that telephone systems are delivered with.
constexpr std::array<std::string_view, 104> common{
    "password",  "Password", "password1", "Password1",   "password123", "Password123",   "passw0rd",  "P@ssw0rd", "pass",
    "pass123",   "pass1234", "qwerty",    "qwerty1",     "qwerty123",   "qwertyuiop",    "1q2w3e",    "1q2w3e4r", "1q2w3e4r5t",
    "1qaz2wsx",  "q1w2e3r4", "zaq12wsx",  "qazwsx",      "asdf",        "asdfgh",        "asdfghjkl", "zxcvbn",   "zxcvbnm",
    "abc123",    "abcd1234", "a1b2c3",    "aa123456",    "abc",         "abcdef",        "letmein",   "welcome",  "welcome1",
    "Welcome1",  "iloveyou", "monkey",    "dragon",      "sunshine",    "princess",      "football",  "baseball", "master",
    "shadow",    "superman", "batman",    "michael",     "charlie",     "ashley",        "jessica",   "donald",   "freedom",
    "whatever",  "trustno1", "starwars",  "hello",       "hello123",    "computer",      "internet",  "secret",   "secret123",
    "admin",     "admin1",   "admin123",  "Admin123",    "admin1234",   "administrator", "root",      "toor",     "user",
    "guest",     "test",     "test1",     "test123",     "test1234",    "testing",       "demo",      "default",  "changeme",
    "changeit",  "temp",     "temp123",   "login",       "access",      "support",       "service",   "office",   "phone",
    "telephone", "voip",     "sip",       "sip123",      "pbx",         "asterisk",      "freepbx",   "vitalpbx", "elastix",
    "trixbox",   "issabel",  "yealink",   "grandstream", "polycom"};

std::string reversed(std::string_view text) { return {text.rbegin(), text.rend()}; }
std::string doubled(std::string_view text) { return std::string(text).append(text); }

/// The names that an account goes by: "1001@pbx.example.com" is 1001 as well.
std::vector<std::string> names_of(const WatchedDigest& digest) {
  std::vector<std::string> names{digest.username};
  for (const std::string& name : {digest.username.substr(0, digest.username.find('@')), digest.device}) {
    if (!name.empty() && std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return names;
}

/// One after the other, until one was it.
class Trial {
 public:
  explicit Trial(const WatchedDigest& digest)
      : digest_(digest),
        response_(DigestResponse::of({.algorithm = digest.algorithm,
                                      .username = digest.username,
                                      .realm = digest.realm,
                                      .nonce = digest.nonce,
                                      .method = digest.method,
                                      .uri = digest.uri,
                                      .qop = digest.qop,
                                      .nc = digest.nc,
                                      .cnonce = digest.cnonce},
                                     digest.response)),
        names_(names_of(digest)) {
    if (!digest.extension.empty()) extension_.push_back(digest.extension);
  }

  [[nodiscard]] bool can_be_computed() const { return response_.has_value(); }
  bool is_of(WeakKind kind);

 private:
  template <class Texts>
  bool any(const Texts& texts) {
    return std::ranges::any_of(texts, [this](std::string_view text) { return response_->is_of(text); });
  }
  bool any(const std::vector<std::string>& names, std::string (*form)(std::string_view)) {
    return std::ranges::any_of(names, [&](const std::string& name) { return response_->is_of(form(name)); });
  }
  bool is_domain() {
    return std::ranges::any_of(digest_.domains, [this](const std::string& domain) {
      if (response_->is_of(domain)) return true;
      const std::size_t dot = domain.find('.');
      return dot != std::string::npos && !acl::Address::parse(domain) && response_->is_of(domain.substr(0, dot));
    });
  }

  const WatchedDigest& digest_;
  std::optional<DigestResponse> response_;
  std::vector<std::string> names_, extension_;
};

bool Trial::is_of(WeakKind kind) {
  switch (kind) {
    case WeakKind::empty:
      return response_->is_of({});
    case WeakKind::user_name:
      return any(names_);
    case WeakKind::extension:
      return any(extension_);
    case WeakKind::user_name_reversed:
      return any(names_, reversed);
    case WeakKind::user_name_doubled:
      return any(names_, doubled);
    case WeakKind::extension_reversed:
      return any(extension_, reversed);
    case WeakKind::extension_doubled:
      return any(extension_, doubled);
    case WeakKind::domain:
      return is_domain();
    case WeakKind::digits:
      return any(digits);
    case WeakKind::common:
      return any(common);
  }
  return false;
}

}  // namespace

std::optional<WeakKind> weak_kind_of_word(std::string_view word) {
  const auto found = std::ranges::find(weak_kind_table, word, &WeakKindInfo::word);
  if (found == weak_kind_table.end()) return std::nullopt;
  return static_cast<WeakKind>(found - weak_kind_table.begin());
}

bool can_be_tried(const WatchedDigest& digest) { return Trial(digest).can_be_computed(); }

std::optional<WeakKind> weak_kind_of(const WatchedDigest& digest) {
  Trial trial(digest);
  if (!trial.can_be_computed()) return std::nullopt;
  for (std::size_t kind = 0; kind < weak_kind_count; ++kind) {
    if (trial.is_of(static_cast<WeakKind>(kind))) return static_cast<WeakKind>(kind);
  }
  return std::nullopt;
}

bool is_of_kind(const WatchedDigest& digest, WeakKind kind) {
  Trial trial(digest);
  return trial.can_be_computed() && trial.is_of(kind);
}

}  // namespace postern::sbc
