#include "sbc/net/key_ring.hpp"

#include <algorithm>

#include "sbc/bytes.hpp"

namespace postern::net {

std::optional<KeyRing> KeyRing::from_bytes(std::string_view bytes, Seconds now) {
  sbc::ByteReader reader(bytes);
  Secret secret{};
  const std::string_view first = reader.take(secret.size());
  if (!reader.ok()) return std::nullopt;
  std::copy(first.begin(), first.end(), secret.begin());
  KeyRing ring(secret, now);
  if (bytes.size() == secret.size()) return ring;
  // A clock that was wrong then must not make a key last for ever.
  ring.since_ = std::clamp<Seconds>(static_cast<Seconds>(reader.number<std::uint64_t>()), 0, std::max<Seconds>(now, 0));
  const std::size_t count = reader.number<std::uint8_t>();
  for (std::size_t i = 0; i < count && i < most_old; ++i) {
    Old old;
    old.until = std::min(static_cast<Seconds>(reader.number<std::uint64_t>()), now + opens_for);
    const std::string_view key = reader.take(old.key.size());
    if (reader.ok()) std::copy(key.begin(), key.end(), old.key.begin());
    ring.old_.push_back(old);
  }
  if (!reader.ok() || count > most_old || !reader.take_all().empty()) return std::nullopt;
  return ring;
}

std::string KeyRing::to_bytes() const {
  std::string bytes(secret_.begin(), secret_.end());
  sbc::put_number(bytes, static_cast<std::uint64_t>(since_));
  sbc::put_number(bytes, static_cast<std::uint8_t>(old_.size()));
  for (const Old& old : old_) {
    sbc::put_number(bytes, static_cast<std::uint64_t>(old.until));
    bytes.append(old.key.begin(), old.key.end());
  }
  return bytes;
}

bool KeyRing::due(Seconds now) const {
  return worn(now) || std::ranges::any_of(old_, [now](const Old& old) { return old.until <= now; });
}

void KeyRing::turn(Seconds now, const std::array<std::uint8_t, seal_size>& fresh) {
  std::erase_if(old_, [now](const Old& old) { return old.until <= now; });
  if (!worn(now)) return;
  Old old;
  old.until = now + opens_for;
  const auto seals = secret_.begin() + seal_offset;
  std::copy_n(seals, seal_size, old.key.begin());
  old_.insert(old_.begin(), old);
  if (old_.size() > most_old) old_.pop_back();
  std::ranges::copy(fresh, seals);
  since_ = now;
}

void KeyRing::fill(sbc::Secrets& secrets) const {
  secrets.secret = secret_;
  secrets.old_token_keys.clear();
  for (const Old& old : old_) secrets.old_token_keys.push_back(old.key);
}

}  // namespace postern::net
