#include "sbc/net/state_record.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include "acl/keyed_hash.hpp"
#include "sbc/bytes.hpp"
#include "sbc/tokens.hpp"
#include "sip/uri.hpp"

namespace postern::net {

using sbc::ByteReader;
using sbc::put_number;
using sbc::put_size;
using sbc::put_text;

namespace {

constexpr WallTime for_ever = std::numeric_limits<WallTime>::max();
constexpr WallTime longest_registration = 86'400'000;  // what the registrar believes at most
constexpr WallTime longest_acceptance = std::chrono::milliseconds(sbc::Strikes::remembered_acceptance).count();
constexpr std::size_t most_text = 16'384;  // a header section
constexpr std::size_t most_content = 65'536;
constexpr std::size_t most_record = most_content + 1024;

/// Begins a record and fills in length and checksum at its end.
class Frame {
 public:
  Frame(std::string& out, RecordKind kind, bool removed, WallTime ends) : out_(out), begin_(out.size()) {
    out_.append(header, '\0');
    put_number(out_, static_cast<std::uint8_t>(kind));
    put_number(out_, static_cast<std::uint8_t>(removed ? 1 : 0));
    put_number(out_, static_cast<std::uint64_t>(ends));
  }
  ~Frame() {
    const std::string_view content = std::string_view(out_).substr(begin_ + header);
    std::string bytes;  // short enough to need no memory
    put_number(bytes, static_cast<std::uint32_t>(content.size()));
    put_number(bytes, checksum(content));
    std::copy(bytes.begin(), bytes.end(), out_.begin() + static_cast<std::ptrdiff_t>(begin_));
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  static constexpr std::size_t header = sizeof(std::uint32_t) + sizeof(std::uint64_t);

 private:
  std::string& out_;
  std::size_t begin_;
};

void put_whole_address(std::string& out, const acl::Address& address) { out.append(address.bytes().begin(), address.bytes().end()); }

acl::Address whole_address(ByteReader& reader) { return reader.address(false); }

std::string address_key(const acl::Address& address) {
  std::string key;
  put_whole_address(key, address);
  return key;
}

/// As a text: the AOR's user behind its size, and the Contact.
void put_binding_key(std::string& out, const sbc::Binding& binding) {
  const std::size_t user = sbc::size_of_text(binding.aor_user);
  put_size(out, user + binding.core_contact.size());
  put_text(out, binding.aor_user);
  out += binding.core_contact;
}

std::string content_key(std::uint64_t key) {
  std::string bytes;
  put_number(bytes, key);
  return bytes;
}

RecordKind kind_of(sbc::TokenTable table) {
  return table == sbc::TokenTable::inward ? RecordKind::inward_token : RecordKind::outward_token;
}

/// What may be written into a message: no line of its own.
bool is_plain(std::string_view text) {
  return text.size() <= most_text && std::ranges::none_of(text, [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == '\x7f'; });
}

bool is_uri(std::string_view text) {
  return is_plain(text) && text.find_first_of("<> \t") == std::string_view::npos && sip::UriView::parse(text).has_value();
}

bool is_ours(std::string_view core_contact) {
  if (!is_uri(core_contact)) return false;
  const auto uri = sip::UriView::parse(core_contact);
  return uri && sbc::split_token(uri->user).has_value();
}

bool restore_binding(const Record& record, std::span<const sbc::ListenerAddress> listeners, const Clocks& clocks,
                     sbc::DurableState& state) {
  sbc::Binding binding;
  ByteReader key(record.key);
  binding.aor_user = key.text();
  binding.core_contact = key.take_all();
  ByteReader value(record.value);
  binding.call_id = value.text();
  binding.instance = value.text();
  binding.contact_uri = value.text();
  const auto transport = value.number<std::uint8_t>();
  binding.flow.local = whole_address(value);
  const auto port = value.number<std::uint16_t>();
  binding.flow.peer.address = whole_address(value);
  binding.flow.peer.port = value.number<std::uint16_t>();
  const auto last_heard = static_cast<WallTime>(value.number<std::uint64_t>());
  // What the first versions wrote ends here.
  const std::string_view more = value.take_all();
  ByteReader behind(more);
  const WallTime since = more.empty() ? last_heard : static_cast<WallTime>(behind.number<std::uint64_t>());
  if (!key.ok() || !value.ok() || !behind.ok() || !behind.take_all().empty() || transport != static_cast<std::uint8_t>(sbc::Transport::udp))
    return false;
  binding.flow.transport = static_cast<sbc::Transport>(transport);
  binding.flow.listener = sbc::listener_at(listeners, binding.flow.transport, {binding.flow.local, port});
  const sbc::Endpoint& peer = binding.flow.peer;
  if (binding.flow.listener == sbc::no_listener || peer.port == 0 || peer.address.is_unspecified() ||
      peer.address.is_v4() != binding.flow.local.is_v4())
    return false;
  const bool texts = binding.aor_user.size() <= most_text && is_plain(binding.call_id) && is_plain(binding.instance) &&
                     is_uri(binding.contact_uri) && is_ours(binding.core_contact);
  if (!texts) return false;
  binding.expires = clocks.to_steady(std::min(record.ends, clocks.wall + longest_registration));
  binding.last_heard = clocks.to_steady(std::min(last_heard, clocks.wall));
  binding.since = clocks.to_steady(std::min(since, clocks.wall));
  state.bindings.push_back(std::move(binding));
  return true;
}

std::optional<acl::Address> source_of(const Record& record) {
  if (record.key.size() != acl::Address::Bytes{}.size()) return std::nullopt;
  ByteReader key(record.key);
  const acl::Address address = whole_address(key);
  if (address.is_unspecified()) return std::nullopt;
  return address;
}

/// Why and since when, as put_reason() writes it. Bans of the first versions are a word alone.
struct Reason {
  sbc::Cause cause = sbc::Cause::rule_ban;
  acl::TimePoint since;
  std::uint32_t strikes = 1;
  std::string_view more;  ///< what stands behind it
};

std::optional<Reason> reason_of(std::string_view value, const Clocks& clocks) {
  const std::size_t word_end = value.find('\0');
  // The word of another version: the ban holds all the same.
  Reason reason{sbc::cause_of(value.substr(0, word_end)).value_or(sbc::Cause::rule_ban), clocks.steady, 1, {}};
  if (word_end == std::string_view::npos) return reason;
  const std::string_view rest = value.substr(word_end + 1);
  ByteReader numbers(rest);
  const auto since = static_cast<WallTime>(numbers.number<std::uint64_t>());
  reason.strikes = numbers.number<std::uint32_t>();
  if (!numbers.ok()) return std::nullopt;
  reason.more = numbers.take_all();
  reason.since = clocks.to_steady(std::min(since, clocks.wall));
  return reason;
}

void put_reason(std::string& out, sbc::Cause cause, acl::TimePoint since, std::uint32_t strikes, const Clocks& clocks) {
  out += sbc::word_of(cause);
  out += '\0';
  put_number(out, static_cast<std::uint64_t>(clocks.to_wall(since)));
  put_number(out, strikes);
}

std::string block_key(const sbc::AccountBlock& block) { return address_key(block.source) + block.account; }

bool restore_ban(const Record& record, const Clocks& clocks, sbc::DurableState& state) {
  const auto source = source_of(record);
  const auto reason = reason_of(record.value, clocks);
  if (!source || !reason) return false;
  const bool strangers_only = reason->more != std::string_view("\0", 1);
  state.bans.push_back({*source, clocks.to_steady(record.ends), reason->cause, reason->since, reason->strikes, strangers_only});
  return true;
}

bool restore_block(const Record& record, const Clocks& clocks, sbc::DurableState& state) {
  ByteReader key(record.key);
  const acl::Address source = whole_address(key);
  const std::string_view account = key.take_all();
  const auto reason = reason_of(record.value, clocks);
  if (!key.ok() || source.is_unspecified() || account.empty() || account.size() > most_text || !reason || !reason->more.empty())
    return false;
  state.blocks.push_back({source, std::string(account), clocks.to_steady(record.ends), reason->since, reason->cause, reason->strikes});
  return true;
}

bool restore_offence(const Record& record, const Clocks& clocks, sbc::DurableState& state) {
  const auto source = source_of(record);
  ByteReader value(record.value);
  const auto times = value.number<std::uint32_t>();
  if (!source || !value.ok() || times == 0) return false;
  state.offences.push_back({*source, times, clocks.to_steady(record.ends)});
  return true;
}

bool restore_acceptance(const Record& record, const Clocks& clocks, sbc::DurableState& state) {
  ByteReader key(record.key);
  const auto acceptance = key.number<std::uint64_t>();
  if (!key.ok() || !key.take_all().empty()) return false;
  state.acceptances.push_back({acceptance, clocks.to_steady(std::min(record.ends, clocks.wall + longest_acceptance))});
  return true;
}

bool restore_trust(const Record& record, const Clocks& clocks, sbc::DurableState& state) {
  const auto source = source_of(record);
  if (!source || !record.value.empty()) return false;
  state.trust.push_back({*source, clocks.to_steady(std::min(record.ends, clocks.wall + longest_registration))});
  return true;
}

bool restore_content(const Record& record, sbc::TokenTable table, sbc::DurableState& state) {
  if (record.key.size() != sizeof(std::uint64_t) || record.value.empty() || record.value.size() > most_content) return false;
  ByteReader key(record.key);
  state.contents.push_back({table, key.number<std::uint64_t>(), std::string(record.value)});
  return true;
}

}  // namespace

Clocks Clocks::read() {
  using std::chrono::system_clock;
  const auto wall = std::chrono::duration_cast<std::chrono::milliseconds>(system_clock::now().time_since_epoch()).count();
  return {acl::Clock::now(), wall};
}

WallTime Clocks::to_wall(acl::TimePoint time) const {
  // In milliseconds first: "for ever" of one clock must not wrap in the other.
  const auto left = std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count() -
                    std::chrono::floor<std::chrono::milliseconds>(steady).time_since_epoch().count();
  return time == acl::TimePoint::max() ? for_ever : wall + left;
}

acl::TimePoint Clocks::to_steady(WallTime time) const {
  constexpr WallTime most = 3'153'600'000'000;  // a hundred years, well inside of what the steady clock can count
  if (time >= wall && time - wall > most) return acl::TimePoint::max();
  if (time < wall && (time < 0 || wall - time > most)) return acl::TimePoint::min();
  return steady + std::chrono::milliseconds(time - wall);
}

// It stands on disk, so it must not follow what KeyedHash makes of texts.
std::uint64_t checksum(std::string_view text) {
  static const acl::KeyedHash mix(0x706f737465726e31);  // no secret: against torn writes and flipped bits
  std::uint64_t sum = mix(text.size());
  while (!text.empty()) {
    std::uint64_t word = 0;
    const std::size_t size = std::min(text.size(), sizeof word);
    std::memcpy(&word, text.data(), size);
    sum = mix(sum ^ word);
    text.remove_prefix(size);
  }
  return sum;
}

void append_record(std::string& out, const sbc::Binding& binding, std::span<const sbc::ListenerAddress> listeners, const Clocks& clocks) {
  const Frame frame(out, RecordKind::registration, false, clocks.to_wall(binding.expires));
  put_binding_key(out, binding);
  put_text(out, binding.call_id);
  put_text(out, binding.instance);
  put_text(out, binding.contact_uri);
  const sbc::Flow& flow = binding.flow;
  put_number(out, static_cast<std::uint8_t>(flow.transport));
  put_whole_address(out, flow.local);
  put_number(out, flow.listener < listeners.size() ? listeners[flow.listener].bind.port : std::uint16_t{0});
  put_whole_address(out, flow.peer.address);
  put_number(out, flow.peer.port);
  put_number(out, static_cast<std::uint64_t>(clocks.to_wall(binding.last_heard)));
  put_number(out, static_cast<std::uint64_t>(clocks.to_wall(binding.since)));
}

void append_removed(std::string& out, const sbc::Binding& binding) {
  const Frame frame(out, RecordKind::registration, true, 0);
  put_binding_key(out, binding);
}

void append_record(std::string& out, const sbc::DurableBan& ban, const Clocks& clocks) {
  const Frame frame(out, RecordKind::ban, false, clocks.to_wall(ban.until));
  put_text(out, address_key(ban.source));
  put_reason(out, ban.cause, ban.since, ban.strikes, clocks);
  put_number(out, static_cast<std::uint8_t>(ban.strangers_only ? 1 : 0));
}

void append_removed(std::string& out, const sbc::DurableBan& ban) {
  const Frame frame(out, RecordKind::ban, true, 0);
  put_text(out, address_key(ban.source));
}

void append_record(std::string& out, const sbc::AccountBlock& block, const Clocks& clocks) {
  const Frame frame(out, RecordKind::block, false, clocks.to_wall(block.until));
  put_text(out, block_key(block));
  put_reason(out, block.cause, block.since, block.strikes, clocks);
}

void append_removed(std::string& out, const sbc::AccountBlock& block) {
  const Frame frame(out, RecordKind::block, true, 0);
  put_text(out, block_key(block));
}

void append_record(std::string& out, const sbc::DurableOffence& offence, const Clocks& clocks) {
  const Frame frame(out, RecordKind::offence, false, clocks.to_wall(offence.until));
  put_text(out, address_key(offence.source));
  put_number(out, offence.times);
}

void append_record(std::string& out, const sbc::DurableAcceptance& acceptance, const Clocks& clocks) {
  const Frame frame(out, RecordKind::acceptance, false, clocks.to_wall(acceptance.until));
  put_text(out, content_key(acceptance.key));
}

void append_record(std::string& out, const sbc::DurableTrust& trust, const Clocks& clocks) {
  const Frame frame(out, RecordKind::trust, false, clocks.to_wall(trust.until));
  put_text(out, address_key(trust.source));
}

void append_record(std::string& out, sbc::TokenTable table, std::uint64_t key, std::string_view text) {
  const Frame frame(out, kind_of(table), false, for_ever);
  put_text(out, content_key(key));
  out += text;
}

void append_removed(std::string& out, sbc::TokenTable table, std::uint64_t key) {
  const Frame frame(out, kind_of(table), true, 0);
  put_text(out, content_key(key));
}

void append_mark(std::string& out, RecordKind mark) {
  const Frame frame(out, mark, false, 0);
  put_text(out, {});
}

std::optional<Record> take_record(std::string_view& bytes) {
  ByteReader reader(bytes);
  const auto size = reader.number<std::uint32_t>();
  const auto sum = reader.number<std::uint64_t>();
  if (!reader.ok() || size > most_record) return std::nullopt;
  const std::string_view content = reader.take(size);
  if (!reader.ok() || checksum(content) != sum) return std::nullopt;
  return take_written_record(bytes);
}

std::optional<Record> take_written_record(std::string_view& bytes) {
  ByteReader reader(bytes);
  const auto size = reader.number<std::uint32_t>();
  if (size > most_record) return std::nullopt;
  reader.take(sizeof(std::uint64_t));
  ByteReader fields(reader.take(size));
  const auto kind = fields.number<std::uint8_t>();
  Record record;
  record.removed = fields.number<std::uint8_t>() != 0;
  record.ends = static_cast<WallTime>(fields.number<std::uint64_t>());
  record.key = fields.text();
  record.value = fields.take_all();
  if (!reader.ok() || !fields.ok() || kind < static_cast<std::uint8_t>(RecordKind::registration) ||
      kind > static_cast<std::uint8_t>(RecordKind::acceptance))
    return std::nullopt;
  record.kind = static_cast<RecordKind>(kind);
  bytes.remove_prefix(Frame::header + size);
  return record;
}

bool restore_record(const Record& record, std::span<const sbc::ListenerAddress> listeners, const Clocks& clocks, sbc::DurableState& state) {
  switch (record.kind) {
    case RecordKind::registration:
      return restore_binding(record, listeners, clocks, state);
    case RecordKind::ban:
      return restore_ban(record, clocks, state);
    case RecordKind::trust:
      return restore_trust(record, clocks, state);
    case RecordKind::inward_token:
      return restore_content(record, sbc::TokenTable::inward, state);
    case RecordKind::outward_token:
      return restore_content(record, sbc::TokenTable::outward, state);
    case RecordKind::block:
      return restore_block(record, clocks, state);
    case RecordKind::offence:
      return restore_offence(record, clocks, state);
    case RecordKind::acceptance:
      return restore_acceptance(record, clocks, state);
    case RecordKind::retell_begins:
    case RecordKind::retell_ends:
      break;
  }
  return false;
}

}  // namespace postern::net
