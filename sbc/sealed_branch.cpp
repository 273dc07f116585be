#include "sbc/sealed_branch.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "sbc/base64url.hpp"
#include "sbc/bytes.hpp"

namespace postern::sbc {
namespace {

// Toward the core, first byte: how the flow is written. Second: PBX, third: what the asker wrote.
constexpr unsigned version = 2U << 5U;
constexpr unsigned version_mask = 7U << 5U;
constexpr unsigned peer_is_v4 = 1U << 0U;
constexpr unsigned local_is_v4 = 1U << 1U;
constexpr std::size_t pbx_at = 1;
constexpr unsigned shown_mask = 3;
constexpr unsigned to_shift = 2;
constexpr unsigned named_hidden = 1U << 4U;
constexpr unsigned from_port = 1U << 5U;
constexpr unsigned to_port = 1U << 6U;
constexpr std::size_t tag_size = 8;

// Toward the access side, the first byte: which Via (its lower three bits), what else is told of it, the PBX's place in the list.
enum class ViaForm : std::uint8_t {
  rport_branch,  ///< "SIP/2.0/UDP HOST:PORT;rport;branch=z9hG4bK..." (Asterisk, FreeSWITCH)
  branch,        ///< "SIP/2.0/UDP HOST:PORT;branch=z9hG4bK..."
  whole,         ///< any other
};
constexpr unsigned form_mask = 3;
constexpr unsigned is_uuid = 1U << 2U;     ///< "Pj" and a UUID: what PJSIP makes, 38 letters in 16 bytes
constexpr unsigned other_port = 1U << 3U;  ///< the PBX sent from another port than it listens on
constexpr unsigned pbx_shift = 4;
constexpr std::size_t most_pbx = 16;
constexpr std::array<std::string_view, 2> forms{";rport;branch=z9hG4bK", ";branch=z9hG4bK"};
constexpr std::string_view protocol = "SIP/2.0/UDP ";

constexpr std::string_view uuid_mark = "Pj";
constexpr std::size_t uuid_bytes = 16;
constexpr std::string_view uuid_shape = "00000000-0000-0000-0000-000000000000";

constexpr std::size_t longest_beside = 600;

std::string_view as_text(const std::string& bytes) { return bytes; }

std::span<std::uint8_t> as_bytes(std::string& text) { return {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}; }

std::string_view bytes_of(const BranchId& id) { return {reinterpret_cast<const char*>(&id), sizeof id}; }

int hex_value(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

/// False, and `out` as it was: not PJSIP's.
bool put_uuid(std::string& out, std::string_view text) {
  if (!text.starts_with(uuid_mark) || text.size() != uuid_mark.size() + uuid_shape.size()) return false;
  text.remove_prefix(uuid_mark.size());
  std::array<unsigned, uuid_bytes> bytes{};
  std::size_t digits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (uuid_shape[i] == '-') {
      if (text[i] != '-') return false;
      continue;
    }
    const int value = hex_value(text[i]);
    if (value < 0) return false;
    bytes.at(digits / 2) = bytes.at(digits / 2) * 16 + static_cast<unsigned>(value);
    ++digits;
  }
  for (const unsigned byte : bytes) put_byte(out, byte);
  return true;
}

void append_uuid(std::string& out, std::string_view bytes) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += uuid_mark;
  std::size_t digit = 0;
  for (const char place : uuid_shape) {
    if (place == '-') {
      out += place;
      continue;
    }
    const auto byte = static_cast<std::uint8_t>(bytes[digit / 2]);
    out += hex[digit % 2 == 0 ? byte >> 4U : byte & 15U];
    ++digit;
  }
}

unsigned words_of(const Asker& asker) {
  return static_cast<unsigned>(asker.from.as) | static_cast<unsigned>(asker.to.as) << to_shift | (asker.named_hidden ? named_hidden : 0U) |
         (asker.from.port ? from_port : 0U) | (asker.to.port ? to_port : 0U);
}

std::array<std::uint8_t, 16> cipher_key(Mac& mac) {
  const std::array<std::string_view, 1> label{"key of the branches"};
  const Mac128 derived = mac.of(label);
  std::array<std::uint8_t, 16> key{};
  std::memcpy(key.data(), &derived, sizeof derived);
  return key;
}

}  // namespace

Branches::Branches(Mac& mac) : mac_(mac), ctr_(cipher_key(mac)) {}

void Branches::apply(std::span<const Endpoint> pbx, std::span<const ListenerOptions> listeners) {
  pbx_.assign(pbx.begin(), pbx.end());
  pbx_texts_.clear();
  for (const Endpoint& address : pbx_) pbx_texts_.push_back(address.to_string());
  listeners_ = addresses_of(listeners);
}

std::uint64_t Branches::tag_of(const BranchId& id, std::string_view content) {
  const std::array<std::string_view, 3> parts{"branch", bytes_of(id), content};
  return mac_.of(parts).high;
}

void Branches::append(std::string& out, const BranchId& id, const Asker& asker) {
  const Flow& flow = asker.flow;
  if (flow.transport != Transport::udp) return append_branch(out, id);
  content_.clear();
  put_byte(content_, version | (flow.peer.address.is_v4() ? peer_is_v4 : 0U) | (flow.local.is_v4() ? local_is_v4 : 0U));
  put_byte(content_, asker.pbx);
  put_byte(content_, words_of(asker));
  put_number(content_, listeners_[flow.listener].bind.port);
  put_number(content_, flow.peer.port);
  put_address(content_, flow.peer.address);
  put_address(content_, flow.local);
  put_number(content_, tag_of(id, content_));
  append_branch(out, id, content_);
}

std::optional<Asker> Branches::open(std::string_view branch, const Flow& core) {
  const auto parts = split_branch(branch);
  if (!parts || parts->sealed.size() <= tag_size) return std::nullopt;
  const std::string_view content = as_text(parts->sealed).substr(0, parts->sealed.size() - tag_size);
  ByteReader tag(as_text(parts->sealed).substr(content.size()));
  if (tag.number<std::uint64_t>() != tag_of(parts->id, content)) return std::nullopt;
  ByteReader reader(content);
  const auto how = reader.number<std::uint8_t>();
  if ((how & version_mask) != version) return std::nullopt;
  Asker asker;
  asker.pbx = reader.number<std::uint8_t>();
  const auto words = reader.number<std::uint8_t>();
  asker.from = {static_cast<ShownAs>(words & shown_mask), (words & from_port) != 0};
  asker.to = {static_cast<ShownAs>(words >> to_shift & shown_mask), (words & to_port) != 0};
  asker.named_hidden = (words & named_hidden) != 0;
  const auto port = reader.number<std::uint16_t>();
  asker.flow.peer.port = reader.number<std::uint16_t>();
  asker.flow.peer.address = reader.address((how & peer_is_v4) != 0);
  asker.flow.local = reader.address((how & local_is_v4) != 0);
  asker.flow.listener = listener_at(listeners_, asker.flow.transport, {asker.flow.local, port});
  if (!reader.ok() || asker.flow.listener == no_listener || asker.pbx >= pbx_.size() || pbx_[asker.pbx].address != core.peer.address)
    return std::nullopt;
  return asker;
}

std::optional<std::string> Branches::readdressed(std::string_view branch, std::uint8_t pbx) {
  auto parts = split_branch(branch);
  if (!parts || parts->sealed.size() <= tag_size + pbx_at) return std::nullopt;
  parts->sealed.resize(parts->sealed.size() - tag_size);
  parts->sealed[pbx_at] = static_cast<char>(pbx);
  put_number(parts->sealed, tag_of(parts->id, parts->sealed));
  std::string out;
  append_branch(out, parts->id, parts->sealed);
  return out;
}

std::optional<std::uint8_t> Branches::pbx_of(std::string_view branch) {
  const auto parts = split_branch(branch);
  if (!parts || parts->sealed.size() <= tag_size + pbx_at) return std::nullopt;
  return static_cast<std::uint8_t>(parts->sealed[pbx_at]);
}

bool Branches::encode_via(const Flow& core, const sip::ViaView& via) {
  const auto at = std::ranges::find(pbx_, core.peer.address, &Endpoint::address);
  const auto index = static_cast<std::size_t>(at - pbx_.begin());
  if (core.transport != Transport::udp || index >= std::min(pbx_.size(), most_pbx)) return false;
  const bool port_differs = at->port != core.peer.port;
  content_.clear();
  put_byte(content_, 0);
  if (port_differs) put_number(content_, core.peer.port);
  auto form = static_cast<unsigned>(ViaForm::whole);
  std::string_view rest = via.whole;
  bool uuid = false;
  for (std::size_t i = 0; i < forms.size(); ++i) {
    const std::size_t before = protocol.size() + pbx_texts_[index].size();
    if (!rest.starts_with(protocol) || !rest.substr(protocol.size()).starts_with(pbx_texts_[index]) ||
        !rest.substr(before).starts_with(forms.at(i)))
      continue;
    form = static_cast<unsigned>(i);
    rest.remove_prefix(before + forms.at(i).size());
    uuid = put_uuid(content_, rest);
    break;
  }
  if (!uuid) content_ += rest;
  content_[0] =
      static_cast<char>(form | (uuid ? is_uuid : 0U) | (port_differs ? other_port : 0U) | static_cast<unsigned>(index) << pbx_shift);
  return content_.size() <= longest_sealed;
}

void Branches::append(std::string& out, const BranchId& id, const Flow& core, const sip::ViaView& top_via) {
  if (!encode_via(core, top_via)) return append_branch(out, id);
  ctr_.apply(id, as_bytes(content_));
  append_branch(out, id, content_);
}

std::optional<CoreAsker> Branches::open(const sip::RawMessage& response, const Flow& access) {
  auto parts = split_branch(response.branch);
  if (!parts) return std::nullopt;
  ctr_.apply(parts->id, as_bytes(parts->sealed));
  ByteReader reader(parts->sealed);
  const auto first = reader.number<std::uint8_t>();
  const std::size_t index = first >> pbx_shift;
  const std::size_t form = first & form_mask;
  if (index >= pbx_.size() || form > static_cast<std::size_t>(ViaForm::whole)) return std::nullopt;
  CoreAsker asker;
  asker.flow.side = Side::core;
  asker.flow.peer = pbx_[index];
  if ((first & other_port) != 0) asker.flow.peer.port = reader.number<std::uint16_t>();
  if (form < forms.size()) asker.via.append(protocol).append(pbx_texts_[index]).append(forms.at(form));
  if ((first & is_uuid) != 0) {
    const std::string_view bytes = reader.take(uuid_bytes);
    if (!reader.ok()) return std::nullopt;
    append_uuid(asker.via, bytes);
  }
  asker.via.append(reader.take_all());
  if (branch_id_of(mac_, asker.flow, asker.via, response.method, response.method_text, access.peer.address) != parts->id)
    return std::nullopt;
  return asker;
}

BranchId Branches::vector_beside(const BranchId& id, std::string_view text) {
  const std::array<std::string_view, 3> parts{"beside a branch", bytes_of(id), text};
  return mac_.of(parts);
}

void Branches::append_beside(std::string& out, const BranchId& id, std::string_view text) {
  if (text.size() > longest_beside) return;
  const BranchId vector = vector_beside(id, text);
  std::string bytes;
  put_number(bytes, vector.high);
  put_number(bytes, vector.low);
  bytes += text;
  ctr_.apply(vector, as_bytes(bytes).subspan(sizeof vector));
  append_base64url(out, as_bytes(bytes));
}

std::optional<std::string> Branches::open_beside(std::string_view letters, const BranchId& id) {
  std::string bytes(letters.size() * 3 / 4, '\0');
  const auto size = bytes.size() <= longest_beside + sizeof(BranchId) ? decode_base64url(letters, as_bytes(bytes)) : std::nullopt;
  if (!size || *size <= sizeof(BranchId)) return std::nullopt;
  ByteReader reader(bytes);
  BranchId vector;
  vector.high = reader.number<std::uint64_t>();
  vector.low = reader.number<std::uint64_t>();
  std::string text(reader.take_all());
  ctr_.apply(vector, as_bytes(text));
  if (vector_beside(id, text) != vector) return std::nullopt;
  return text;
}

}  // namespace postern::sbc
