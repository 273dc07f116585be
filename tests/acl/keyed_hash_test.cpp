#include "acl/keyed_hash.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace postern::acl {
namespace {

TEST(KeyedHash, TextsThatDifferInOneOctetOrInLengthDiffer) {
  constexpr std::size_t longest = 40;
  const KeyedHash hash(1);
  std::set<std::uint64_t> seen;
  std::size_t texts = 0;
  for (std::size_t size = 0; size <= longest; ++size) {
    const std::string text(size, 'a');
    seen.insert(hash(text));
    ++texts;
    for (std::size_t at = 0; at < size; ++at) {
      std::string other = text;
      other[at] = 'b';
      seen.insert(hash(other));
      ++texts;
    }
  }
  EXPECT_EQ(seen.size(), texts);
}

TEST(KeyedHash, RepeatedOctetsOfAnyLengthBehindAnyNumberDiffer) {
  constexpr std::size_t longest = 40, numbers = 16;
  const KeyedHash hash(1);
  std::set<std::uint64_t> seen;
  for (std::size_t size = 0; size <= longest; ++size) {
    for (std::size_t number = 0; number < numbers; ++number) seen.insert(hash(std::string(size, '1'), number));
  }
  EXPECT_EQ(seen.size(), (longest + 1) * numbers);
}

TEST(KeyedHash, IsOfTheTextTheSeedAndWhatWasHashedBefore) {
  const KeyedHash hash(1);
  const std::string padded = "xsip:1001@198.51.100.1";  // wherever it lies in memory
  EXPECT_EQ(hash(std::string_view(padded).substr(1)), hash("sip:1001@198.51.100.1"));
  EXPECT_NE(hash("sip:1001@198.51.100.1"), KeyedHash(2)("sip:1001@198.51.100.1"));
  EXPECT_NE(hash("sip:1001@198.51.100.1"), hash("sip:1001@198.51.100.1", 1));
}

}  // namespace
}  // namespace postern::acl
