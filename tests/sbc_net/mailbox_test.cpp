#include "sbc/net/mailbox.hpp"

#include <gtest/gtest.h>

namespace postern::net {
namespace {

std::shared_ptr<const sbc::Note> note(std::uint64_t dialog) { return std::make_shared<const sbc::Note>(sbc::RouteSetNote{dialog, {}}); }

std::uint64_t dialog_of(const std::shared_ptr<const sbc::Note>& note) { return std::get<sbc::RouteSetNote>(*note).dialog; }

TEST(Mailbox, ItsReaderIsToldOnceForManyNotes) {
  Mailbox box;
  EXPECT_TRUE(box.put(note(1)));
  EXPECT_FALSE(box.put(note(2)));
  const Mailbox::Taken taken = box.take();
  ASSERT_EQ(taken.notes.size(), 2U);
  EXPECT_EQ(dialog_of(taken.notes[0]), 1U);
  EXPECT_EQ(dialog_of(taken.notes[1]), 2U);
  EXPECT_FALSE(taken.more);
  EXPECT_TRUE(box.put(note(3)));
}

TEST(Mailbox, ALongRowIsTakenInTurns) {
  Mailbox box;
  const std::size_t count = Mailbox::at_once * 2 + 1;
  for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(box.put(note(i)), i == 0);
  std::uint64_t next = 0;
  for (const bool more : {true, true, false}) {
    const Mailbox::Taken taken = box.take();
    EXPECT_EQ(taken.more, more);
    for (const auto& each : taken.notes) EXPECT_EQ(dialog_of(each), next++);
  }
  EXPECT_EQ(next, count);
}

TEST(Mailbox, WhoeverTakesKnowsThatThereIsMore) {
  Mailbox box;
  for (std::size_t i = 0; i <= Mailbox::at_once; ++i) box.put(note(i));
  ASSERT_TRUE(box.take().more);
  EXPECT_FALSE(box.put(note(0)));
}

TEST(Mailbox, IsEmptyAtFirst) {
  Mailbox box;
  EXPECT_TRUE(box.take().notes.empty());
}

}  // namespace
}  // namespace postern::net
