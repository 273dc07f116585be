#include "sbc/branch.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>

#include "sbc/base64url.hpp"
#include "sip/uri.hpp"

namespace postern::sbc {
namespace {

constexpr std::string_view magic_cookie = "z9hG4bK";
constexpr std::size_t id_bytes = sizeof(BranchId);
constexpr std::size_t id_letters = 22;

BranchId id_in(std::span<const std::uint8_t> bytes) {
  BranchId id;
  std::memcpy(&id.high, bytes.data(), sizeof(id.high));
  std::memcpy(&id.low, bytes.data() + sizeof(id.high), sizeof(id.low));
  return id;
}

template <class Number>
std::string_view bytes_of(const Number& number) {
  static_assert(std::is_integral_v<Number>);
  return {reinterpret_cast<const char*>(&number), sizeof(number)};
}

std::string_view bytes_of(const acl::Address& address) {
  return {reinterpret_cast<const char*>(address.bytes().data()), address.bytes().size()};
}

// CANCEL and ACK belong to the INVITE.
bool is_of_invite(sip::Method method) {
  return method == sip::Method::invite || method == sip::Method::ack || method == sip::Method::cancel;
}

}  // namespace

bool is_rfc3261_branch(std::string_view branch) {
  return branch.size() > magic_cookie.size() && sip::iequals(branch.substr(0, magic_cookie.size()), magic_cookie);
}

BranchId branch_id_of(Mac& mac, const Flow& flow, const sip::RawMessage& request) {
  const bool invite = is_of_invite(request.method);
  const std::array<char, 2> kind{static_cast<char>(flow.side), static_cast<char>(flow.transport)};
  const std::string_view address = bytes_of(flow.peer.address);
  // On the core side a CANCEL may come over another connection than its INVITE.
  const bool by_connection = flow.side == Side::access && flow.connection != 0;
  const std::string_view port = by_connection ? bytes_of(flow.connection) : bytes_of(flow.peer.port);
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

BranchId branch_id_of(Mac& mac, const Flow& flow, std::string_view top_via, sip::Method method, std::string_view method_text,
                      const acl::Address& sent_to) {
  const std::array<char, 2> kind{static_cast<char>(flow.side), static_cast<char>(flow.transport)};
  const std::array<std::string_view, 6> parts{std::string_view{kind.data(), kind.size()},
                                              bytes_of(flow.peer.address),
                                              bytes_of(flow.peer.port),
                                              top_via,
                                              is_of_invite(method) ? std::string_view{"INVITE"} : method_text,
                                              bytes_of(sent_to)};
  return mac.of(parts);
}

void append_branch(std::string& out, const BranchId& id, std::string_view sealed) {
  std::array<std::uint8_t, id_bytes + longest_sealed> bytes{};
  std::memcpy(bytes.data(), &id.high, sizeof(id.high));
  std::memcpy(bytes.data() + sizeof(id.high), &id.low, sizeof(id.low));
  std::ranges::copy(sealed, bytes.begin() + id_bytes);
  out += magic_cookie;
  append_base64url(out, std::span(bytes).first(id_bytes + sealed.size()));
}

std::optional<BranchId> parse_branch(std::string_view branch) {
  if (branch.size() < magic_cookie.size() + id_letters || !branch.starts_with(magic_cookie)) return std::nullopt;
  branch.remove_prefix(magic_cookie.size());
  // Whole groups of letters, since the id ends within one.
  constexpr std::size_t whole_groups = 24;
  std::array<std::uint8_t, whole_groups * 3 / 4> bytes{};
  const auto size = decode_base64url(branch.substr(0, whole_groups), bytes);
  if (!size || *size < id_bytes || (*size > id_bytes && branch.size() < whole_groups)) return std::nullopt;
  return id_in(bytes);
}

std::optional<BranchParts> split_branch(std::string_view branch) {
  if (branch.size() <= magic_cookie.size() + id_letters || !branch.starts_with(magic_cookie)) return std::nullopt;
  std::array<std::uint8_t, id_bytes + longest_sealed> bytes{};
  branch.remove_prefix(magic_cookie.size());
  const auto size = branch.size() * 3 / 4 <= bytes.size() ? decode_base64url(branch, bytes) : std::nullopt;
  if (!size || *size <= id_bytes) return std::nullopt;
  return BranchParts{id_in(bytes), std::string(bytes.begin() + id_bytes, bytes.begin() + static_cast<std::ptrdiff_t>(*size))};
}

}  // namespace postern::sbc
