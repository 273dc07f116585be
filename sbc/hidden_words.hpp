// What of the core side can stand in free text, and where it stands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "acl/address.hpp"

namespace postern::sbc {

/// The next place where `host` stands in text as a whole word, without case; npos: none. pbx.example is not in my-pbx.example.org; of an
/// address only digits make another one: 10.0.0.5 is not in 10.0.0.50, but in call-10.0.0.5-x.
std::size_t find_host(std::string_view text, std::string_view host, bool is_address, std::size_t from);

class HiddenWords {
 public:
  /// No brackets. IPv6 addresses are found in every spelling.
  void add_host(std::string_view host);
  /// A port that nobody but the core side has: behind whatever host it stands, it is the PBX's.
  void add_port(std::uint16_t port);

  struct Found {
    enum class Kind : std::uint8_t {
      host,       ///< without brackets and port
      host_port,  ///< the port behind another host, with its colon
      port,       ///< the digits of a port that is called so: rport=15060
    };
    std::size_t begin = std::string_view::npos;
    std::size_t end = 0;
    Kind kind = Kind::host;
  };

  /// Does any of it stand in text (whose escapes are decoded)?
  [[nodiscard]] bool any_in(std::string_view text) const;

  /// From left to right. Each word's next place is kept, so that no byte is looked at more than once for each of them, however many
  /// occurrences there are.
  class Finder {
   public:
    /// `text`'s escapes are decoded.
    Finder(const HiddenWords& words, std::string_view text);
    /// nullopt: none that begins at `from` or behind it. `from` never goes back.
    std::optional<Found> next(std::size_t from);

   private:
    const HiddenWords& words_;
    std::string_view text_;
    std::vector<Found> places_;  ///< of each word
  };

 private:
  struct Word {
    enum class Kind : std::uint8_t { name, ipv4, ipv6, port };
    Kind kind = Kind::name;
    std::string text;  ///< ipv6: empty, one word stands for all of them
  };
  [[nodiscard]] Found find(const Word& word, std::string_view text, std::size_t from) const;
  [[nodiscard]] Found find_ipv6(std::string_view text, std::size_t from) const;
  [[nodiscard]] bool is_hidden_address(std::string_view text) const;

  std::vector<Word> words_;
  std::vector<acl::Address> addresses_;
};

}  // namespace postern::sbc
