// Country and autonomous system of an address, from MaxMind DB files.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "acl/address.hpp"
#include "acl/options.hpp"

namespace postern::acl {

/// Where an address is, and for how many leading bits of it that holds (of 128; IPv4 as IPv4-mapped).
struct Located {
  Country country;
  unsigned bits = 128;
};

/// One open database. Immutable and safe to share between threads. The file is copied into a memfd
/// first: libmaxminddb maps what it opens, and a database rewritten in place would end us with SIGBUS.
class GeoDatabase {
 public:
  /// Opens and checks by a few look-ups; on failure the message says what is wrong with the file.
  static std::variant<std::shared_ptr<const GeoDatabase>, std::string> open(const std::string& path);
  ~GeoDatabase();
  GeoDatabase(const GeoDatabase&) = delete;
  GeoDatabase& operator=(const GeoDatabase&) = delete;

  /// When it was made, as it says itself: seconds since 1970.
  [[nodiscard]] std::uint64_t built() const;
  /// `country.iso_code` (MaxMind), else a flat `country_code`, else `registered_country.iso_code`; Country{} if there is none.
  [[nodiscard]] Country country(const Address& address) const { return locate(address).country; }
  [[nodiscard]] Located locate(const Address& address) const;
  /// `autonomous_system_number`, or a flat `asn` (number, or text with or without "AS"); 0 if there is none.
  [[nodiscard]] std::uint32_t asn(const Address& address) const;

 private:
  GeoDatabase();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The databases that are configured; either may be absent.
struct Geo {
  std::shared_ptr<const GeoDatabase> countries;
  std::shared_ptr<const GeoDatabase> asns;

  /// The address's country; for one that the database does not know Country::private_ or Country::unknown. Country{} without a database.
  [[nodiscard]] Country country(const Address& address) const { return locate(address).country; }
  [[nodiscard]] Located locate(const Address& address) const;
  [[nodiscard]] std::uint32_t asn(const Address& address) const;
};

}  // namespace postern::acl
