#include "sbc/stun.hpp"

#include <boost/crc.hpp>
#include <cstddef>
#include <cstdint>

namespace postern::sbc {
namespace {

using std::string_view;

constexpr std::size_t header_size = 20;
constexpr std::size_t attribute_head = 4;
constexpr std::size_t fingerprint_size = 8;
constexpr std::uint16_t binding_request = 0x0001;
constexpr std::uint16_t binding_success = 0x0101;
constexpr std::uint16_t xor_mapped_address = 0x0020;
constexpr std::uint16_t fingerprint_type = 0x8028;
constexpr std::uint16_t comprehension_optional = 0x8000;
constexpr std::uint16_t cookie_high = 0x2112;
constexpr std::uint16_t cookie_low = 0xa442;
constexpr std::uint32_t fingerprint_mask = 0x5354554e;  // "STUN" (RFC 8489 §14.7)

std::uint16_t number_at(string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>((static_cast<std::uint8_t>(bytes[at]) << 8) | static_cast<std::uint8_t>(bytes[at + 1]));
}

void put(std::string& out, std::uint16_t number) {
  out += static_cast<char>(number >> 8);
  out += static_cast<char>(number & 0xff);
}

void put(std::string& out, std::uint32_t number) {
  put(out, static_cast<std::uint16_t>(number >> 16));
  put(out, static_cast<std::uint16_t>(number & 0xffff));
}

struct BindingRequest {
  bool good = false;
  bool has_fingerprint = false;
};

BindingRequest read(string_view bytes) {
  BindingRequest request;
  if (bytes.size() < header_size || number_at(bytes, 0) != binding_request || number_at(bytes, 2) != bytes.size() - header_size ||
      number_at(bytes, 4) != cookie_high || number_at(bytes, 6) != cookie_low)
    return {};
  std::size_t at = header_size;
  while (at < bytes.size()) {
    if (bytes.size() - at < attribute_head || request.has_fingerprint) return {};  // FINGERPRINT is the last (§14.7)
    const std::uint16_t type = number_at(bytes, at);
    const std::size_t size = number_at(bytes, at + 2);
    const std::size_t padded = attribute_head + ((size + 3) & ~std::size_t{3});
    if (type < comprehension_optional || padded > bytes.size() - at) return {};
    if (type == fingerprint_type) {
      const std::uint32_t expected = stun_fingerprint(bytes.substr(0, at));
      if (padded != fingerprint_size || number_at(bytes, at + 4) != expected >> 16 || number_at(bytes, at + 6) != (expected & 0xffff))
        return {};
      request.has_fingerprint = true;
    }
    at += padded;
  }
  request.good = true;
  return request;
}

}  // namespace

std::uint32_t stun_fingerprint(string_view message) {
  boost::crc_32_type crc;
  crc.process_bytes(message.data(), message.size());
  return crc.checksum() ^ fingerprint_mask;
}

bool append_stun_answer(std::string& out, string_view request, const Endpoint& source) {
  const BindingRequest asked = read(request);
  if (!asked.good) return false;
  const bool v4 = source.address.is_v4();
  const std::size_t address_size = v4 ? 4 : 16;
  const std::size_t begin = out.size();
  put(out, binding_success);
  put(out, static_cast<std::uint16_t>(attribute_head + 4 + address_size + (asked.has_fingerprint ? fingerprint_size : 0)));
  const string_view cookie_and_id = request.substr(4, header_size - 4);
  out.append(cookie_and_id);
  put(out, xor_mapped_address);
  put(out, static_cast<std::uint16_t>(4 + address_size));
  put(out, static_cast<std::uint16_t>(v4 ? 1 : 2));
  put(out, static_cast<std::uint16_t>(source.port ^ cookie_high));
  const auto& address = source.address.bytes();
  for (std::size_t i = 0; i < address_size; ++i)
    out += static_cast<char>(address[address.size() - address_size + i] ^ static_cast<std::uint8_t>(cookie_and_id[i]));
  if (!asked.has_fingerprint) return true;
  const std::uint32_t fingerprint = stun_fingerprint(string_view(out).substr(begin));
  put(out, fingerprint_type);
  put(out, std::uint16_t{4});
  put(out, fingerprint);
  return true;
}

}  // namespace postern::sbc
