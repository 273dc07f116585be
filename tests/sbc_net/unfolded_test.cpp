#include "sbc/net/unfolded.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sbc_net/state_support.hpp"

namespace postern::net {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

Record put(std::string_view key, std::string_view value) { return {RecordKind::registration, false, 1000, key, value}; }
Record gone(std::string_view key) { return {RecordKind::registration, true, 0, key, {}}; }
Record mark(RecordKind kind) { return {kind, false, 0, {}, {}}; }

/// "key=value", "-key", or "|" for a mark.
std::vector<std::string> all(const Unfolded& records) {
  std::vector<std::string> out;
  records.each([&out](const Record& record) {
    if (is_mark(record.kind)) {
      out.emplace_back("|");
    } else {
      out.push_back(record.removed ? "-" + std::string(record.key) : std::string(record.key) + "=" + std::string(record.value));
    }
  });
  return out;
}

TEST(Unfolded, OfOneKeyTheLastRecordHolds) {
  Unfolded records;
  records.add(put("a", "1"), true);
  records.add(put("b", "1"), false);
  records.add(put("a", "2"), false);
  records.add(put("b", "2"), false);
  records.add(gone("b"), false);
  EXPECT_THAT(all(records), UnorderedElementsAre("a=2", "-b"));
  records.add({RecordKind::ban, true, 0, "a", {}}, false);
  EXPECT_THAT(all(records), UnorderedElementsAre("a=2", "-b", "-a")) << "kinds have keys of their own";
}

TEST(Unfolded, OfWhatCameAndWentNothingIsSaid) {
  Unfolded records;
  for (int i = 0; i < 1000; ++i) {
    const std::string key = std::to_string(i);
    records.add(put(key, "1"), true);
    records.add(put(key, "2"), false);
    if (i % 100 != 0) records.add(gone(key), false);
  }
  EXPECT_EQ(all(records).size(), 10U);
  EXPECT_THAT(all(records), testing::Contains("900=2"));
}

TEST(Unfolded, WhatTheDatabaseMayHaveIsRemovedThere) {
  Unfolded records;
  records.add(put("prolonged", "1"), false);
  records.add(gone("prolonged"), false);
  records.add(gone("unheard-of"), false);
  records.add(put("back", "1"), true);
  records.add(gone("back"), false);
  records.add(gone("back"), false);
  EXPECT_THAT(all(records), UnorderedElementsAre("-prolonged", "-unheard-of", "-back"));
  records.add(put("unheard-of", "2"), true);
  records.add(gone("unheard-of"), false);
  EXPECT_THAT(all(records), testing::Contains("-unheard-of")) << "its row is removed once";
}

TEST(Unfolded, WhatStandsBeforeAMarkIsToldBeforeIt) {
  Unfolded records;
  records.add(put("a", "1"), true);
  records.add(put("b", "1"), true);
  records.add(gone("b"), false);
  records.add(mark(RecordKind::retell_begins), false);
  records.add(put("c", "1"), true);
  records.add(gone("a"), false);
  records.add(mark(RecordKind::retell_ends), false);
  records.add(gone("c"), false);
  EXPECT_THAT(all(records), ElementsAre("a=1", "|", "c=1", "-a", "|", "-c"));
  records.clear();
  EXPECT_THAT(all(records), IsEmpty());
}

class UnfoldedBytes : public testing::Test {
 protected:
  /// Where it begins.
  std::size_t append(const std::string& user, bool removed = false) {
    const std::size_t at = bytes_.size();
    const sbc::Binding binding = binding_of(user, clocks_.steady);
    if (removed) {
      append_removed(bytes_, binding);
    } else {
      append_record(bytes_, binding, listeners_, clocks_);
    }
    return at;
  }
  static std::size_t count(const Unfolded& records) { return all(records).size(); }

  const std::vector<sbc::ListenerAddress> listeners_ = sbc::addresses_of(two_listeners());
  const Clocks clocks_{acl::TimePoint(std::chrono::hours{1000}), 1'800'000'000'000};
  std::string bytes_;
};

TEST_F(UnfoldedBytes, NewOnesAreKnownByWhereTheyBegin) {
  append("1001");
  const std::vector<std::size_t> new_ones{append("1002"), append("1003")};
  append("1001", true);
  append("1002", true);
  Unfolded records;
  records.add_written(bytes_, new_ones);
  EXPECT_EQ(count(records), 2U) << "1001 removed, 1003 there";
  Unfolded read;
  EXPECT_TRUE(read.add_read(bytes_));
  EXPECT_EQ(count(read), 3U) << "of what the disk has nobody knows whether it was new";
}

TEST_F(UnfoldedBytes, ATornEndIsLeftOut) {
  append("1001");
  append("1002");
  Unfolded records;
  EXPECT_FALSE(records.add_read(std::string_view(bytes_).substr(0, bytes_.size() - 1)));
  EXPECT_EQ(count(records), 1U);
}

}  // namespace
}  // namespace postern::net
