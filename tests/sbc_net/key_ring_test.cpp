#include "sbc/net/key_ring.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace postern::net {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr KeyRing::Seconds day = 86'400;
constexpr KeyRing::Seconds start = 20'000 * day;
using Fresh = std::array<std::uint8_t, KeyRing::seal_size>;

KeyRing::Secret secret() {
  KeyRing::Secret bytes{};
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{1});
  return bytes;
}

Fresh fresh(std::uint8_t value) {
  Fresh key{};
  key.fill(value);
  return key;
}

/// The first byte of the key that seals, and of those that still open.
std::vector<int> keys(const KeyRing& ring) {
  sbc::Secrets secrets;
  ring.fill(secrets);
  std::vector<int> first{secrets.secret.at(KeyRing::seal_offset)};
  for (const auto& old : secrets.old_token_keys) first.push_back(old.front());
  return first;
}

TEST(KeyRing, TurnsAfterThirtyDaysAndOpensForEightMore) {
  KeyRing ring(secret(), start);
  EXPECT_FALSE(ring.due(start + 30 * day - 1));
  EXPECT_TRUE(ring.due(start + 30 * day));
  ring.turn(start + 30 * day, fresh(100));
  EXPECT_THAT(keys(ring), ElementsAre(100, 33));
  EXPECT_FALSE(ring.due(start + 38 * day - 1));
  EXPECT_TRUE(ring.due(start + 38 * day));
  ring.turn(start + 38 * day, fresh(101));
  EXPECT_THAT(keys(ring), ElementsAre(100)) << "not yet time for another";
  ring.turn(start + 60 * day, fresh(102));
  EXPECT_THAT(keys(ring), ElementsAre(102, 100));
}

TEST(KeyRing, ChangesNothingElseOfTheSecret) {
  KeyRing ring(secret(), start);
  ring.turn(start + 30 * day, fresh(100));
  sbc::Secrets secrets;
  ring.fill(secrets);
  EXPECT_TRUE(std::equal(secrets.secret.begin(), secrets.secret.begin() + KeyRing::seal_offset, secret().begin()));
}

TEST(KeyRing, ComesBackFromItsBytes) {
  KeyRing ring(secret(), start);
  ring.turn(start + 30 * day, fresh(100));
  const auto read = KeyRing::from_bytes(ring.to_bytes(), start + 31 * day);
  ASSERT_TRUE(read);
  EXPECT_THAT(keys(*read), ElementsAre(100, 33));
  EXPECT_FALSE(read->due(start + 38 * day - 1));
  EXPECT_TRUE(read->due(start + 38 * day));
}

TEST(KeyRing, ASecretAloneCountsFromToday) {
  const KeyRing::Secret bytes = secret();
  const auto read = KeyRing::from_bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, start);
  ASSERT_TRUE(read);
  EXPECT_THAT(keys(*read), ElementsAre(33));
  EXPECT_FALSE(read->due(start + 30 * day - 1));
  EXPECT_TRUE(read->due(start + 30 * day));
}

TEST(KeyRing, AClockThatWasWrongKeepsNoKeyForEver) {
  KeyRing ring(secret(), start + 10'000 * day);
  ring.turn(start + 10'030 * day, fresh(100));
  const auto read = KeyRing::from_bytes(ring.to_bytes(), start);
  ASSERT_TRUE(read);
  KeyRing later = *read;
  later.turn(start + 8 * day, fresh(101));
  EXPECT_THAT(keys(later), ElementsAre(100));
  EXPECT_TRUE(later.due(start + 30 * day));
}

TEST(KeyRing, AnAgeBeforeAllTimeIsOld) {
  std::string bytes = KeyRing(secret(), start).to_bytes();
  bytes.at(KeyRing::Secret{}.size()) = '\x80';
  const auto read = KeyRing::from_bytes(bytes, start);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->due(start));
}

TEST(KeyRing, AClockThatRunsWildFillsNoTable) {
  KeyRing ring(secret(), start);
  for (int i = 0; i < 20; ++i) {
    // Back to the same day each time, as far as it can tell.
    const auto again = KeyRing::from_bytes(ring.to_bytes(), start + 30 * day + i);
    ASSERT_TRUE(again);
    ring = *again;
    ring.turn(start + 1000 * day, fresh(static_cast<std::uint8_t>(i)));
    const auto back = KeyRing::from_bytes(ring.to_bytes(), start);
    ASSERT_TRUE(back);
    ring = *back;
  }
  EXPECT_LE(ring.old_keys(), KeyRing::most_old);
}

TEST(KeyRing, NothingElseIsOne) {
  const std::string good = KeyRing(secret(), start).to_bytes();
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_EQ(KeyRing::from_bytes(good.substr(0, size), start).has_value(), size == KeyRing::Secret{}.size()) << size;
  EXPECT_FALSE(KeyRing::from_bytes(good + "x", start));
  std::string many = good;
  many.back() = '\x7f';
  EXPECT_FALSE(KeyRing::from_bytes(many + std::string(40 * 127, 'k'), start));
}

}  // namespace
}  // namespace postern::net
