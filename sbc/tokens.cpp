#include "sbc/tokens.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "sbc/base64url.hpp"
#include "sbc/lru.hpp"
#include "sbc/mac.hpp"
#include "sbc/seal.hpp"
#include "sbc/token_codec.hpp"

namespace postern::sbc {
namespace {

using token_codec::PbxAddress;

// Labels, each with the side that the token is given to; USER stands behind it.
constexpr std::string_view inward_label = "inward core ";
constexpr std::string_view outward_label = "outward access ";
constexpr std::string_view table_label = "table";
constexpr std::string_view pbx_label = "pbx";

constexpr std::size_t bytes_of(std::size_t letters) { return letters * 3 / 4; }
constexpr std::size_t max_sealed = bytes_of(Tokens::inward_letters);
static_assert(Tokens::inward_letters >= Tokens::outward_letters);
static_assert(Tokens::min_letters == ((Seal::tag_size + 1 + sizeof(std::uint64_t)) * 8 + 5) / 6);

constexpr std::size_t max_uri = 511;
constexpr std::size_t around_token = std::string_view("sip:~@[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535").size();

std::size_t inward_room(std::string_view user) {
  const std::size_t used = around_token + user.size();
  return std::clamp(max_uri - std::min(used, max_uri), Tokens::min_letters, Tokens::inward_letters);
}

constexpr std::size_t bytes_a_content = 256;
constexpr std::size_t least_table_bytes = 65'536;  // a whole header section fits even a tiny table

LruTexts make_table(std::size_t capacity) { return {capacity, std::max(capacity * bytes_a_content, least_table_bytes)}; }

// SIV's tag is a pseudo-random function of what is sealed.
Mac make_mac(Seal& seal) {
  constexpr std::array<std::uint8_t, 1> any{};
  std::array<std::uint8_t, Seal::tag_size + any.size()> sealed{};
  if (!seal.seal("key of the hash", any, sealed)) throw std::logic_error("a sealed text is as long as its tag and the text");
  return Mac(std::span<const std::uint8_t, sizeof(sealed)>(sealed).first<Seal::tag_size>());
}

std::uint64_t hash_of(Mac& mac, std::string_view label, std::string_view text) {
  const std::array<std::string_view, 2> parts{label, text};
  return mac.of(parts).high;
}

/// One key, and how the tokens that it seals name the PBX's addresses.
struct Sealer {
  explicit Sealer(const TokenKey& key) : seal(key), mac(make_mac(seal)) {}

  void apply(std::span<const Endpoint> addresses) {
    pbx.clear();
    for (const Endpoint& endpoint : addresses) {
      std::string host_port = endpoint.to_string();
      const auto id = static_cast<std::uint32_t>(hash_of(mac, pbx_label, host_port));
      pbx.push_back({id, std::move(host_port)});
    }
  }

  Seal seal;
  Mac mac;
  std::vector<PbxAddress> pbx;
};

}  // namespace

struct Tokens::Impl {
  explicit Impl(std::size_t table_capacity) : inward(make_table(table_capacity / 2)), outward(make_table(table_capacity / 2)) {
    for (const TokenTable table : {TokenTable::inward, TokenTable::outward})
      table_of(table).tell([this, table](std::uint64_t key, std::string_view text) { changed(table, key, text); });
  }

  void set_keys(std::span<const TokenKey> keys) {
    if (keys.empty()) throw std::invalid_argument("no key to seal tokens with");
    std::vector<Sealer> with;
    with.reserve(keys.size());
    for (const TokenKey& key : keys) with.emplace_back(key).apply(pbx);
    sealers = std::move(with);
  }

  [[nodiscard]] Sealer& current() { return sealers.front(); }
  [[nodiscard]] LruTexts& table_of(TokenTable table) { return table == TokenTable::inward ? inward : outward; }

  /// Seals `content`; what needs more than `letters` goes into the table.
  bool append(LruTexts& table, std::string_view label, std::string_view user, std::size_t letters, std::string& out) {
    if (content.size() + Seal::tag_size > bytes_of(letters)) {
      const std::uint64_t table_key = hash_of(current().mac, table_label, content);
      if (!table.put(table_key, content)) return false;
      content.clear();
      token_codec::encode_table_key(table_key, content);
    }
    associated.assign(label).append(user);
    std::array<std::uint8_t, max_sealed> buffer{};
    const std::span<std::uint8_t> sealed = std::span(buffer).first(content.size() + Seal::tag_size);
    if (!current().seal.seal(associated, {reinterpret_cast<const std::uint8_t*>(content.data()), content.size()}, sealed)) return false;
    append_base64url(out, sealed);
    return true;
  }

  struct Opened {
    std::string_view content;  ///< in the table or in `content`
    const Sealer& sealer;
  };
  /// nullopt: not ours, or no longer in the table.
  std::optional<Opened> open(LruTexts& table, std::string_view label, std::string_view user, std::string_view letters) {
    std::array<std::uint8_t, max_sealed> buffer{};
    const auto size = decode_base64url(letters, buffer);
    if (!size || *size <= Seal::tag_size) return std::nullopt;
    associated.assign(label).append(user);
    content.resize(*size - Seal::tag_size);
    const std::span<std::uint8_t> plain(reinterpret_cast<std::uint8_t*>(content.data()), content.size());
    const auto sealer =
        std::ranges::find_if(sealers, [&](Sealer& with) { return with.seal.open(associated, std::span(buffer).first(*size), plain); });
    if (sealer == sealers.end()) return std::nullopt;
    const auto table_key = token_codec::decode_table_key(content);
    if (!table_key) return Opened{content, *sealer};
    const std::string* found = table.find(*table_key);
    if (found == nullptr) return std::nullopt;
    return Opened{*found, *sealer};
  }

  std::vector<Sealer> sealers;  ///< the current one first
  std::vector<Endpoint> pbx;
  std::vector<ListenerAddress> listeners;
  LruTexts inward, outward;
  /// Tells of what enters or leaves (an empty text).
  void changed(TokenTable table, std::uint64_t key, std::string_view text) const {
    if (sink != nullptr && text.empty()) return sink->forget(table, key);
    if (sink != nullptr) sink->keep(table, key, text);
    if (entered && !text.empty()) entered({table, key, std::string(text)});
  }

  DurableSink* sink = nullptr;
  std::function<void(const TokenContent&)> entered;
  std::string content, associated;  // kept for their memory
};

Tokens::Tokens(std::span<const TokenKey> keys, std::size_t table_capacity) : impl_(std::make_unique<Impl>(table_capacity)) {
  impl_->set_keys(keys);
}

Tokens::~Tokens() = default;
Tokens::Tokens(Tokens&&) noexcept = default;
Tokens& Tokens::operator=(Tokens&&) noexcept = default;

void Tokens::apply(std::span<const Endpoint> pbx, std::span<const ListenerOptions> listeners) {
  impl_->pbx.assign(pbx.begin(), pbx.end());
  for (Sealer& sealer : impl_->sealers) sealer.apply(pbx);
  impl_->listeners = addresses_of(listeners);
}

void Tokens::set_keys(std::span<const TokenKey> keys) { impl_->set_keys(keys); }

void Tokens::tell(DurableSink& sink) { impl_->sink = &sink; }

void Tokens::share(std::function<void(const TokenContent&)> entered) { impl_->entered = std::move(entered); }

void Tokens::restore(const TokenContent& content) { impl_->table_of(content.table).put(content.key, content.text, false); }

void Tokens::retell() const {
  if (impl_->sink == nullptr) return;
  for (const TokenTable table : {TokenTable::inward, TokenTable::outward})
    impl_->table_of(table).each([&](std::uint64_t key, std::string_view text) { impl_->sink->keep(table, key, text); });
}

bool Tokens::seal(const InwardToken& token, std::string_view user, std::string& out) {
  impl_->content.clear();
  return token_codec::encode(token, impl_->listeners, impl_->content) &&
         impl_->append(impl_->inward, inward_label, user, inward_room(user), out);
}

bool Tokens::seal(const OutwardToken& token, std::string_view user, std::string& out) {
  impl_->content.clear();
  return token_codec::encode(token, impl_->current().pbx, impl_->content) &&
         impl_->append(impl_->outward, outward_label, user, outward_letters, out);
}

std::optional<InwardToken> Tokens::open_inward(std::string_view letters, std::string_view user) {
  const auto opened = impl_->open(impl_->inward, inward_label, user, letters);
  return opened ? token_codec::decode_inward(opened->content, impl_->listeners) : std::nullopt;
}

std::optional<OutwardToken> Tokens::open_outward(std::string_view letters, std::string_view user) {
  const auto opened = impl_->open(impl_->outward, outward_label, user, letters);
  return opened ? token_codec::decode_outward(opened->content, opened->sealer.pbx) : std::nullopt;
}

std::size_t Tokens::table_size() const { return impl_->inward.size() + impl_->outward.size(); }

std::uint64_t Tokens::evictions() const { return impl_->inward.evictions() + impl_->outward.evictions(); }

std::optional<TokenUser> split_token(std::string_view user) {
  const std::size_t tilde = user.rfind('~');
  if (tilde == std::string_view::npos) return std::nullopt;
  const std::string_view letters = user.substr(tilde + 1);
  if (letters.size() < Tokens::min_letters || letters.size() > Tokens::inward_letters || letters.size() % 4 == 1 ||
      !std::ranges::all_of(letters, is_base64url)) {
    return std::nullopt;
  }
  return TokenUser{user.substr(0, tilde), letters};
}

}  // namespace postern::sbc
