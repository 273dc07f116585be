#include "sbc/net/mailbox.hpp"

#include <gtest/gtest.h>

namespace postern::net {
namespace {

sbc::Note note(std::uint64_t dialog) { return sbc::RouteSetNote{dialog, {}}; }

std::uint64_t dialog_of(const sbc::Note& note) { return std::get<sbc::RouteSetNote>(note).dialog; }

TEST(Mailbox, ItsReaderIsToldOnceForManyNotes) {
  Mailbox box;
  std::vector<sbc::Note> taken{note(0)};
  EXPECT_TRUE(box.put(note(1)));
  EXPECT_FALSE(box.put(note(2)));
  EXPECT_FALSE(box.take(taken));
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(dialog_of(taken[0]), 1U);
  EXPECT_EQ(dialog_of(taken[1]), 2U);
  EXPECT_TRUE(box.put(note(3)));
}

TEST(Mailbox, ALongRowIsTakenInTurns) {
  Mailbox box;
  const std::size_t count = Mailbox::at_once * 2 + 1;
  for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(box.put(note(i)), i == 0);
  std::uint64_t next = 0;
  std::vector<sbc::Note> taken;
  for (const bool more : {true, true, false}) {
    EXPECT_EQ(box.take(taken), more);
    for (const auto& each : taken) EXPECT_EQ(dialog_of(each), next++);
  }
  EXPECT_EQ(next, count);
  EXPECT_TRUE(box.put(note(0))) << "it is empty again";
}

TEST(Mailbox, WhereSomeAlwaysWaitTheOrderHolds) {
  Mailbox box;
  std::uint64_t put = 0, next = 0;
  const auto put_some = [&](std::size_t count) {
    for (; count > 0; --count) box.put(note(put++));
  };
  std::vector<sbc::Note> taken;
  put_some(3 * Mailbox::at_once + 7);
  for (int round = 0; round < 1000; ++round) {
    put_some(Mailbox::at_once);
    ASSERT_TRUE(box.take(taken));
    ASSERT_EQ(taken.size(), Mailbox::at_once);
    for (const auto& each : taken) ASSERT_EQ(dialog_of(each), next++);
  }
}

TEST(Mailbox, WhoeverTakesKnowsThatThereIsMore) {
  Mailbox box;
  std::vector<sbc::Note> taken;
  for (std::size_t i = 0; i <= Mailbox::at_once; ++i) box.put(note(i));
  ASSERT_TRUE(box.take(taken));
  EXPECT_FALSE(box.put(note(Mailbox::at_once + 1)));
  EXPECT_FALSE(box.take(taken));
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(dialog_of(taken[0]), Mailbox::at_once);
  EXPECT_EQ(dialog_of(taken[1]), Mailbox::at_once + 1);
}

TEST(Mailbox, IsEmptyAtFirst) {
  Mailbox box;
  std::vector<sbc::Note> taken;
  EXPECT_FALSE(box.take(taken));
  EXPECT_TRUE(taken.empty());
}

}  // namespace
}  // namespace postern::net
