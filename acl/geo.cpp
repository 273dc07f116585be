#include "acl/geo.hpp"

#include <fcntl.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "acl/file_descriptor.hpp"

namespace postern::acl {
namespace {

using Path = const char* const*;
constexpr std::array<const char*, 3> nested_country{"country", "iso_code", nullptr};
constexpr std::array<const char*, 2> flat_country{"country_code", nullptr};
constexpr std::array<const char*, 3> registered_country{"registered_country", "iso_code", nullptr};
constexpr std::array<const char*, 2> nested_asn{"autonomous_system_number", nullptr};
constexpr std::array<const char*, 2> flat_asn{"asn", nullptr};

constexpr unsigned ipv4_prefix_bits = 96;           // of ::ffff:0:0/96
constexpr unsigned longest_private_ipv4_bits = 16;  // 192.168.0.0/16 and 169.254.0.0/16

std::string system_error(const std::string& path) { return path + ": " + std::strerror(errno); }

bool write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = write(fd, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    data += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

bool copy_all(int from, int to) {
  std::vector<char> buffer(std::size_t{1} << 18);
  while (true) {
    const ssize_t got = read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0;
    if (!write_all(to, buffer.data(), static_cast<std::size_t>(got))) return false;
  }
}

/// Copies the file into `memory`; what went wrong, or "".
std::string copy_file(const std::string& path, int memory) {
  // O_NONBLOCK: a FIFO named by mistake must not hang the daemon.
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (!file || fstat(file.get(), &status) != 0) return system_error(path);
  if (!S_ISREG(status.st_mode)) return path + ": is not a regular file";
  if (!copy_all(file.get(), memory)) return system_error(path);
  return {};
}

MMDB_lookup_result_s look_up(const MMDB_s& database, const Address& address, int& error) {
  if (address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = htonl(address.v4_value());
    return MMDB_lookup_sockaddr(&database, reinterpret_cast<const sockaddr*>(&v4), &error);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  std::memcpy(&v6.sin6_addr, address.bytes().data(), address.bytes().size());
  return MMDB_lookup_sockaddr(&database, reinterpret_cast<const sockaddr*>(&v6), &error);
}

/// The value at `path`, of any type; nullopt if there is none. The aget form: the variadic one allocates.
std::optional<MMDB_entry_data_s> value_at(MMDB_entry_s& entry, Path path) {
  MMDB_entry_data_s data{};
  if (MMDB_aget_value(&entry, &data, path) != MMDB_SUCCESS || !data.has_data) return std::nullopt;
  return data;
}

std::optional<std::string_view> text_of(const MMDB_entry_data_s& data) {
  if (data.type != MMDB_DATA_TYPE_UTF8_STRING) return std::nullopt;
  return std::string_view(data.utf8_string, data.data_size);
}

std::optional<Country> country_at(MMDB_entry_s& entry, Path path) {
  const auto data = value_at(entry, path);
  const auto text = data ? text_of(*data) : std::nullopt;
  // Two letters only: a database that writes "private" does not get to say our own words.
  return text && text->size() == 2 ? Country::parse(*text) : std::nullopt;
}

std::uint32_t number_of(const MMDB_entry_data_s& data) {
  if (data.type == MMDB_DATA_TYPE_UINT16) return data.uint16;
  if (data.type == MMDB_DATA_TYPE_UINT32) return data.uint32;
  if (data.type == MMDB_DATA_TYPE_UINT64) return data.uint64 <= UINT32_MAX ? static_cast<std::uint32_t>(data.uint64) : 0;
  auto text = text_of(data).value_or(std::string_view{});
  if (text.starts_with("AS") || text.starts_with("as")) text.remove_prefix(2);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? number : 0;
}

/// What is wrong with the record of this address, or "".
std::string check_address(const MMDB_s& database, const Address& address) {
  int error = MMDB_SUCCESS;
  MMDB_lookup_result_s result = look_up(database, address, error);
  if (error == MMDB_SUCCESS && result.found_entry) {
    MMDB_entry_data_list_s* list = nullptr;
    error = MMDB_get_entry_data_list(&result.entry, &list);
    MMDB_free_entry_data_list(list);
  }
  return error == MMDB_SUCCESS ? std::string{} : address.to_string() + ": " + MMDB_strerror(error);
}

/// Looks at addresses all over the space: a file that was cut or overwritten somewhere shows it here, not at a call.
std::string check_database(const MMDB_s& database) {
  for (std::uint32_t i = 0; i < 256; ++i) {
    auto problem = check_address(database, Address::v4((i << 24) | 0x00010001U));
    if (problem.empty() && database.metadata.ip_version == 6) {
      Address::Bytes bytes{0x20, static_cast<std::uint8_t>(i)};  // 2000::/8, in use, by its second byte
      bytes[15] = 1;
      problem = check_address(database, Address::v6(bytes));
    }
    if (!problem.empty()) return problem;
  }
  return {};
}

}  // namespace

struct GeoDatabase::Impl {
  MMDB_s database{};
  bool opened = false;

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (opened) MMDB_close(&database);
  }

  /// The address's record, if there is one; `bits` as in Located.
  [[nodiscard]] std::optional<MMDB_entry_s> find(const Address& address, unsigned& bits) const {
    int error = MMDB_SUCCESS;
    const MMDB_lookup_result_s result = look_up(database, address, error);
    const bool as_v4 = address.is_v4() && database.metadata.ip_version == 4;
    bits = result.netmask + (as_v4 ? ipv4_prefix_bits : 0U);
    return error == MMDB_SUCCESS && result.found_entry ? std::optional(result.entry) : std::nullopt;
  }
};

GeoDatabase::GeoDatabase() : impl_(std::make_unique<Impl>()) {}
GeoDatabase::~GeoDatabase() = default;

std::variant<std::shared_ptr<const GeoDatabase>, std::string> GeoDatabase::open(const std::string& path) {
  const FileDescriptor memory(memfd_create("geo", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) return system_error(path);
  if (auto problem = copy_file(path, memory.get()); !problem.empty()) return problem;
  if (fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) return system_error(path);

  std::shared_ptr<GeoDatabase> database(new GeoDatabase);
  const std::string copy = "/proc/self/fd/" + std::to_string(memory.get());
  const int error = MMDB_open(copy.c_str(), MMDB_MODE_MMAP, &database->impl_->database);
  if (error != MMDB_SUCCESS) return path + ": is not a sound MaxMind DB file: " + MMDB_strerror(error);
  database->impl_->opened = true;
  if (auto problem = check_database(database->impl_->database); !problem.empty()) return path + ": is damaged: " + problem;
  return std::shared_ptr<const GeoDatabase>(std::move(database));
}

std::uint64_t GeoDatabase::built() const { return impl_->database.metadata.build_epoch; }

Located GeoDatabase::locate(const Address& address) const {
  Located located;
  auto entry = impl_->find(address, located.bits);
  if (!entry) return located;
  auto country = country_at(*entry, nested_country.data());
  if (!country) country = country_at(*entry, flat_country.data());
  if (!country) country = country_at(*entry, registered_country.data());
  located.country = country.value_or(Country{});
  return located;
}

std::uint32_t GeoDatabase::asn(const Address& address) const {
  unsigned bits = 0;
  auto entry = impl_->find(address, bits);
  if (!entry) return 0;
  auto data = value_at(*entry, nested_asn.data());
  if (!data) data = value_at(*entry, flat_asn.data());
  return data ? number_of(*data) : 0;
}

Located Geo::locate(const Address& address) const {
  if (!countries) return {};
  Located located = countries->locate(address);
  if (located.country != Country{}) return located;
  located.country = address.is_private() ? Country::private_ : Country::unknown;
  located.bits = address.is_v4() ? std::max(located.bits, ipv4_prefix_bits + longest_private_ipv4_bits) : 128;
  return located;
}

std::uint32_t Geo::asn(const Address& address) const { return asns ? asns->asn(address) : 0; }

}  // namespace postern::acl
