// What a phone of a few lines reads and writes of SIP: headers of a message as text, and digest.
#pragma once

#include <openssl/evp.h>
#include <strings.h>

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

namespace postern::load {

inline std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}

/// The lines of a header, each with its line end, as they are.
inline std::string lines_of(std::string_view message, std::string_view name, bool only_first = false) {
  std::string found;
  for (std::size_t at = message.find("\r\n"); at != std::string_view::npos; at = message.find("\r\n", at + 2)) {
    const std::string_view line = message.substr(at + 2, message.find("\r\n", at + 2) - at - 2);
    if (line.empty()) break;
    if (line.size() <= name.size() || line[name.size()] != ':' || ::strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
    found.append(line).append("\r\n");
    if (only_first) break;
  }
  return found;
}

inline std::string header(std::string_view message, std::string_view name) {
  const std::string line = lines_of(message, name, true);
  if (line.empty()) return {};
  return std::string(trim(std::string_view(line).substr(name.size() + 1, line.size() - name.size() - 3)));
}

/// A quoted value of a challenge.
inline std::string parameter(std::string_view challenge, std::string_view name) {
  const std::string key = std::string(name) + "=\"";
  std::size_t begin = challenge.find(key);
  while (begin != std::string_view::npos && begin != 0 && challenge[begin - 1] != ' ' && challenge[begin - 1] != ',')
    begin = challenge.find(key, begin + 1);
  if (begin == std::string_view::npos) return {};
  begin += key.size();
  return std::string(challenge.substr(begin, challenge.find('"', begin) - begin));
}

inline std::string md5(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), sum.data(), &size, EVP_md5(), nullptr);
  std::string out;
  for (unsigned i = 0; i < size; ++i) {
    constexpr std::string_view digits = "0123456789abcdef";
    out += digits[sum[i] >> 4U];
    out += digits[sum[i] & 15U];
  }
  return out;
}

/// The Authorization that answers a challenge (RFC 2617, MD5 with qop) for the `count`th time.
inline std::string credentials(std::string_view challenge, const std::string& user, const std::string& uri, unsigned count = 1) {
  const std::string realm = parameter(challenge, "realm"), nonce = parameter(challenge, "nonce"), opaque = parameter(challenge, "opaque");
  const std::string secret = md5(user + ":" + realm + ":secret" + user), what = md5("REGISTER:" + uri);
  std::array<char, 9> nc{};
  std::snprintf(nc.data(), nc.size(), "%08x", count);
  std::string out = "Authorization: Digest username=\"" + user + "\", realm=\"" + realm + "\", nonce=\"" + nonce + "\", uri=\"" + uri +
                    "\", algorithm=MD5, qop=auth, nc=" + nc.data() + ", cnonce=\"c0ffee\", response=\"" +
                    md5(secret + ":" + nonce + ":" + nc.data() + ":c0ffee:auth:" + what) + "\"";
  if (!opaque.empty()) out += ", opaque=\"" + opaque + "\"";
  return out + "\r\n";
}

}  // namespace postern::load
