#include "sbc/net/unfolded.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sbc_net/state_support.hpp"

namespace postern::net {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Each record is one octet of a text, in which it says what it is.
class UnfoldedRecords : public testing::Test {
 protected:
  void put(const std::string& key, bool is_new = false) { add({RecordKind::registration, false, 1000, key, "value"}, key, is_new); }
  void remove(const std::string& key) { add({RecordKind::registration, true, 0, key, {}}, "-" + key, false); }
  void mark(RecordKind kind) { add({kind, false, 0, {}, {}}, "|", false); }
  void add(const Record& record, const std::string& word, bool is_new) {
    records_.add(record, {said_.size(), 1}, is_new);
    said_.push_back(word);
  }
  /// In their order.
  [[nodiscard]] std::vector<std::string> left() const {
    std::vector<std::string> out;
    for (const Unfolded::Place& place : records_.places()) out.push_back(said_.at(place.begin));
    return out;
  }

  Unfolded records_;
  std::vector<std::string> said_;
};

TEST_F(UnfoldedRecords, OfOneKeyTheLastHolds) {
  put("a", true);
  put("b");
  put("a");
  put("b");
  remove("b");
  EXPECT_THAT(left(), ElementsAre("a", "-b"));
  EXPECT_EQ(records_.places()[0].begin, 2U) << "the later one";
  add({RecordKind::ban, true, 0, "a", {}}, "another kind", false);
  EXPECT_THAT(left(), ElementsAre("a", "-b", "another kind")) << "kinds have keys of their own";
}

TEST_F(UnfoldedRecords, OfWhatCameAndWentNothingIsSaid) {
  for (int i = 0; i < 1000; ++i) {
    const std::string key = std::to_string(i);
    put(key, true);
    put(key);
    if (i % 100 != 0) remove(key);
  }
  EXPECT_EQ(left().size(), 10U);
  EXPECT_THAT(left(), testing::Contains("900"));
}

TEST_F(UnfoldedRecords, WhatTheDatabaseMayHaveIsRemovedThere) {
  put("prolonged");
  remove("prolonged");
  remove("unheard-of");
  put("back", true);
  remove("back");
  remove("back");
  EXPECT_THAT(left(), ElementsAre("-prolonged", "-unheard-of", "-back"));
  put("unheard-of", true);
  remove("unheard-of");
  EXPECT_THAT(left(), ElementsAre("-prolonged", "-back", "-unheard-of")) << "its row is removed, though it was new since";
}

TEST_F(UnfoldedRecords, MarksStandWhereTheyStood) {
  put("a", true);
  put("b", true);
  put("old");
  mark(RecordKind::retell_begins);
  put("c", true);
  put("old");
  remove("a");
  mark(RecordKind::retell_ends);
  remove("c");
  EXPECT_THAT(left(), ElementsAre("b", "|", "old", "|"));
  records_.clear();
  EXPECT_THAT(left(), IsEmpty());
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
  records.add_written(bytes_, 1000, new_ones);
  ASSERT_EQ(records.places().size(), 2U) << "1003 there, 1001 removed";
  EXPECT_EQ(records.places()[0].begin, 1000 + new_ones[1]);
  std::string_view third = std::string_view(bytes_).substr(new_ones[1], records.places()[0].size);
  EXPECT_TRUE(take_record(third));
  EXPECT_EQ(third, "");
  Unfolded read;
  EXPECT_TRUE(read.add_read(bytes_));
  EXPECT_EQ(read.places().size(), 3U) << "of what the disk has nobody knows whether it was new";
}

TEST_F(UnfoldedBytes, ATornEndIsLeftOut) {
  append("1001");
  append("1002");
  Unfolded records;
  EXPECT_FALSE(records.add_read(std::string_view(bytes_).substr(0, bytes_.size() - 1)));
  EXPECT_EQ(records.places().size(), 1U);
}

}  // namespace
}  // namespace postern::net
