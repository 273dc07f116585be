#include "sbc/branch.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include "sbc/base64url.hpp"
#include "sip/uri.hpp"

namespace postern::sbc {
namespace {

constexpr std::string_view magic_cookie = "z9hG4bK";
constexpr std::size_t id_letters = 22;

template <class Number>
std::string_view bytes_of(const Number& number) {
  static_assert(std::is_integral_v<Number>);
  return {reinterpret_cast<const char*>(&number), sizeof(number)};
}

/// RFC 3261 §8.1.1.7; the cookie is a token, and those are compared without case (§7.3.1).
bool is_rfc3261_branch(std::string_view branch) {
  return branch.size() > magic_cookie.size() && sip::iequals(branch.substr(0, magic_cookie.size()), magic_cookie);
}

}  // namespace

BranchId branch_id_of(Mac& mac, const Flow& flow, const sip::RawMessage& request) {
  const bool invite = request.method == sip::Method::invite || request.method == sip::Method::ack || request.method == sip::Method::cancel;
  const std::array<char, 2> kind{static_cast<char>(flow.side), static_cast<char>(flow.transport)};
  const std::string_view address{reinterpret_cast<const char*>(flow.peer.address.bytes().data()), flow.peer.address.bytes().size()};
  const std::string_view port = flow.connection == 0 ? bytes_of(flow.peer.port) : bytes_of(flow.connection);
  const std::string_view method = invite ? std::string_view{"INVITE"} : request.method_text;
  if (is_rfc3261_branch(request.branch)) {
    const std::array<std::string_view, 6> parts{
        std::string_view{kind.data(), kind.size()}, address, port, request.top_via.sent_by, request.branch, method};
    return mac.of(parts);
  }
  const std::array<std::string_view, 10> parts{std::string_view{kind.data(), kind.size()},
                                               address,
                                               port,
                                               request.request_uri,
                                               request.from_tag,
                                               invite ? std::string_view{} : request.to_tag,
                                               request.call_id,
                                               bytes_of(request.cseq),
                                               request.top_via.whole,
                                               method};
  return mac.of(parts);
}

void append_branch(std::string& out, const BranchId& id) {
  std::array<std::uint8_t, sizeof(id.high) + sizeof(id.low)> bytes{};
  std::memcpy(bytes.data(), &id.high, sizeof(id.high));
  std::memcpy(bytes.data() + sizeof(id.high), &id.low, sizeof(id.low));
  out += magic_cookie;
  append_base64url(out, bytes);
}

std::optional<BranchId> parse_branch(std::string_view branch) {
  if (branch.size() != magic_cookie.size() + id_letters || !branch.starts_with(magic_cookie)) return std::nullopt;
  BranchId id;
  std::array<std::uint8_t, sizeof(id.high) + sizeof(id.low)> bytes{};
  const auto size = decode_base64url(branch.substr(magic_cookie.size()), bytes);
  if (size != bytes.size()) return std::nullopt;
  std::memcpy(&id.high, bytes.data(), sizeof(id.high));
  std::memcpy(&id.low, bytes.data() + sizeof(id.high), sizeof(id.low));
  return id;
}

}  // namespace postern::sbc
